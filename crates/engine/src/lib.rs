//! Put bytes into a restic repository and get them back.

mod backend;
mod cancel;
mod error;
mod progress;
mod source;
mod verb;

pub mod backup;
pub mod check;
pub mod forget;
pub mod init;
pub mod open;
pub mod prune;
pub mod restore;
pub mod snapshots;
pub mod stats;

pub use backup::{BackupOutcome, BackupRequest};
pub use cancel::Cancel;
pub use check::{CheckOutcome, CheckRequest};
pub use domain::location::Location;
pub use domain::report::{Amount, Failure, FailureReason, RetentionCount, SkippedFile};
pub use error::Error;
pub use forget::{ForgetOutcome, ForgetRequest};
pub use init::{exists, init};
pub use open::{Credentials, Environment, Repository, open, open_or_init};
pub use progress::{Phase, Progress, Quiet};
pub use prune::PruneOutcome;
pub use restore::{RestoreOutcome, RestoreRequest, Which};
pub use snapshots::SnapshotInfo;
