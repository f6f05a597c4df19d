//! By when something is to have happened to a Repository, so that an alert can tell what is late: from its status and the
//! schedule of the Restic that fills it, in every dialect.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::objects::repository::Repository;
use crate::objects::restic::{BackupType, Restic};
use crate::report::Outcome;
use crate::rules::schedule::Schedule;

/// By when; each is `None` while nothing of that kind is due.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Due {
    /// The next session begins.
    pub session: Option<Timestamp>,
    /// A session that succeeds begins: the second time of the schedule after the last one, so that one may fail. While all
    /// is well it is never before the next session: a schedule that was changed, or a Restic that was paused for a month,
    /// makes nothing late.
    pub success: Option<Timestamp>,
    /// The session begins after which the repository is checked.
    pub check: Option<Timestamp>,
}

/// What is due for a Repository whose workload is there and selected by `restic`, which has this `schedule`.
#[must_use]
pub fn due(repository: &Repository, restic: &Restic, schedule: &Schedule, check_interval: Duration) -> Due {
    if restic.spec.paused {
        return Due::default();
    }
    let empty = crate::objects::repository::RepositoryStatus::default();
    let status = repository.status.as_ref().unwrap_or(&empty);
    let made = seconds(repository.metadata.creation_timestamp.as_ref());
    let last = seconds(status.last_backup_time.as_ref()).or(made);
    let success = seconds(status.last_successful_backup_time.as_ref());
    let is_offline = restic.spec.backup_type == Some(BackupType::Offline);
    // An init container does not know when it will be called again.
    let session = if is_offline {
        last.and_then(|last| next(schedule, last))
    } else {
        seconds(status.next_backup_time.as_ref())
    };
    let second = success.or(made).and_then(|since| first(schedule, since));
    let is_well = status.last_result.is_empty() || status.last_result == Outcome::Succeeded.as_str();
    Due {
        session,
        success: if is_well && second.is_some() { second.max(session) } else { second },
        check: check(repository, is_offline, schedule, check_interval),
    }
}

/// A sidecar checks after a session, a Job does it as soon as the interval is over.
fn check(
    repository: &Repository,
    is_offline: bool,
    schedule: &Schedule,
    interval: Duration,
) -> Option<Timestamp> {
    let status = repository.status.as_ref()?;
    let first = status.first_backup_time.as_ref()?;
    if interval.is_zero() {
        return None;
    }
    let after = status.last_check_time.as_ref().unwrap_or(first).0.checked_add(interval).ok()?;
    if is_offline { Some(after) } else { next(schedule, after) }
}

/// The second time of the schedule after a workload and its Restic were there. By then even an offline backup has been
/// made, and with it a Repository.
#[must_use]
pub fn first(schedule: &Schedule, since: Timestamp) -> Option<Timestamp> {
    next(schedule, next(schedule, since)?)
}

/// Without a zone of its own a schedule is in UTC, the zone of a container.
fn next(schedule: &Schedule, after: Timestamp) -> Option<Timestamp> {
    schedule.next_after(after, &TimeZone::UTC)
}

fn seconds(time: Option<&Time>) -> Option<Timestamp> {
    time.map(|time| time.0)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const INTERVAL: Duration = Duration::from_secs(72 * 3600);

    /// With what is merged into the spec of the Restic, and the status of the Repository, which was made on a Thursday.
    fn of(schedule: &str, spec: Value, status: Value) -> Due {
        let mut restic = json!({
            "apiVersion": "stash.appscode.com/v1alpha1", "kind": "Restic",
            "metadata": {"name": "nightly"}, "spec": {"schedule": schedule},
        });
        restic["spec"].as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        let repository = json!({
            "apiVersion": "stash.appscode.com/v1alpha1", "kind": "Repository",
            "metadata": {"name": "deployment.web", "creationTimestamp": "2026-01-01T12:00:00Z"},
            "spec": {}, "status": status,
        });
        due(
            &serde_json::from_value(repository).unwrap(),
            &serde_json::from_value(restic).unwrap(),
            &Schedule::parse(schedule).unwrap(),
            INTERVAL,
        )
    }

    fn at(text: &str) -> Option<Timestamp> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn a_success_is_due_at_the_second_time_after_the_last_in_every_dialect() {
        for (schedule, success, second) in [
            ("0 3 * * *", "2026-01-05T03:00:20Z", "2026-01-07T03:00:00Z"),
            // A Friday: the times after it are on Monday and Tuesday.
            ("0 3 * * MON-FRI", "2026-01-09T03:00:00Z", "2026-01-13T03:00:00Z"),
            ("@every 90m", "2026-01-05T03:00:00Z", "2026-01-05T06:00:00Z"),
            ("@monthly", "2026-01-01T00:00:07Z", "2026-03-01T00:00:00Z"),
            ("30 0 3 * * *", "2026-01-05T03:00:30Z", "2026-01-07T03:00:30Z"),
            // The night of the clocks is an hour shorter.
            ("TZ=Europe/Berlin 0 3 * * *", "2026-03-27T02:00:00Z", "2026-03-29T01:00:00Z"),
        ] {
            let status = json!({"lastSuccessfulBackupTime": success, "lastBackupTime": success, "lastResult": "Failed"});
            assert_eq!(of(schedule, json!({}), status).success, at(second), "{schedule}");
        }
    }

    #[test]
    fn a_new_repository_has_two_times_as_well() {
        let new = of("0 3 * * *", json!({}), json!({"nextBackupTime": "2026-01-02T03:00:00Z"}));
        assert_eq!((new.session, new.success), (at("2026-01-02T03:00:00Z"), at("2026-01-03T03:00:00Z")));
        assert_eq!(new.check, None, "there is nothing to check yet");
    }

    #[test]
    fn what_was_paused_or_rescheduled_is_not_late_before_its_next_session() {
        let status = json!({
            "lastSuccessfulBackupTime": "2026-01-05T03:00:00Z", "lastBackupTime": "2026-01-05T03:00:00Z",
            "firstBackupTime": "2026-01-05T03:00:00Z",
            "lastResult": "Succeeded", "nextBackupTime": "2026-02-20T03:00:00Z",
        });
        assert_eq!(of("0 3 * * *", json!({"paused": true}), status.clone()), Due::default());
        assert_eq!(of("0 3 * * *", json!({}), status.clone()).success, at("2026-02-20T03:00:00Z"));
        let mut failed = status;
        failed["lastResult"] = json!("Failed");
        assert_eq!(of("0 3 * * *", json!({}), failed).success, at("2026-01-07T03:00:00Z"));
    }

    #[test]
    fn an_offline_backup_is_due_by_its_schedule_since_nobody_writes_down_when() {
        let status = json!({
            "firstBackupTime": "2026-01-05T03:00:40Z", "lastResult": "Succeeded",
            "lastSuccessfulBackupTime": "2026-01-05T03:00:40Z", "lastBackupTime": "2026-01-05T03:00:40Z",
        });
        let due = of("0 3 * * *", json!({"type": "offline"}), status);
        assert_eq!((due.session, due.success), (at("2026-01-06T03:00:00Z"), at("2026-01-07T03:00:00Z")));
        assert_eq!(due.check, at("2026-01-08T03:00:40Z"));
    }

    #[test]
    fn a_check_is_due_with_the_first_session_after_its_interval() {
        let status = json!({
            "firstBackupTime": "2026-01-05T03:00:00Z", "lastCheckTime": "2026-01-05T03:10:00Z",
            "lastResult": "Succeeded",
        });
        assert_eq!(of("0 3 * * *", json!({}), status).check, at("2026-01-09T03:00:00Z"));
    }
}
