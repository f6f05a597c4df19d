//! The frame around every session: whatever happens in it, panics included, it ends in a report.

use std::time::{Duration, Instant};

use domain::report::{
    Failure, FailureReason, GroupReport, OperationReport, Outcome, SessionIdentity, SessionReport,
};
use jiff::Timestamp;

/// Runs a session and reports it.
pub(crate) fn reported(
    identity: &SessionIdentity,
    start: Timestamp,
    session: impl FnOnce(&mut SessionReport),
) -> SessionReport {
    let clock = Instant::now();
    let mut report = SessionReport::begun(identity.clone(), start);
    let run = std::panic::AssertUnwindSafe(|| session(&mut report));
    if std::panic::catch_unwind(run).is_err() {
        fail(
            &mut report,
            Failure {
                reason: FailureReason::Internal,
                message: format!(
                    "the {} session of {} ended in a panic; this is a defect of Stash: please report it with the log",
                    identity.session.as_str(),
                    identity.config
                ),
            },
        );
    }
    report.duration = clock.elapsed();
    report
}

/// Folds the outcome of one group into the session's.
pub(crate) fn absorb(report: &mut SessionReport, group: &GroupReport) {
    for operation in [&group.backup, &group.forget, &group.restore].into_iter().flatten() {
        let graver = report.outcome.worst(operation.outcome) != report.outcome;
        report.outcome = report.outcome.worst(operation.outcome);
        // The message people see first is that of the gravest failure, not of the first trifle.
        if graver || report.failure.is_none() {
            report.failure = operation.failure.clone().or(report.failure.take());
        }
    }
}

pub(crate) fn fail(report: &mut SessionReport, failure: Failure) {
    let outcome =
        if failure.reason == FailureReason::Cancelled { Outcome::Cancelled } else { Outcome::Failed };
    report.outcome = report.outcome.worst(outcome);
    report.failure = Some(failure);
}

pub(crate) fn operation(outcome: Outcome, duration: Duration, failure: Option<Failure>) -> OperationReport {
    OperationReport { outcome, duration, failure }
}

pub(crate) fn failed(error: &engine::Error, duration: Duration) -> OperationReport {
    let failure = Failure::from(error);
    let outcome =
        if failure.reason == FailureReason::Cancelled { Outcome::Cancelled } else { Outcome::Failed };
    operation(outcome, duration, Some(failure))
}

pub(crate) fn cancelled(config: &str) -> Failure {
    Failure {
        reason: FailureReason::Cancelled,
        message: format!(
            "the session of {config} was stopped before it was done; the next one starts afresh"
        ),
    }
}
