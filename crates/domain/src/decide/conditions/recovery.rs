//! The phases of a Recovery. They only move forward: `Pending`, `Running`, then `Succeeded` or `Failed` for good.
//! Whatever is observed after the end, be it by an operator that was just started, changes nothing.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{New, joined, set};
use crate::objects::recovery::{RecoveryPhase, RecoveryStatus};
use crate::rules::status::{COMPLETE, recovery_running};
use crate::rules::validate::Refusal;

/// Why a Recovery is in its phase: the reason of its condition `Complete`. What its session itself reports has the
/// outcome of the session as reason.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RecoveryReason {
    /// Pending: the Recovery is refused; it goes on when it is corrected.
    Invalid,
    /// Pending: its Repository does not exist.
    RepositoryMissing,
    /// Pending: its Repository has no or wrong labels.
    RepositoryInvalid,
    /// Pending: the Repository does not allow Recoveries of this namespace.
    NotAllowed,
    /// Pending: the storage Secret of the Repository does not exist.
    SecretMissing,
    /// Pending: a Job that is not its own has the name that its own would have.
    NameTaken,
    /// Running: its Job exists.
    JobCreated,
    /// Succeeded: its Job did.
    JobSucceeded,
    /// Failed: its Job did.
    JobFailed,
    /// Failed: its Job took longer than it may.
    DeadlineExceeded,
    /// Failed: its Job is gone before it ended. It is not made again, since nobody knows what it did.
    JobGone,
}

impl RecoveryReason {
    /// As the condition says it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            RecoveryReason::Invalid => "Invalid",
            RecoveryReason::RepositoryMissing => "RepositoryMissing",
            RecoveryReason::RepositoryInvalid => "RepositoryInvalid",
            RecoveryReason::NotAllowed => "NotAllowed",
            RecoveryReason::SecretMissing => "SecretMissing",
            RecoveryReason::NameTaken => "NameTaken",
            RecoveryReason::JobCreated => "JobCreated",
            RecoveryReason::JobSucceeded => "JobSucceeded",
            RecoveryReason::JobFailed => "JobFailed",
            RecoveryReason::DeadlineExceeded => "DeadlineExceeded",
            RecoveryReason::JobGone => "JobGone",
        }
    }
}

/// What was observed of a Recovery.
#[derive(Clone, Copy, Debug)]
pub enum RecoveryObservation<'a> {
    /// It is refused.
    Refused(&'a [Refusal]),
    /// It cannot start yet.
    Waits {
        /// Why not.
        reason: RecoveryReason,
        /// What is missing and what to do.
        message: &'a str,
    },
    /// Its Job, as it is.
    Job(JobState<'a>),
}

/// The Job of a Recovery.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum JobState<'a> {
    /// There is none.
    Missing,
    /// It has not ended.
    Active,
    /// It ended well.
    Succeeded,
    /// It ended otherwise.
    Failed {
        /// Reason of the Job's condition `Failed`: `DeadlineExceeded`, `BackoffLimitExceeded`, …
        reason: &'a str,
        /// The last words of the container, or what the Job says.
        message: &'a str,
    },
}

/// The status of a Recovery; `paths` are those of its spec.
#[must_use]
pub fn recovery(
    before: &RecoveryStatus,
    generation: Option<i64>,
    paths: &[String],
    observed: RecoveryObservation<'_>,
    at: Timestamp,
) -> RecoveryStatus {
    let phase = before.phase.unwrap_or_default();
    if phase.is_final() {
        return before.clone();
    }
    let started = phase == RecoveryPhase::Running;
    let mark = |status: &mut RecoveryStatus, met, reason: RecoveryReason, message: &str| {
        status.observed_generation = generation;
        let new = New { kind: COMPLETE, met, reason: reason.as_str(), message, generation };
        set(&mut status.conditions, new, at);
    };
    let pending = |reason, message: &str| {
        if started {
            return before.clone();
        }
        let mut status = before.clone();
        status.phase = Some(RecoveryPhase::Pending);
        mark(&mut status, false, reason, message);
        status
    };
    let ended = |phase, reason, message: &str| {
        let mut status = before.clone();
        status.phase = Some(phase);
        status.completion_time = Some(Time(Timestamp::from_second(at.as_second()).unwrap_or(at)));
        // What the Job had no time to report ended with it.
        for stats in &mut status.stats {
            if !stats.phase.is_some_and(RecoveryPhase::is_final) {
                stats.phase = Some(phase);
            }
        }
        mark(&mut status, true, reason, message);
        status
    };
    match observed {
        RecoveryObservation::Refused(refusals) => pending(RecoveryReason::Invalid, &joined(refusals)),
        RecoveryObservation::Waits { reason, message } => pending(reason, message),
        // It is to be made.
        RecoveryObservation::Job(JobState::Missing) if !started => before.clone(),
        RecoveryObservation::Job(JobState::Missing) => ended(
            RecoveryPhase::Failed,
            RecoveryReason::JobGone,
            "the Job was deleted before it ended: look at what it restored, and make a new Recovery if need be",
        ),
        // The Job itself has said how far it is.
        RecoveryObservation::Job(JobState::Active) if started => before.clone(),
        RecoveryObservation::Job(JobState::Active) => {
            let mut status = recovery_running(paths, at);
            status.conditions.clone_from(&before.conditions);
            mark(&mut status, false, RecoveryReason::JobCreated, "data is being restored");
            status
        }
        RecoveryObservation::Job(JobState::Succeeded) => {
            ended(RecoveryPhase::Succeeded, RecoveryReason::JobSucceeded, "every path was restored")
        }
        RecoveryObservation::Job(JobState::Failed { reason, message }) => {
            let reason = if reason == "DeadlineExceeded" {
                RecoveryReason::DeadlineExceeded
            } else {
                RecoveryReason::JobFailed
            };
            ended(RecoveryPhase::Failed, reason, message)
        }
    }
}
