//! What could not be read, counted and named.

use domain::report::SkippedFile;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// How many skipped files are kept by name; all are counted.
const NAMED: usize = 100;

/// Counts of one walk over a source. Files here are all entries that are not folders.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    emitted: AtomicU64,
    dropped: AtomicU64,
    skipped: AtomicU64,
    named: Mutex<Vec<SkippedFile>>,
}

impl Tally {
    /// A file was handed to the archiver.
    pub(super) fn emitted(&self) {
        self.emitted.fetch_add(1, Ordering::Relaxed);
    }

    /// A file that was handed to the archiver turned out to be unreadable, so that it will not be in the snapshot.
    pub(super) fn dropped(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    /// Something that exists is missing from the snapshot.
    pub(super) fn skip(&self, path: &Path, error: impl ToString) {
        self.skipped.fetch_add(1, Ordering::Relaxed);
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        if named.len() < NAMED {
            named.push(SkippedFile { path: path.display().to_string(), error: error.to_string() });
        }
    }

    /// As [`skip`](Self::skip), but what has vanished since its folder was listed is not missing from the snapshot:
    /// it does not exist.
    pub(super) fn skip_unless_gone(&self, path: &Path, error: &io::Error) {
        if error.kind() != io::ErrorKind::NotFound {
            self.skip(path, error);
        }
    }

    /// Compares with how many files the snapshot holds: a file that the archiver dropped for a reason of its own
    /// must not go unnoticed either.
    pub(crate) fn reconcile(&self, root: &Path, archived: u64) {
        let expected =
            self.emitted.load(Ordering::Relaxed).saturating_sub(self.dropped.load(Ordering::Relaxed));
        for _ in archived..expected {
            self.skip(root, "a file below this path was read but not stored");
        }
    }

    pub(crate) fn skipped(&self) -> (u64, Vec<SkippedFile>) {
        let named = self.named.lock().unwrap_or_else(PoisonError::into_inner).clone();
        (self.skipped.load(Ordering::Relaxed), named)
    }
}
