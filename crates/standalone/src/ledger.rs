//! What is remembered beside the objects: their status as YAML, the last report of each session, the history.
//!
//! ```text
//! <folder>/status/
//!   server.lock                               held by the one process that owns gateway.json
//!   server.json                               its address and process id, while it serves
//!   gateway.json                              the push gateway's groups
//!   history.ndjson                            one line a session, for the plots of the page
//!   <namespace>/restic.<name>.yaml            objects with their status
//!   <namespace>/repository.<name>.yaml
//!   <namespace>/recovery.<name>.yaml
//!   <namespace>/report.<session>.<name>.json  the last report, from which metrics are published again
//!   <namespace>/<repository>.lock             held while a session changes that repository
//! ```
//!
//! Every file is replaced whole (temporary file, then rename), so a reader never sees half of one. A file that cannot
//! be read is moved aside and said; nothing in here is needed to restore data.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use domain::objects::recovery::{Recovery, RecoverySpec, RecoveryStatus};
use domain::objects::repository::{Repository, RepositoryStatus};
use domain::objects::restic::{Restic, ResticSpec, ResticStatus};
use domain::report::{Failure, FailureReason, SessionKind, SessionReport};
use engine::Cancel;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::folder::Key;
use crate::page::history::History;
use crate::page::model::HistoryPoint;

/// How long a session waits for another process that works on the same repository.
const LOCK_PATIENCE: Duration = Duration::from_secs(60);
/// How often it looks again.
const LOCK_LOOK: Duration = Duration::from_millis(100);

/// Something that could not be remembered.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// A file could not be written.
    #[error("cannot write {}: {reason}; free space or make the folder writable", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Another process serves this folder.
    #[error(
        "{holder} already serves this folder; stop it first, or run `stash backup --dir`, `stash recover --dir` beside it"
    )]
    Served {
        /// Who.
        holder: String,
    },
}

/// The status folder.
#[derive(Clone, Debug)]
pub struct Ledger {
    dir: PathBuf,
}

/// Held while a session changes a repository; let go when dropped.
#[derive(Debug)]
pub struct RepositoryLock {
    _file: File,
}

/// Held by the process that owns the gateway's file; let go when dropped.
#[derive(Debug)]
pub struct ServerLock {
    _file: File,
    record: PathBuf,
}

impl Drop for ServerLock {
    fn drop(&mut self) {
        // Nobody reads the record without finding the lock held, so a leftover does no harm.
        let _ = std::fs::remove_file(&self.record);
    }
}

/// Where the serving process can be reached.
#[derive(Clone, Debug, serde::Deserialize, Serialize)]
pub struct Server {
    /// Its address, `http://127.0.0.1:56789`.
    pub url: String,
    /// Its process id.
    pub pid: u32,
}

impl Ledger {
    /// A ledger in this folder, which is made when something is written.
    #[must_use]
    pub fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// The file of the push gateway.
    #[must_use]
    pub fn gateway_file(&self) -> PathBuf {
        self.dir.join("gateway.json")
    }

    /// Becomes the one process that owns the gateway's file.
    ///
    /// # Errors
    /// [`LedgerError::Served`] when there is one already.
    pub fn lock_server(&self) -> Result<ServerLock, LedgerError> {
        let path = self.dir.join("server.lock");
        let file = self.open_lock(&path)?;
        match file.try_lock() {
            Ok(()) => Ok(ServerLock { _file: file, record: self.dir.join("server.json") }),
            Err(std::fs::TryLockError::WouldBlock) => {
                let holder = self.server().map_or_else(
                    || "another stash process".to_owned(),
                    |server| format!("process {} at {}", server.pid, server.url),
                );
                Err(LedgerError::Served { holder })
            }
            Err(std::fs::TryLockError::Error(error)) => {
                Err(LedgerError::Write { path, reason: error.to_string() })
            }
        }
    }

    /// Says where the holder of the server lock can be reached.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn announce_server(&self, _held: &ServerLock, server: &Server) -> Result<(), LedgerError> {
        self.write_json(&self.dir.join("server.json"), server)
    }

    /// Where the serving process said that it can be reached.
    #[must_use]
    pub fn server(&self) -> Option<Server> {
        self.read(&self.dir.join("server.json"))
    }

    /// Waits, for a bounded time, until no other process changes this repository.
    ///
    /// # Errors
    /// `RepositoryLocked` after a minute, `Cancelled`, or what the file system says.
    pub fn lock_repository(
        &self,
        namespace: &str,
        repository: &str,
        cancel: &Cancel,
    ) -> Result<RepositoryLock, Failure> {
        let path = self.dir.join(namespace).join(format!("{repository}.lock"));
        let refuse = |reason, message| Failure { reason, message };
        let file =
            self.open_lock(&path).map_err(|error| refuse(FailureReason::Internal, error.to_string()))?;
        let begin = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(RepositoryLock { _file: file }),
                Err(std::fs::TryLockError::Error(error)) => {
                    let text = format!("cannot lock {}: {error}", path.display());
                    return Err(refuse(FailureReason::Internal, text));
                }
                Err(std::fs::TryLockError::WouldBlock) if cancel.is_cancelled() => {
                    let text = format!("stopped while waiting for Repository {namespace}/{repository}");
                    return Err(refuse(FailureReason::Cancelled, text));
                }
                Err(std::fs::TryLockError::WouldBlock) if begin.elapsed() > LOCK_PATIENCE => {
                    let text = format!(
                        "another stash process has been working on Repository {namespace}/{repository} for over {} s; \
                         wait for it to end (it holds {})",
                        LOCK_PATIENCE.as_secs(),
                        path.display()
                    );
                    return Err(refuse(FailureReason::RepositoryLocked, text));
                }
                Err(std::fs::TryLockError::WouldBlock) => std::thread::sleep(LOCK_LOOK),
            }
        }
    }

    fn open_lock(&self, path: &Path) -> Result<File, LedgerError> {
        make_parent(path)?;
        File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)
            .map_err(|error| LedgerError::Write { path: path.to_owned(), reason: error.to_string() })
    }

    /// The status of a Restic; empty when nothing is remembered.
    #[must_use]
    pub fn restic(&self, key: &Key) -> ResticStatus {
        self.read::<Restic>(&self.object("restic", key)).and_then(|object| object.status).unwrap_or_default()
    }

    /// Remembers the status of a Restic.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn set_restic(&self, key: &Key, spec: &ResticSpec, status: ResticStatus) -> Result<(), LedgerError> {
        let mut object = Restic::new(&key.name, spec.clone());
        object.metadata.namespace = Some(key.namespace.clone());
        object.status = Some(status);
        self.write_yaml(&self.object("restic", key), &object)
    }

    /// A Repository that a session has filled.
    #[must_use]
    pub fn repository(&self, key: &Key) -> Option<Repository> {
        self.read(&self.object("repository", key))
    }

    /// Remembers a Repository. What people put on the object earlier (`wipeOut`, labels, annotations) stays.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn set_repository(
        &self,
        mut object: Repository,
        status: RepositoryStatus,
    ) -> Result<(), LedgerError> {
        let name = object.metadata.name.clone().unwrap_or_default();
        let key = Key::new(object.metadata.namespace.as_deref(), &name);
        if let Some(before) = self.repository(&key) {
            object.spec.wipe_out = before.spec.wipe_out;
            let mut labels = before.metadata.labels.unwrap_or_default();
            labels.extend(object.metadata.labels.take().unwrap_or_default());
            object.metadata.labels = Some(labels);
        }
        object.status = Some(status);
        self.write_yaml(&self.object("repository", &key), &object)
    }

    /// The status of a Recovery; empty when nothing is remembered.
    #[must_use]
    pub fn recovery(&self, key: &Key) -> RecoveryStatus {
        self.read::<Recovery>(&self.object("recovery", key))
            .and_then(|object| object.status)
            .unwrap_or_default()
    }

    /// Remembers the status of a Recovery.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn set_recovery(
        &self,
        key: &Key,
        spec: &RecoverySpec,
        status: RecoveryStatus,
    ) -> Result<(), LedgerError> {
        let mut object = Recovery::new(&key.name, spec.clone());
        object.metadata.namespace = Some(key.namespace.clone());
        object.status = Some(status);
        self.write_yaml(&self.object("recovery", key), &object)
    }

    /// Every Restic and Recovery that something is remembered of.
    #[must_use]
    pub fn remembered(&self) -> Vec<(SessionKind, Key)> {
        let mut out = Vec::new();
        for folder in std::fs::read_dir(&self.dir).into_iter().flatten().flatten() {
            let namespace = folder.file_name().to_string_lossy().into_owned();
            for file in std::fs::read_dir(folder.path()).into_iter().flatten().flatten() {
                let file = file.file_name().to_string_lossy().into_owned();
                let Some(stem) = file.strip_suffix(".yaml") else { continue };
                if let Some(name) = stem.strip_prefix("restic.") {
                    out.push((SessionKind::Backup, Key::new(Some(&namespace), name)));
                } else if let Some(name) = stem.strip_prefix("recovery.") {
                    out.push((SessionKind::Recovery, Key::new(Some(&namespace), name)));
                }
            }
        }
        out
    }

    /// Forgets a Restic or Recovery that is no longer in the folder. Its Repository stays: the backups are there.
    pub fn forget(&self, session: SessionKind, key: &Key) {
        let kind = match session {
            SessionKind::Backup => "restic",
            SessionKind::Recovery => "recovery",
        };
        for path in [self.object(kind, key), self.report_file(session, key)] {
            if let Err(error) = std::fs::remove_file(&path)
                && error.kind() != std::io::ErrorKind::NotFound
            {
                tracing::warn!(path = %path.display(), %error, "cannot remove the status of an object that is gone");
            }
        }
    }

    /// The last report of a Restic's or Recovery's sessions.
    #[must_use]
    pub fn report(&self, session: SessionKind, key: &Key) -> Option<SessionReport> {
        self.read(&self.report_file(session, key))
    }

    /// Remembers the last report.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn set_report(&self, key: &Key, report: &SessionReport) -> Result<(), LedgerError> {
        self.write_json(&self.report_file(report.identity.session, key), report)
    }

    /// Adds one backup session to the history of its repository.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn add_history(&self, report: &SessionReport) -> Result<(), LedgerError> {
        let path = self.dir.join("history.ndjson");
        let lock = self.open_lock(&self.dir.join("history.lock"))?;
        let refuse = |reason: String| LedgerError::Write { path: path.clone(), reason };
        lock.lock().map_err(|error| refuse(error.to_string()))?;
        let mut history = History::open(&path).map_err(|error| refuse(error.to_string()))?;
        let repository = format!("{}/{}", report.identity.namespace, report.identity.repository);
        history.append(&repository, HistoryPoint::from(report)).map_err(|error| refuse(error.to_string()))
    }

    /// The history, as it stands.
    #[must_use]
    pub fn history(&self) -> Option<History> {
        History::open(self.dir.join("history.ndjson"))
            .map_err(|error| tracing::warn!(%error, "cannot read the history"))
            .ok()
    }

    fn object(&self, kind: &str, key: &Key) -> PathBuf {
        self.dir.join(&key.namespace).join(format!("{kind}.{}.yaml", key.name))
    }

    fn report_file(&self, session: SessionKind, key: &Key) -> PathBuf {
        self.dir.join(&key.namespace).join(format!("report.{}.{}.json", session.as_str(), key.name))
    }

    fn read<T: DeserializeOwned>(&self, path: &Path) -> Option<T> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "cannot read what was remembered");
                return None;
            }
        };
        let parsed = if path.extension().is_some_and(|end| end == "json") {
            serde_json::from_str(&text).map_err(|error| error.to_string())
        } else {
            serde_saphyr::from_str(&text).map_err(|error| error.to_string())
        };
        match parsed {
            Ok(value) => Some(value),
            Err(error) => {
                let aside = path.with_added_extension("damaged");
                let moved = std::fs::rename(path, &aside).is_ok();
                tracing::warn!(path = %path.display(), %error, moved, "what was remembered is damaged; it is moved aside and begun anew");
                None
            }
        }
    }

    fn write_json<T: Serialize>(&self, path: &Path, value: &T) -> Result<(), LedgerError> {
        let text = serde_json::to_string_pretty(value)
            .map_err(|error| LedgerError::Write { path: path.to_owned(), reason: error.to_string() })?;
        replace(path, &text)
    }

    fn write_yaml<T: Serialize>(&self, path: &Path, value: &T) -> Result<(), LedgerError> {
        let text = serde_saphyr::to_string(value)
            .map_err(|error| LedgerError::Write { path: path.to_owned(), reason: error.to_string() })?;
        replace(path, &text)
    }
}

fn make_parent(path: &Path) -> Result<(), LedgerError> {
    let Some(parent) = path.parent() else { return Ok(()) };
    std::fs::create_dir_all(parent)
        .map_err(|error| LedgerError::Write { path: parent.to_owned(), reason: error.to_string() })
}

fn replace(path: &Path, text: &str) -> Result<(), LedgerError> {
    make_parent(path)?;
    let refuse =
        |error: std::io::Error| LedgerError::Write { path: path.to_owned(), reason: error.to_string() };
    // The process id keeps two processes from writing one temporary file.
    let temporary = path.with_added_extension(format!("tmp-{}", std::process::id()));
    let written = File::create(&temporary)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .and_then(|()| std::fs::rename(&temporary, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    written.map_err(refuse)
}
