//! How far a running verb is: counters that any thread may turn, read out by one thread.
//!
//! rustic_core wants what it counts with to live as long as the process, while callers want to lend a value. So
//! the verbs only turn shared counters, and a thread that lives as long as the verb tells the caller.

use rustic_core::{Progress as Bar, ProgressBars, ProgressType, RusticProgress};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// What a verb is busy with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Phase {
    /// Opening the index and looking for the parent snapshot.
    Scanning,
    /// Reading files and storing them.
    BackingUp,
    /// Deciding about and removing snapshots.
    Forgetting,
    /// Freeing the space of what no snapshot needs.
    Pruning,
    /// Looking for damage.
    Checking,
    /// Writing files.
    Restoring,
}

/// Who wants to know how far a verb is. Called about ten times a second, from one thread at a time, which need not
/// be the thread that called the verb.
pub trait Progress: Send + Sync {
    /// A new phase began.
    fn phase(&self, phase: Phase);
    /// What there is to do in all, as far as it is known; may be told again.
    fn total(&self, files: u64, bytes: u64);
    /// What was done since the last call.
    fn advance(&self, files: u64, bytes: u64);
    /// The file that is being read or written.
    fn file(&self, path: &Path);
}

/// Nobody wants to know.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quiet;

impl Progress for Quiet {
    fn phase(&self, _: Phase) {}
    fn total(&self, _: u64, _: u64) {}
    fn advance(&self, _: u64, _: u64) {}
    fn file(&self, _: &Path) {}
}

/// The counters of one verb.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    files: AtomicU64,
    bytes: AtomicU64,
    total_files: AtomicU64,
    total_bytes: AtomicU64,
    current: Mutex<Option<PathBuf>>,
}

impl Meter {
    pub(crate) fn add(&self, files: u64, bytes: u64) {
        self.files.fetch_add(files, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn set_total(&self, files: u64, bytes: u64) {
        self.total_files.store(files, Ordering::Relaxed);
        self.total_bytes.store(bytes, Ordering::Relaxed);
    }

    pub(crate) fn at(&self, path: &Path) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some(path.to_owned());
    }

    fn tell(&self, progress: &dyn Progress, told: &mut Told) {
        let total = (self.total_files.load(Ordering::Relaxed), self.total_bytes.load(Ordering::Relaxed));
        if total != told.total {
            told.total = total;
            progress.total(total.0, total.1);
        }
        let done = (self.files.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed));
        if done != told.done {
            progress.advance(done.0.saturating_sub(told.done.0), done.1.saturating_sub(told.done.1));
            told.done = done;
        }
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(path) = current {
            progress.file(&path);
        }
    }
}

#[derive(Default)]
struct Told {
    total: (u64, u64),
    done: (u64, u64),
}

/// Runs `work` and tells `progress` what `meter` counts until it returns.
pub(crate) fn watch<T>(progress: &dyn Progress, meter: &Meter, work: impl FnOnce() -> T) -> T {
    let over = (Mutex::new(false), Condvar::new());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut told = Told::default();
            let mut finished = over.0.lock().unwrap_or_else(PoisonError::into_inner);
            while !*finished {
                finished = over
                    .1
                    .wait_timeout(finished, Duration::from_millis(100))
                    .unwrap_or_else(PoisonError::into_inner)
                    .0;
                meter.tell(progress, &mut told);
            }
        });
        let finish = Finish(&over);
        let result = work();
        drop(finish);
        result
    })
}

/// Ends the telling thread also when the work panics; the scope would wait for it for ever otherwise.
struct Finish<'a>(&'a (Mutex<bool>, Condvar));

impl Drop for Finish<'_> {
    fn drop(&mut self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.1.notify_all();
    }
}

/// What rustic_core counts with: bytes go to the meter, everything else is not worth telling.
#[derive(Debug)]
pub(crate) struct Bars {
    pub(crate) meter: Arc<Meter>,
}

impl ProgressBars for Bars {
    fn progress(&self, kind: ProgressType, _prefix: &str) -> Bar {
        match kind {
            ProgressType::Bytes => {
                Bar::new(Bytes { meter: self.meter.clone(), told: AtomicBool::new(false) })
            }
            ProgressType::Spinner | ProgressType::Counter => Bar::hidden(),
        }
    }
}

#[derive(Debug)]
struct Bytes {
    meter: Arc<Meter>,
    told: AtomicBool,
}

impl RusticProgress for Bytes {
    fn is_hidden(&self) -> bool {
        false
    }

    fn set_length(&self, length: u64) {
        // Several bars may follow one another within a verb; what was done before belongs to the total.
        if !self.told.swap(true, Ordering::Relaxed) {
            let before = self.meter.bytes.load(Ordering::Relaxed);
            self.meter.total_bytes.store(before.saturating_add(length), Ordering::Relaxed);
        }
    }

    fn set_title(&self, _: &str) {}

    fn inc(&self, bytes: u64) {
        self.meter.add(0, bytes);
    }

    fn finish(&self) {}
}
