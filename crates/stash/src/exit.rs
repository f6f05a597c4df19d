//! Exit codes: those of restic where restic has one, so that scripts carry over.

use std::process::ExitCode;

use domain::report::{Failure, FailureReason, Outcome};

/// How the process ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Exit {
    /// Everything was done.
    Done,
    /// Something failed.
    Failed,
    /// The command line is wrong.
    WrongUsage,
    /// A snapshot was made, but files are missing from it.
    Incomplete,
    /// There is no repository.
    NoRepository,
    /// Somebody else holds the repository.
    Locked,
    /// The password is another.
    WrongPassword,
    /// It failed, and another attempt may not: `EX_TEMPFAIL` of sysexits.h.
    TryAgain,
    /// Stopped by a signal.
    Stopped,
}

/// A failure on its way to `main`, with its reason kept for the exit code.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.message)]
pub(crate) struct Reasoned(pub(crate) Failure);

impl Exit {
    /// The code for a session's outcome.
    pub(crate) fn of_outcome(outcome: Outcome, reason: Option<FailureReason>) -> Self {
        match outcome {
            Outcome::Succeeded => Exit::Done,
            Outcome::Incomplete => Exit::Incomplete,
            Outcome::Cancelled => Exit::Stopped,
            Outcome::Failed => reason.map_or(Exit::Failed, Exit::of_reason),
        }
    }

    /// The code for an error that ended the command.
    pub(crate) fn of(error: &anyhow::Error) -> Self {
        error
            .downcast_ref::<Reasoned>()
            .map_or(Exit::Failed, |Reasoned(failure)| Exit::of_reason(failure.reason))
    }

    fn of_reason(reason: FailureReason) -> Self {
        match reason {
            FailureReason::RepositoryMissing => Exit::NoRepository,
            FailureReason::RepositoryLocked => Exit::Locked,
            FailureReason::WrongPassword => Exit::WrongPassword,
            FailureReason::Cancelled => Exit::Stopped,
            FailureReason::InvalidSpec
            | FailureReason::SecretMissing
            | FailureReason::SecretInvalid
            | FailureReason::NotARepository
            | FailureReason::RepositoryDamaged
            | FailureReason::StorageUnreachable
            | FailureReason::StorageDenied
            | FailureReason::StorageFull
            | FailureReason::Unsupported
            | FailureReason::SourceMissing
            | FailureReason::SourceUnreadable
            | FailureReason::SnapshotMissing
            | FailureReason::TargetUnwritable
            | FailureReason::Internal => Exit::Failed,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::WrongUsage => 2,
            Exit::Incomplete => 3,
            Exit::NoRepository => 10,
            Exit::Locked => 11,
            Exit::WrongPassword => 12,
            Exit::TryAgain => 75,
            Exit::Stopped => 130,
        })
    }
}
