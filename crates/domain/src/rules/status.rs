//! What a session report does to the status of its objects: pure folds, the same for a cluster and for a folder.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::objects::recovery::{RecoveryPhase, RecoveryStatus, RestoreStats};
use crate::objects::repository::RepositoryStatus;
use crate::objects::restic::ResticStatus;
use crate::report::{Failure, Outcome, SessionReport};
use crate::rules::{go_duration, names};

/// Condition of a Restic and a Repository: all is as it should be.
pub const READY: &str = "Ready";
/// Condition of a Recovery: it has reached its end.
pub const COMPLETE: &str = "Complete";

/// The status of a Repository after one more backup session.
#[must_use]
pub fn repository_after(
    before: &RepositoryStatus,
    report: &SessionReport,
    next_due: Option<Timestamp>,
) -> RepositoryStatus {
    let mut status = before.clone();
    let start = whole_seconds(report.start);
    status.last_backup_time = Some(Time(start));
    status.last_backup_duration = short_duration(report.duration);
    status.last_result = report.outcome.as_str().to_owned();
    status.next_backup_time = next_due.map(|at| Time(whole_seconds(at)));
    status.last_failure_reason =
        report.failure.as_ref().map(|failure| failure.reason.as_str().to_owned()).unwrap_or_default();
    status.last_error = report.failure.as_ref().map(|failure| failure.message.clone()).unwrap_or_default();
    if report.outcome == Outcome::Succeeded {
        status.first_backup_time.get_or_insert(Time(start));
        status.last_successful_backup_time = Some(Time(start));
        status.backup_count += 1;
    }
    // A failed measurement keeps the last known number: it is dated by what stands beside it.
    if let Some(bytes) = report.repository_bytes {
        status.size_bytes = Some(bytes);
        status.size = human_bytes(bytes);
    }
    if let Some(count) = report.repository_snapshots {
        status.snapshot_count = Some(count);
    }
    if status.integrity.is_empty() {
        "Unknown".clone_into(&mut status.integrity);
    }
    let end = end_of(report);
    set_condition(&mut status.conditions, ready(report.outcome, report.failure.as_ref(), end));
    status
}

/// The status of a Repository after a check.
#[must_use]
pub fn repository_after_check(before: &RepositoryStatus, sound: bool, at: Timestamp) -> RepositoryStatus {
    let mut status = before.clone();
    if sound { "Ok" } else { "Damaged" }.clone_into(&mut status.integrity);
    status.last_check_time = Some(Time(whole_seconds(at)));
    status
}

/// The status of a Restic after one more session of one of its repositories.
#[must_use]
pub fn restic_after(
    before: &ResticStatus,
    report: &SessionReport,
    next_due: Option<Timestamp>,
) -> ResticStatus {
    let mut status = before.clone();
    let start = whole_seconds(report.start);
    status.last_backup_time = Some(Time(start));
    status.next_backup_time = next_due.map(|at| Time(whole_seconds(at)));
    if report.outcome == Outcome::Succeeded {
        status.last_successful_backup_time = Some(Time(start));
    }
    status.repositories.insert(report.identity.repository.clone(), report.outcome.as_str().to_owned());
    let end = end_of(report);
    set_condition(&mut status.conditions, ready(report.outcome, report.failure.as_ref(), end));
    status
}

/// The status of a Recovery that has just begun.
#[must_use]
pub fn recovery_running(paths: &[String], at: Timestamp) -> RecoveryStatus {
    let mut status = RecoveryStatus {
        phase: Some(RecoveryPhase::Running),
        start_time: Some(Time(whole_seconds(at))),
        ..RecoveryStatus::default()
    };
    for path in paths {
        status.stats.push(RestoreStats {
            path: path.clone(),
            phase: Some(RecoveryPhase::Pending),
            ..RestoreStats::default()
        });
    }
    set_condition(
        &mut status.conditions,
        condition(COMPLETE, "False", "Running", "data is being restored", at),
    );
    status
}

/// The status of a Recovery that waits for something.
#[must_use]
pub fn recovery_pending(before: &RecoveryStatus, waits_for: &str, at: Timestamp) -> RecoveryStatus {
    let mut status = before.clone();
    status.phase = Some(RecoveryPhase::Pending);
    set_condition(&mut status.conditions, condition(COMPLETE, "False", "Waiting", waits_for, at));
    status
}

/// The status of a Recovery after its session. Anything less than complete success is `Failed`.
#[must_use]
pub fn recovery_after(before: &RecoveryStatus, report: &SessionReport) -> RecoveryStatus {
    let mut status = before.clone();
    let phase =
        if report.outcome == Outcome::Succeeded { RecoveryPhase::Succeeded } else { RecoveryPhase::Failed };
    status.phase = Some(phase);
    status.start_time = Some(Time(whole_seconds(report.start)));
    let end = end_of(report);
    status.completion_time = Some(Time(whole_seconds(end)));
    for stats in &mut status.stats {
        // A path the session never reached has failed with it.
        stats.phase = Some(phase);
    }
    for group in &report.groups {
        let Some(restore) = &group.restore else { continue };
        let stats = RestoreStats {
            path: group.path.clone(),
            phase: Some(match restore.outcome {
                Outcome::Succeeded => RecoveryPhase::Succeeded,
                _ => RecoveryPhase::Failed,
            }),
            duration: short_duration(restore.duration),
            snapshot: group
                .snapshot
                .as_deref()
                .map(|id| names::snapshot(&report.identity.repository, id))
                .unwrap_or_default(),
            bytes: group.amount.map_or(0, |amount| amount.bytes_processed),
            files: group.amount.map_or(0, |amount| amount.files_new),
            error: restore.failure.as_ref().map(|failure| failure.message.clone()).unwrap_or_default(),
        };
        match status.stats.iter_mut().find(|known| known.path == stats.path) {
            Some(known) => *known = stats,
            None => status.stats.push(stats),
        }
    }
    let text = report.failure.as_ref().map_or("every path was restored", |failure| &failure.message);
    set_condition(&mut status.conditions, condition(COMPLETE, "True", report.outcome.as_str(), text, end));
    status
}

/// A `Ready` condition that says why an object is not in force.
#[must_use]
pub fn not_ready(failure: &Failure, at: Timestamp) -> Condition {
    condition(READY, "False", &camel(failure.reason.as_str()), &failure.message, at)
}

/// Puts a condition in its place. The transition time moves only when the status does.
pub fn set_condition(conditions: &mut Vec<Condition>, mut new: Condition) {
    match conditions.iter_mut().find(|known| known.type_ == new.type_) {
        Some(known) => {
            if known.status == new.status {
                new.last_transition_time = known.last_transition_time.clone();
            }
            *known = new;
        }
        None => conditions.push(new),
    }
}

/// A Go duration in milliseconds: what 0.8.3 wrote into status, without its nanoseconds.
#[must_use]
pub fn short_duration(duration: Duration) -> String {
    go_duration::format(Duration::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
}

/// Bytes as people read them: `1.2 GiB`.
#[must_use]
pub fn human_bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64;
    let mut name = "B";
    for unit in UNITS {
        // 1023.95 would be shown as 1024.0 of the smaller unit.
        if value < 1023.95 {
            break;
        }
        value /= 1024.0;
        name = unit;
    }
    format!("{value:.1} {name}")
}

fn ready(outcome: Outcome, failure: Option<&Failure>, at: Timestamp) -> Condition {
    match failure {
        None if outcome == Outcome::Succeeded => {
            condition(READY, "True", "Succeeded", "the last session succeeded", at)
        }
        None => condition(READY, "False", outcome.as_str(), "the last session did not succeed", at),
        Some(failure) => not_ready(failure, at),
    }
}

/// A condition that changed at that time.
pub(crate) fn condition(kind: &str, status: &str, reason: &str, message: &str, at: Timestamp) -> Condition {
    Condition {
        type_: kind.to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message: message.to_owned(),
        last_transition_time: Time(whole_seconds(at)),
        observed_generation: None,
    }
}

/// `wrong_password` as Kubernetes writes a reason: `WrongPassword`.
fn camel(snake: &str) -> String {
    snake
        .split('_')
        .map(|word| {
            let mut letters = word.chars();
            letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
        })
        .collect()
}

fn end_of(report: &SessionReport) -> Timestamp {
    jiff::SignedDuration::try_from(report.duration)
        .ok()
        .and_then(|duration| report.start.checked_add(duration).ok())
        .unwrap_or(report.start)
}

/// Kubernetes' `metav1.Time` has whole seconds.
fn whole_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{FailureReason, SessionIdentity, SessionKind};

    fn report(outcome: Outcome, start: &str) -> SessionReport {
        SessionReport {
            identity: SessionIdentity {
                session: SessionKind::Backup,
                namespace: "shop".into(),
                config: "nightly".into(),
                kind: "Deployment".into(),
                app: "web".into(),
                repository: "deployment.web".into(),
            },
            start: start.parse().unwrap(),
            duration: Duration::from_micros(3_020_400),
            outcome,
            failure: (outcome != Outcome::Succeeded).then(|| Failure {
                reason: FailureReason::WrongPassword,
                message: "the password is another".into(),
            }),
            groups: Vec::new(),
            repository_bytes: Some(1_288_490_189),
            repository_snapshots: Some(7),
        }
    }

    #[test]
    fn a_failure_keeps_the_last_success_and_the_count() {
        let good = repository_after(
            &RepositoryStatus::default(),
            &report(Outcome::Succeeded, "2026-01-01T00:00:00Z"),
            None,
        );
        let bad = repository_after(&good, &report(Outcome::Failed, "2026-01-02T00:00:00Z"), None);
        assert_eq!(bad.backup_count, 1);
        assert_eq!(bad.last_successful_backup_time, good.last_backup_time);
        assert_ne!(bad.last_backup_time, good.last_backup_time);
        assert_eq!(bad.last_result, "Failed");
        assert_eq!(bad.last_failure_reason, "wrong_password");
        assert_eq!(bad.conditions[0].reason, "WrongPassword");
        let mended = repository_after(&bad, &report(Outcome::Succeeded, "2026-01-03T00:00:00Z"), None);
        assert_eq!((mended.last_error.as_str(), mended.backup_count), ("", 2));
        assert_eq!(mended.first_backup_time, good.last_backup_time);
    }

    #[test]
    fn durations_and_sizes_are_written_as_people_read_them() {
        let status = repository_after(
            &RepositoryStatus::default(),
            &report(Outcome::Succeeded, "2026-01-01T00:00:00Z"),
            None,
        );
        assert_eq!(status.last_backup_duration, "3.02s");
        assert_eq!(status.size, "1.2 GiB");
        assert_eq!(human_bytes(1023), "1023 B");
        assert_eq!(human_bytes(1024 * 1024 - 1), "1.0 MiB");
    }

    #[test]
    fn a_recovery_ends_only_in_its_final_phases() {
        let running = recovery_running(&["/a".into(), "/b".into()], "2026-01-01T00:00:00Z".parse().unwrap());
        assert_eq!(running.phase, Some(RecoveryPhase::Running));
        let failed = recovery_after(&running, &report(Outcome::Failed, "2026-01-01T00:00:00Z"));
        assert_eq!(failed.phase, Some(RecoveryPhase::Failed));
        assert!(failed.stats.iter().all(|stats| stats.phase == Some(RecoveryPhase::Failed)));
        let done = recovery_after(&running, &report(Outcome::Succeeded, "2026-01-01T00:00:00Z"));
        assert_eq!(done.phase, Some(RecoveryPhase::Succeeded));
    }
}
