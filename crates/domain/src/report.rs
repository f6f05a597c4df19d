//! What a session did: the one value that status, events, metrics and the page are made from.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How a session, or one operation of it, ended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Outcome {
    /// All of it was done.
    Succeeded,
    /// A snapshot exists, but files that could not be read are missing from it.
    Incomplete,
    /// It was not done.
    Failed,
    /// It was stopped from outside.
    Cancelled,
}

impl Outcome {
    /// As status and the page show it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Succeeded => "Succeeded",
            Outcome::Incomplete => "Incomplete",
            Outcome::Failed => "Failed",
            Outcome::Cancelled => "Cancelled",
        }
    }

    /// The graver of two.
    #[must_use]
    pub fn worst(self, other: Outcome) -> Outcome {
        if self.gravity() >= other.gravity() { self } else { other }
    }

    fn gravity(self) -> u8 {
        match self {
            Outcome::Succeeded => 0,
            Outcome::Incomplete => 1,
            Outcome::Failed => 2,
            Outcome::Cancelled => 3,
        }
    }
}

/// Why something failed: a closed list, so that it can be a metric label and an alert can branch on it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureReason {
    /// The object itself is refused.
    InvalidSpec,
    /// The Secret does not exist.
    SecretMissing,
    /// The Secret lacks a key or holds one that cannot be used.
    SecretInvalid,
    /// The repository exists and its password is another.
    WrongPassword,
    /// There is no repository where one was expected.
    RepositoryMissing,
    /// Something else lives there (a file, a folder of other data).
    NotARepository,
    /// The repository is locked by somebody else.
    RepositoryLocked,
    /// Parts of the repository are missing or altered.
    RepositoryDamaged,
    /// The storage did not answer.
    StorageUnreachable,
    /// The storage refused: credentials or permissions.
    StorageDenied,
    /// The storage has no room.
    StorageFull,
    /// What this build or mode cannot do.
    Unsupported,
    /// The path to back up does not exist.
    SourceMissing,
    /// The path to back up, or files below it, cannot be read.
    SourceUnreadable,
    /// No snapshot fits the request.
    SnapshotMissing,
    /// The place to restore to cannot be written.
    TargetUnwritable,
    /// It was stopped from outside.
    Cancelled,
    /// A defect of Stash.
    Internal,
}

impl FailureReason {
    /// Every reason, in the order of the list above.
    pub const ALL: [FailureReason; 18] = [
        FailureReason::InvalidSpec,
        FailureReason::SecretMissing,
        FailureReason::SecretInvalid,
        FailureReason::WrongPassword,
        FailureReason::RepositoryMissing,
        FailureReason::NotARepository,
        FailureReason::RepositoryLocked,
        FailureReason::RepositoryDamaged,
        FailureReason::StorageUnreachable,
        FailureReason::StorageDenied,
        FailureReason::StorageFull,
        FailureReason::Unsupported,
        FailureReason::SourceMissing,
        FailureReason::SourceUnreadable,
        FailureReason::SnapshotMissing,
        FailureReason::TargetUnwritable,
        FailureReason::Cancelled,
        FailureReason::Internal,
    ];

    /// The value of the metric label `reason`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            FailureReason::InvalidSpec => "invalid_spec",
            FailureReason::SecretMissing => "secret_missing",
            FailureReason::SecretInvalid => "secret_invalid",
            FailureReason::WrongPassword => "wrong_password",
            FailureReason::RepositoryMissing => "repository_missing",
            FailureReason::NotARepository => "not_a_repository",
            FailureReason::RepositoryLocked => "repository_locked",
            FailureReason::RepositoryDamaged => "repository_damaged",
            FailureReason::StorageUnreachable => "storage_unreachable",
            FailureReason::StorageDenied => "storage_denied",
            FailureReason::StorageFull => "storage_full",
            FailureReason::Unsupported => "unsupported",
            FailureReason::SourceMissing => "source_missing",
            FailureReason::SourceUnreadable => "source_unreadable",
            FailureReason::SnapshotMissing => "snapshot_missing",
            FailureReason::TargetUnwritable => "target_unwritable",
            FailureReason::Cancelled => "cancelled",
            FailureReason::Internal => "internal",
        }
    }
}

/// What failed, on which object, and what to do.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// The kind of failure.
    pub reason: FailureReason,
    /// One line for people: what failed, on which object, why, and what to do. Never a secret.
    pub message: String,
}

/// What a session is: the value of the grouping label `session`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SessionKind {
    /// Backup, forget and prune.
    Backup,
    /// Restore.
    Recovery,
}

impl SessionKind {
    /// The label value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            SessionKind::Backup => "backup",
            SessionKind::Recovery => "recovery",
        }
    }
}

/// Whose session it was: what the grouping key of its metrics is made from.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionIdentity {
    /// Backup or recovery.
    pub session: SessionKind,
    /// Namespace of the Restic or Recovery.
    pub namespace: String,
    /// Name of the Restic or Recovery.
    pub config: String,
    /// Kind of the workload (`Deployment`, …, `Host`).
    pub kind: String,
    /// Name of the workload.
    pub app: String,
    /// Name of the Repository.
    pub repository: String,
}

/// One session, from its tick to its end, whatever happened in between.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionReport {
    /// Whose it was.
    pub identity: SessionIdentity,
    /// When it began.
    pub start: Timestamp,
    /// How long it took.
    pub duration: Duration,
    /// The worst of its parts.
    pub outcome: Outcome,
    /// The first failure, when there was one.
    pub failure: Option<Failure>,
    /// One entry per file group (backup) or path (recovery) that was attempted.
    pub groups: Vec<GroupReport>,
    /// Bytes of the repository in the storage, when they were measured.
    pub repository_bytes: Option<u64>,
    /// Snapshots in the repository, when they were counted.
    pub repository_snapshots: Option<u64>,
}

impl SessionReport {
    /// The report of a session that has just begun: a success of nothing, to be filled.
    #[must_use]
    pub fn begun(identity: SessionIdentity, start: Timestamp) -> Self {
        Self {
            identity,
            start,
            duration: Duration::ZERO,
            outcome: Outcome::Succeeded,
            failure: None,
            groups: Vec::new(),
            repository_bytes: None,
            repository_snapshots: None,
        }
    }

    /// The report of a session that could not even begin.
    #[must_use]
    pub fn failed(identity: SessionIdentity, start: Timestamp, failure: Failure) -> Self {
        Self { outcome: Outcome::Failed, failure: Some(failure), ..Self::begun(identity, start) }
    }
}

/// What happened to one file group, or one restored path.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupReport {
    /// The path, as in the spec.
    pub path: String,
    /// The backup, when it was attempted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<OperationReport>,
    /// The forget (with its prune), when it was attempted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forget: Option<OperationReport>,
    /// The restore, when it was attempted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore: Option<OperationReport>,
    /// Id of the snapshot that was made or restored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
    /// Files and bytes of the backup or restore, when it got that far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Amount>,
    /// Files that could not be read: the first few, with the reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<SkippedFile>,
    /// Snapshots of this host and path that forget kept and removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<RetentionCount>,
}

/// How one operation ended.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OperationReport {
    /// Its own outcome.
    pub outcome: Outcome,
    /// How long it took.
    pub duration: Duration,
    /// Why it did not succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// Files and bytes of one backup or restore. A restore counts every restored file as new.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Amount {
    /// Files that the parent snapshot does not have.
    pub files_new: u64,
    /// Files that differ from the parent snapshot.
    pub files_changed: u64,
    /// Files that are as in the parent snapshot.
    pub files_unmodified: u64,
    /// Files and folders that could not be read.
    pub files_skipped: u64,
    /// Bytes of all files of the snapshot, also the unmodified ones; of a restore, bytes written.
    pub bytes_processed: u64,
    /// Bytes that were new to the repository, as stored (compressed and encrypted); 0 for a restore.
    pub bytes_added: u64,
}

/// A file that is missing from a snapshot.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SkippedFile {
    /// Its path.
    pub path: String,
    /// Why it could not be read.
    pub error: String,
}

/// What forget decided for one host and path.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RetentionCount {
    /// Snapshots that stay.
    pub kept: u64,
    /// Snapshots that went (or would have gone, in a dry run).
    pub removed: u64,
}
