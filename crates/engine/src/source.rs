//! What rustic_core reads when it backs up: the file system, with nothing left out in silence.
//!
//! rustic_core's own source drops the metadata of the backed-up folder and of its ancestors, and only logs what it
//! could not read. This one yields the ancestors and the folder itself first, and keeps a [`Tally`] of everything
//! that is missing from the snapshot.

mod reader;
mod tally;
mod walk;

pub(crate) use tally::Tally;

use crate::cancel::Stop;
use crate::error::Fault;
use crate::progress::Meter;
use domain::report::FailureReason;
use reader::Unopened;
use rustic_core::{ReadSource, RusticResult};
use std::fs::{self, File};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use walk::{Entries, walker};

/// One path to back up.
pub(crate) struct Source {
    /// The path as it was named, and as it will be in the snapshot.
    named: PathBuf,
    /// Where it really is: the named path may be, or lead over, symbolic links.
    real: PathBuf,
    stop: Arc<Stop>,
    meter: Arc<Meter>,
    tally: Arc<Tally>,
}

impl Source {
    /// Looks whether `path` can be read at all.
    pub(crate) fn new(path: &Path, stop: &Arc<Stop>, meter: &Arc<Meter>) -> Result<Self, Fault> {
        let named = clean(path)?;
        let real = fs::canonicalize(&named).map_err(|error| unreadable(&named, &error))?;
        let metadata = fs::metadata(&real).map_err(|error| unreadable(&named, &error))?;
        if metadata.is_dir() {
            fs::read_dir(&real).map(drop).map_err(|error| unreadable(&named, &error))?;
        } else if metadata.is_file() {
            File::open(&real).map(drop).map_err(|error| unreadable(&named, &error))?;
        }
        Ok(Self { named, real, stop: stop.clone(), meter: meter.clone(), tally: Arc::new(Tally::default()) })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.named
    }

    pub(crate) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Counts what there is to do, for the progress only: what cannot be read is simply not counted.
    pub(crate) fn scan(&self, enough: &AtomicBool) {
        let (mut files, mut bytes) = (0_u64, 0_u64);
        for entry in walker(&self.real).flatten() {
            if enough.load(Ordering::Relaxed) || self.stop.is_stopped() {
                return;
            }
            if let Ok(metadata) = entry.metadata()
                && !metadata.is_dir()
            {
                files += 1;
                bytes = bytes.saturating_add(metadata.len());
            }
        }
        self.meter.set_total(files, bytes);
    }
}

impl ReadSource for Source {
    type Open = Unopened;
    type Iter = Entries;

    fn size(&self) -> RusticResult<Option<u64>> {
        Ok(None)
    }

    fn entries(&self) -> Entries {
        Entries::new(self)
    }
}

/// The path without trailing slashes and single dots. A snapshot holds absolute paths, so it must be one.
fn clean(path: &Path) -> Result<PathBuf, Fault> {
    let refused =
        |why: &str| Fault::new(FailureReason::InvalidSpec, format!("the path {} {why}", path.display()));
    if !path.is_absolute() {
        return Err(refused("is not absolute"));
    }
    if path.components().any(|component| component == Component::ParentDir) {
        return Err(refused("contains `..`"));
    }
    if path.to_str().is_none() {
        return Err(refused("is not UTF-8, which snapshots cannot name"));
    }
    Ok(path.components().collect())
}

fn unreadable(path: &Path, error: &io::Error) -> Fault {
    let reason = match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => FailureReason::SourceMissing,
        _ => FailureReason::SourceUnreadable,
    };
    Fault::new(reason, format!("cannot read {}: {error}", path.display()))
}
