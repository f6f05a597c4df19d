//! What happens right now: running sessions with their progress, next runs, tick counts. The page reads it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use agent::ticks::TickCounts;
use domain::report::SessionKind;
use engine::{Phase, Progress};
use jiff::Timestamp;

use crate::folder::Key;
use crate::page::model::RunningView;

/// Shows the progress of a session to the person who started the process.
pub trait Console: Send + Sync {
    /// A session begins; the returned progress ends when it is dropped.
    fn begin(&self, title: &str) -> Box<dyn Progress>;
}

/// A console that shows nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoConsole;

impl Console for NoConsole {
    fn begin(&self, _title: &str) -> Box<dyn Progress> {
        Box::new(engine::Quiet)
    }
}

/// When a Restic runs next, and what became of its ticks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Upcoming {
    /// When the next session is due.
    pub next: Option<Timestamp>,
    /// What became of the ticks so far.
    pub ticks: TickCounts,
}

/// The live state of the process.
#[derive(Debug, Default)]
pub struct Live {
    running: Mutex<BTreeMap<(SessionKind, Key), Arc<Running>>>,
    upcoming: Mutex<BTreeMap<Key, Upcoming>>,
}

impl Live {
    /// A session begins.
    pub fn begin(&self, session: SessionKind, key: &Key, started: Timestamp) -> Arc<Running> {
        let running = Arc::new(Running::new(started));
        lock(&self.running).insert((session, key.clone()), Arc::clone(&running));
        running
    }

    /// A session has ended.
    pub fn end(&self, session: SessionKind, key: &Key) {
        lock(&self.running).remove(&(session, key.clone()));
    }

    /// The progress of a running session.
    #[must_use]
    pub fn running(&self, session: SessionKind, key: &Key) -> Option<RunningView> {
        lock(&self.running).get(&(session, key.clone())).map(|running| running.view())
    }

    /// Sets when a Restic runs next.
    pub fn set_upcoming(&self, key: &Key, upcoming: Upcoming) {
        lock(&self.upcoming).insert(key.clone(), upcoming);
    }

    /// When a Restic runs next.
    #[must_use]
    pub fn upcoming(&self, key: &Key) -> Upcoming {
        lock(&self.upcoming).get(key).copied().unwrap_or_default()
    }
}

/// The progress of one session.
#[derive(Debug)]
pub struct Running {
    started: Timestamp,
    phase: Mutex<(Phase, Option<String>)>,
    files_done: AtomicU64,
    bytes_done: AtomicU64,
    /// 0 is "not counted yet": nobody sees the difference to "nothing to do".
    files_total: AtomicU64,
    bytes_total: AtomicU64,
}

impl Running {
    fn new(started: Timestamp) -> Self {
        Self {
            started,
            phase: Mutex::new((Phase::Scanning, None)),
            files_done: AtomicU64::new(0),
            bytes_done: AtomicU64::new(0),
            files_total: AtomicU64::new(0),
            bytes_total: AtomicU64::new(0),
        }
    }

    fn view(&self) -> RunningView {
        let (phase, file) = lock(&self.phase).clone();
        let known = |total: u64| (total > 0).then_some(total);
        RunningView {
            started: self.started,
            phase: words(phase).to_owned(),
            path: None,
            files_done: self.files_done.load(Ordering::Relaxed),
            files_total: known(self.files_total.load(Ordering::Relaxed)),
            bytes_done: self.bytes_done.load(Ordering::Relaxed),
            bytes_total: known(self.bytes_total.load(Ordering::Relaxed)),
            current_file: file,
        }
    }
}

impl Progress for Running {
    fn phase(&self, phase: Phase) {
        *lock(&self.phase) = (phase, None);
        // What a scan counted is what the backup after it works off.
        if phase != Phase::BackingUp {
            for counter in [&self.files_total, &self.bytes_total] {
                counter.store(0, Ordering::Relaxed);
            }
        }
        self.files_done.store(0, Ordering::Relaxed);
        self.bytes_done.store(0, Ordering::Relaxed);
    }

    fn total(&self, files: u64, bytes: u64) {
        self.files_total.store(files, Ordering::Relaxed);
        self.bytes_total.store(bytes, Ordering::Relaxed);
    }

    fn advance(&self, files: u64, bytes: u64) {
        self.files_done.fetch_add(files, Ordering::Relaxed);
        self.bytes_done.fetch_add(bytes, Ordering::Relaxed);
    }

    fn file(&self, path: &Path) {
        lock(&self.phase).1 = Some(path.display().to_string());
    }
}

/// Progress shown in two places.
pub struct Both {
    /// For the page.
    pub page: Arc<Running>,
    /// For the terminal.
    pub console: Box<dyn Progress>,
}

impl Progress for Both {
    fn phase(&self, phase: Phase) {
        self.page.phase(phase);
        self.console.phase(phase);
    }

    fn total(&self, files: u64, bytes: u64) {
        self.page.total(files, bytes);
        self.console.total(files, bytes);
    }

    fn advance(&self, files: u64, bytes: u64) {
        self.page.advance(files, bytes);
        self.console.advance(files, bytes);
    }

    fn file(&self, path: &Path) {
        self.page.file(path);
        self.console.file(path);
    }
}

/// A phase as people say it.
#[must_use]
pub fn words(phase: Phase) -> &'static str {
    match phase {
        Phase::Scanning => "Looking for what has changed",
        Phase::BackingUp => "Backing up",
        Phase::Forgetting => "Applying the retention policy",
        Phase::Pruning => "Pruning",
        Phase::Checking => "Checking",
        Phase::Restoring => "Restoring",
    }
}

/// A panic of another thread leaves these plain values whole, so its poison is no reason to stop.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
