//! The one error of the engine: what failed on which object, why, and what to do about it.

use domain::report::{Failure, FailureReason};

/// Why a verb did not do what it was asked to do.
///
/// Its `Display` is one line: what failed on which object, the cause, the remedy. It never holds a secret.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{what}: {cause}; {}", .remedy.unwrap_or_else(|| usual_remedy(*.reason)))]
pub struct Error {
    reason: FailureReason,
    what: String,
    cause: String,
    remedy: Option<&'static str>,
}

impl Error {
    pub(crate) fn new(reason: FailureReason, what: impl Into<String>, cause: impl AsRef<str>) -> Self {
        Self { reason, what: what.into(), cause: one_line(cause.as_ref()), remedy: None }
    }

    pub(crate) fn with_remedy(self, remedy: &'static str) -> Self {
        Self { remedy: Some(remedy), ..self }
    }

    pub(crate) fn from_fault(what: &str, fault: Fault) -> Self {
        Self::new(fault.reason, what, fault.cause)
    }

    pub(crate) fn cause(&self) -> &str {
        &self.cause
    }

    /// The kind of failure, for metrics and conditions.
    #[must_use]
    pub fn reason(&self) -> FailureReason {
        self.reason
    }

    /// Whether the same call may succeed a little later without anybody doing anything.
    #[must_use]
    pub fn retryable(&self) -> bool {
        matches!(self.reason, FailureReason::StorageUnreachable | FailureReason::RepositoryLocked)
    }
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        Failure { reason: error.reason, message: error.to_string() }
    }
}

/// A failure of the storage or the source before it is known which verb it spoils.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) reason: FailureReason,
    pub(crate) cause: String,
}

impl Fault {
    pub(crate) fn new(reason: FailureReason, cause: impl Into<String>) -> Self {
        Self { reason, cause: cause.into() }
    }
}

/// Messages of libraries span lines and paragraphs; logs, events and conditions want one line.
pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").trim_end_matches(['.', ';']).to_owned()
}

fn usual_remedy(reason: FailureReason) -> &'static str {
    match reason {
        FailureReason::InvalidSpec => "correct the path in the spec",
        FailureReason::SecretMissing => "create the Secret",
        FailureReason::SecretInvalid => "correct the value in the Secret",
        FailureReason::WrongPassword => "give RESTIC_PASSWORD the password the repository was created with",
        FailureReason::RepositoryMissing => "correct the location, or run a backup to create the repository",
        FailureReason::NotARepository => {
            "choose an empty or not yet existing folder, or remove what is there"
        }
        FailureReason::RepositoryLocked => "wait for the other process, or remove its lock when it is dead",
        FailureReason::RepositoryDamaged => {
            "make a copy of the repository before anything else, run a check with reading of all data, and repair \
             it with `restic repair`; snapshots that do not use the damaged part can still be restored"
        }
        FailureReason::StorageUnreachable => {
            "see whether the storage is mounted and healthy; it is tried again"
        }
        FailureReason::StorageDenied => "give the process read and write permission for the storage",
        FailureReason::StorageFull => "free space in the storage or make it larger",
        FailureReason::Unsupported => "use a local backend",
        FailureReason::SourceMissing => "correct the path, or mount the volume that holds it",
        FailureReason::SourceUnreadable => "give the process permission to read the path",
        FailureReason::SnapshotMissing => "list the snapshots and name one that holds this path",
        FailureReason::TargetUnwritable => "see that the target is writable and has room, and restore again",
        FailureReason::Cancelled => "start it again when wanted",
        FailureReason::Internal => "report it as a defect, with this line",
    }
}
