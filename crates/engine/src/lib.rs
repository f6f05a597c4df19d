//! Put bytes into a restic repository and get them back.
//!
//! One verb a module. Every verb blocks, uses threads of its own, and returns a typed outcome or one [`Error`] that
//! says what failed on which object, why, and what to do; a panic below becomes such an error. A verb whose
//! [`Cancel`] is set ends within seconds with [`FailureReason::Cancelled`]. How far it is, it tells a [`Progress`].
//! From asynchronous code call verbs with `spawn_blocking`, or better, in a process of their own.
//!
//! | verb | promise |
//! |---|---|
//! | [`exists`] | a place that cannot be seen is an error, never "no" |
//! | [`init()`](init()) | only where there is nothing; format version 2, for restic 0.14 and later |
//! | [`open()`](open()) | nothing there, something else there, a wrong password and damage are told apart |
//! | [`Repository::backup`] | what cannot be read is counted and named; a snapshot exists or it does not, and earlier ones are never touched |
//! | [`Repository::forget`] | only snapshots of one host and path; when one snapshot cannot be read, none is removed |
//! | [`Repository::prune`] | nothing goes on the day it is found to be unused; nothing at all goes when not everything could be read |
//! | [`Repository::check`] | damage is a finding; an error means that it could not be looked for |
//! | [`Repository::snapshots`] | all or an error |
//! | [`Repository::restore`] | only the path that was asked for; files appear whole or not at all; links in the target are not followed; one unreadable blob costs its files only |
//! | [`Repository::size`] | bytes of all files in the storage |
//!
//! The format, the cryptography and the algorithms are those of the published `rustic_core`. Between it and the
//! world stand a source, a storage layer and a restore of our own (`source`, `backend`, `restore`), for what it
//! leaves unsaid or undone: read the first lines of those modules for the reasons. What is still missing are
//! restic's lock files: until they are written and honoured, a `restic prune` by hand must not run beside a backup.

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
