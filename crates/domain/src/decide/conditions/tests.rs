//! What a reader of `kubectl get` is told.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::decide::inject::Verdict;
use crate::objects::recovery::{RecoveryPhase, RecoveryStatus};
use crate::objects::repository::{Repository, RepositoryStatus};
use crate::objects::restic::ResticStatus;
use crate::objects::workload::WorkloadKind;

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

const EARLY: &str = "2026-01-01T00:00:00Z";
const LATE: &str = "2026-01-02T00:00:00Z";

fn web(verdict: Verdict) -> WorkloadVerdict {
    WorkloadVerdict { kind: WorkloadKind::Deployment, name: "web".into(), verdict }
}

fn injected() -> WorkloadVerdict {
    web(Verdict::Injected { restic: "nightly".into(), notes: Vec::new() })
}

fn repository(name: &str, status: serde_json::Value) -> Repository {
    serde_json::from_value(json!({
        "apiVersion": "stash.appscode.com/v1alpha1", "kind": "Repository", "metadata": {"name": name},
        "spec": {}, "status": status,
    }))
    .unwrap()
}

fn observation<'a>() -> ResticObservation<'a> {
    ResticObservation {
        name: "nightly",
        generation: Some(7),
        paused: false,
        missing_secret: None,
        refusals: &[],
        workloads: &[],
        repositories: &[],
    }
}

#[test]
fn a_restic_says_the_gravest_reason_first() {
    let refusals = [Refusal::new("spec.schedule", "is missing", "write one")];
    let conflict = [injected(), web(Verdict::Conflict { restics: vec!["nightly".into(), "other".into()] })];
    let refused = [web(Verdict::Refused { restic: "nightly".into(), refusals: refusals.to_vec() })];
    let fine = [injected()];
    let bad =
        [repository("deployment.web", json!({"lastResult": "Failed", "lastError": "no route to host"}))];
    let good =
        [repository("deployment.web", json!({"lastResult": "Succeeded"})), repository("new", json!({}))];
    let base = observation();
    for (observed, expected) in [
        (
            ResticObservation { refusals: &refusals, missing_secret: Some("s"), ..base.clone() },
            "False Invalid spec.schedule: is missing; write one",
        ),
        (
            ResticObservation { missing_secret: Some("s"), workloads: &conflict, ..base.clone() },
            "False SecretMissing Secret s does not exist: create it, with the key RESTIC_PASSWORD",
        ),
        (
            ResticObservation { workloads: &conflict, ..base.clone() },
            "False Conflict Deployment web is also selected by Restic other: narrow the selector of all but one",
        ),
        (
            ResticObservation { workloads: &refused, ..base.clone() },
            "False Refused Deployment web: spec.schedule: is missing; write one",
        ),
        (
            ResticObservation { paused: true, ..base.clone() },
            "False NoWorkload no workload of this namespace has the labels of spec.selector: correct the one or the other",
        ),
        (
            ResticObservation { paused: true, workloads: &fine, repositories: &bad, ..base.clone() },
            "False Paused set spec.paused to false to go on",
        ),
        (
            ResticObservation { workloads: &fine, repositories: &bad, ..base.clone() },
            "False SessionFailed Repository deployment.web: Failed: no route to host",
        ),
        (
            ResticObservation { workloads: &fine, repositories: &good, ..base.clone() },
            "True Scheduled workloads: 1",
        ),
    ] {
        let status = restic(&ResticStatus::default(), &observed, time(EARLY));
        let condition = &status.conditions[0];
        let found = format!("{} {} {}", condition.status, condition.reason, condition.message);
        assert_eq!(found, expected);
        assert_eq!((condition.observed_generation, status.observed_generation), (Some(7), Some(7)));
    }
}

#[test]
fn a_restic_has_the_times_of_its_repositories() {
    let repositories = [
        repository(
            "a",
            json!({"lastBackupTime": LATE, "lastSuccessfulBackupTime": EARLY, "nextBackupTime":
            "2026-01-04T00:00:00Z", "lastResult": "Failed"}),
        ),
        repository(
            "b",
            json!({"lastBackupTime": EARLY, "lastSuccessfulBackupTime": EARLY, "nextBackupTime":
            "2026-01-03T00:00:00Z", "lastResult": "Succeeded"}),
        ),
    ];
    let workloads = [injected()];
    let observed = ResticObservation { repositories: &repositories, workloads: &workloads, ..observation() };
    let status = restic(&ResticStatus::default(), &observed, time(LATE));
    assert_eq!(
        json!({"last": status.last_backup_time, "good": status.last_successful_backup_time,
            "next": status.next_backup_time, "repositories": status.repositories}),
        json!({"last": LATE, "good": EARLY, "next": "2026-01-03T00:00:00Z",
            "repositories": {"a": "Failed", "b": "Succeeded"}})
    );
    let paused = restic(&status, &ResticObservation { paused: true, ..observed }, time(LATE));
    assert_eq!(paused.next_backup_time, None);
    let gone = restic(&status, &ResticObservation { workloads: &workloads, ..observation() }, time(LATE));
    assert_eq!(gone.last_successful_backup_time, status.last_successful_backup_time);
}

#[test]
fn the_same_observation_changes_nothing_later() {
    let workloads = [injected()];
    let observed = ResticObservation { workloads: &workloads, ..observation() };
    let first = restic(&ResticStatus::default(), &observed, time(EARLY));
    assert_eq!(restic(&first, &observed, time(LATE)), first);
    // Another reason for the same status is no transition; another status is.
    let paused = restic(&first, &ResticObservation { paused: true, ..observed }, time(LATE));
    assert_eq!(paused.conditions[0].last_transition_time.0, time(LATE));
    let empty = restic(&paused, &observation(), "2026-01-03T00:00:00Z".parse().unwrap());
    assert_eq!(empty.conditions[0].reason, "NoWorkload");
    assert_eq!(empty.conditions[0].last_transition_time.0, time(LATE));
}

#[test]
fn many_problems_are_told_by_the_first_few() {
    let conflict = || web(Verdict::Conflict { restics: vec!["nightly".into(), "other".into()] });
    let workloads: Vec<WorkloadVerdict> = std::iter::repeat_with(conflict).take(500).collect();
    let status = restic(
        &ResticStatus::default(),
        &ResticObservation { workloads: &workloads, ..observation() },
        time(EARLY),
    );
    assert!(status.conditions[0].message.ends_with("and 497 more"));
    let long = shortened(&format!("{}why", "é".repeat(5000)));
    assert!(long.starts_with("… é") && long.ends_with("why") && long.len() < 2100);
}

#[test]
fn a_repository_keeps_what_its_sessions_said() {
    let before = RepositoryStatus { backup_count: 3, ..RepositoryStatus::default() };
    let refusals = [Refusal::new("spec.wipeOut", "is unsupported", "unset it")];
    let invalid = repository_validity(&before, Some(2), &refusals, time(EARLY));
    let condition = &invalid.conditions[0];
    assert_eq!((condition.type_.as_str(), condition.reason.as_str()), (VALID, "Invalid"));
    assert_eq!((invalid.backup_count, invalid.observed_generation), (3, Some(2)));
    let valid = repository_validity(&invalid, Some(3), &[], time(LATE));
    assert_eq!((valid.conditions.len(), valid.conditions[0].reason.as_str()), (1, "Accepted"));
    let failed = repository_wipe(&valid, Some(3), Some("the bucket is unreachable"), time(LATE));
    assert_eq!(failed.conditions[1].message, "the bucket is unreachable");
    let wiped = repository_wipe(&failed, Some(3), None, time(LATE));
    assert_eq!((wiped.conditions[1].status.as_str(), wiped.conditions[1].reason.as_str()), ("True", "Wiped"));
}

fn step(before: &RecoveryStatus, observed: RecoveryObservation<'_>) -> RecoveryStatus {
    recovery(before, Some(1), &["/data".to_owned()], observed, time(EARLY))
}

fn summary(status: &RecoveryStatus) -> (Option<RecoveryPhase>, &str, &str) {
    let condition = status.conditions.first();
    let reason = condition.map_or("", |condition| &condition.reason);
    (status.phase, condition.map_or("", |condition| &condition.status), reason)
}

#[test]
fn a_recovery_goes_through_its_phases() {
    let waits = RecoveryObservation::Waits { reason: RecoveryReason::NotAllowed, message: "ask its owner" };
    let pending = step(&RecoveryStatus::default(), waits);
    assert_eq!(summary(&pending), (Some(RecoveryPhase::Pending), "False", "NotAllowed"));
    assert_eq!(step(&pending, RecoveryObservation::Job(JobState::Missing)), pending, "the Job is to be made");
    let running = step(&pending, RecoveryObservation::Job(JobState::Active));
    assert_eq!(summary(&running), (Some(RecoveryPhase::Running), "False", "JobCreated"));
    assert_eq!((running.stats.len(), running.start_time.is_some()), (1, true));
    assert_eq!(step(&running, RecoveryObservation::Job(JobState::Active)), running);
    assert_eq!(step(&running, waits), running, "what has started does not wait");
    let done = step(&running, RecoveryObservation::Job(JobState::Succeeded));
    assert_eq!(summary(&done), (Some(RecoveryPhase::Succeeded), "True", "JobSucceeded"));
    assert_eq!(done.stats[0].phase, Some(RecoveryPhase::Succeeded));
    let failed = JobState::Failed { reason: "BackoffLimitExceeded", message: "the password is another" };
    let failed = step(&running, RecoveryObservation::Job(failed));
    assert_eq!(summary(&failed), (Some(RecoveryPhase::Failed), "True", "JobFailed"));
    assert_eq!(failed.conditions[0].message, "the password is another");
    let late = JobState::Failed { reason: "DeadlineExceeded", message: "" };
    assert_eq!(summary(&step(&running, RecoveryObservation::Job(late))).2, "DeadlineExceeded");
    let gone = step(&running, RecoveryObservation::Job(JobState::Missing));
    assert_eq!(summary(&gone), (Some(RecoveryPhase::Failed), "True", "JobGone"));
}

fn observed() -> impl Strategy<Value = RecoveryObservation<'static>> {
    proptest::sample::select(vec![
        RecoveryObservation::Refused(&[]),
        RecoveryObservation::Waits { reason: RecoveryReason::SecretMissing, message: "m" },
        RecoveryObservation::Job(JobState::Missing),
        RecoveryObservation::Job(JobState::Active),
        RecoveryObservation::Job(JobState::Succeeded),
        RecoveryObservation::Job(JobState::Failed { reason: "r", message: "m" }),
    ])
}

proptest! {
    #[test]
    fn phases_only_move_forward(observations in proptest::collection::vec(observed(), 0..12)) {
        let rank = |status: &RecoveryStatus| match status.phase {
            None => 0,
            Some(RecoveryPhase::Pending | RecoveryPhase::Unknown) => 1,
            Some(RecoveryPhase::Running) => 2,
            Some(RecoveryPhase::Succeeded | RecoveryPhase::Failed) => 3,
        };
        let mut status = RecoveryStatus::default();
        for observation in observations {
            let next = step(&status, observation);
            prop_assert!(rank(&next) >= rank(&status));
            if rank(&status) == 3 {
                prop_assert_eq!(&next, &status);
            }
            let again = recovery(&next, Some(1), &["/data".to_owned()], observation, time(LATE));
            let steady = matches!(observation, RecoveryObservation::Job(JobState::Missing));
            prop_assert!(again == next || steady, "{:?}", observation);
            status = next;
        }
    }
}
