//! Folder, ledger and live state as one page: what is wanted, what was done, what happens now.

use std::sync::Arc;
use std::time::Duration;

use domain::objects::recovery::{RecoverySpec, RestoreStats};
use domain::objects::repository::{Repository, RepositoryStatus};
use domain::objects::restic::ResticSpec;
use domain::report::{Failure, FailureReason, Outcome, SessionKind};
use domain::rules::go_duration;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::folder::{Key, Problem};
use crate::page::PageSource;
use crate::page::history::History;
use crate::page::model::{
    GroupView, Integrity, PageModel, ProblemView, RecoveredPath, RecoveryView, RepositoryView, ResticView,
};
use crate::runner::Newest;
use crate::work::Worker;

/// The source of the page.
pub struct Views {
    worker: Arc<Worker>,
    newest: Newest,
    version: String,
}

impl Views {
    /// Views over what the worker does with the newest objects.
    #[must_use]
    pub fn new(worker: Arc<Worker>, newest: Newest, version: String) -> Self {
        Self { worker, newest, version }
    }

    fn restic(&self, key: &Key, spec: &ResticSpec, history: Option<&History>) -> ResticView {
        let upcoming = self.worker.live.upcoming(key);
        let identity = self.worker.host.backup_identity(key);
        let report = self.worker.ledger.report(SessionKind::Backup, key);
        let groups = spec.file_groups.iter().map(|group| {
            let policy =
                spec.retention_policies.iter().find(|policy| policy.name == group.retention_policy_name);
            let mut view = GroupView::new(group, policy);
            if let Some(report) = &report {
                view.apply(report);
            }
            view
        });
        let repository_key = Key::new(Some(&key.namespace), &identity.repository);
        let stored = self.worker.ledger.repository(&repository_key);
        let location = self.worker.host.backup_location(key, spec);
        ResticView {
            namespace: key.namespace.clone(),
            name: key.name.clone(),
            schedule: spec.schedule.clone(),
            paused: spec.paused,
            next_run: upcoming.next,
            skipped_ticks: upcoming.ticks.skipped,
            late_ticks: upcoming.ticks.late,
            groups: groups.collect(),
            repository: Some(repository(&repository_key, location, stored.as_ref(), history)),
            running: self.worker.live.running(SessionKind::Backup, key),
        }
    }

    fn recovery(&self, key: &Key, spec: &RecoverySpec) -> RecoveryView {
        let status = self.worker.ledger.recovery(key);
        let condition = status.conditions.first();
        let report = self.worker.ledger.report(SessionKind::Recovery, key);
        let failure = report
            .filter(|report| report.groups.is_empty() && status.completion_time.is_some())
            .and_then(|report| report.failure);
        let waits = condition.filter(|condition| condition.reason == "Waiting");
        RecoveryView {
            namespace: key.namespace.clone(),
            name: key.name.clone(),
            repository: spec.repository.name.clone().unwrap_or_default(),
            snapshot: (!spec.snapshot.is_empty()).then(|| spec.snapshot.clone()),
            phase: status.phase.unwrap_or_default(),
            message: waits.map(|condition| condition.message.clone()),
            started: status.start_time.as_ref().map(instant),
            ended: status.completion_time.as_ref().map(instant),
            failure,
            paths: status.stats.iter().map(recovered_path).collect(),
            running: self.worker.live.running(SessionKind::Recovery, key),
        }
    }
}

impl PageSource for Views {
    fn model(&self) -> PageModel {
        let desired = Arc::clone(&self.newest.borrow());
        let history = self.worker.ledger.history();
        PageModel {
            zone: TimeZone::system(),
            host: self.worker.host.name().to_owned(),
            folder: self.worker.host.folder().display().to_string(),
            version: self.version.clone(),
            restics: desired
                .restics
                .iter()
                .map(|(key, object)| self.restic(key, &object.value, history.as_ref()))
                .collect(),
            other_repositories: desired
                .repositories
                .iter()
                .map(|(key, object)| repository(key, None, Some(&object.value), history.as_ref()))
                .collect(),
            recoveries: desired
                .recoveries
                .iter()
                .map(|(key, object)| self.recovery(key, &object.value))
                .collect(),
            problems: desired.problems.iter().map(problem).collect(),
            ..PageModel::empty(Timestamp::now())
        }
    }
}

fn repository(
    key: &Key,
    location: Option<String>,
    stored: Option<&Repository>,
    history: Option<&History>,
) -> RepositoryView {
    let status: RepositoryStatus = stored.and_then(|object| object.status.clone()).unwrap_or_default();
    let failure = (!status.last_error.is_empty())
        .then(|| Failure { reason: reason(&status.last_failure_reason), message: status.last_error.clone() });
    RepositoryView {
        name: key.name.clone(),
        location: location.unwrap_or_default(),
        last_result: outcome(&status.last_result),
        last_backup: status.last_backup_time.as_ref().map(instant),
        last_success: status.last_successful_backup_time.as_ref().map(instant),
        failure,
        size_bytes: status.size_bytes,
        snapshots: status.snapshot_count,
        integrity: Integrity::from_status(&status.integrity),
        last_check: status.last_check_time.as_ref().map(instant),
        history: history
            .map(|history| history.points(&format!("{}/{}", key.namespace, key.name)).to_vec())
            .unwrap_or_default(),
    }
}

fn recovered_path(stats: &RestoreStats) -> RecoveredPath {
    let phase = stats.phase.unwrap_or_default();
    let text = |value: &String| (!value.is_empty()).then(|| value.clone());
    let duration: Option<Duration> = go_duration::parse(&stats.duration).ok();
    RecoveredPath {
        path: stats.path.clone(),
        phase,
        snapshot: text(&stats.snapshot),
        files: phase.is_final().then_some(stats.files),
        bytes: phase.is_final().then_some(stats.bytes),
        duration: duration.filter(|_| !stats.duration.is_empty()),
        error: text(&stats.error),
    }
}

fn problem(problem: &Problem) -> ProblemView {
    ProblemView {
        file: problem.file.clone(),
        object: problem.object.as_ref().map(|(kind, key)| format!("{kind} {key}")),
        problem: problem.failure.message.clone(),
        remedy: if problem.earlier_in_force {
            "The last good version stays in force until the file is mended or removed.".to_owned()
        } else {
            "Nothing of it is in force until it is mended; the file is read again as soon as it is saved."
                .to_owned()
        },
    }
}

fn outcome(text: &str) -> Option<Outcome> {
    [Outcome::Succeeded, Outcome::Incomplete, Outcome::Failed, Outcome::Cancelled]
        .into_iter()
        .find(|outcome| outcome.as_str() == text)
}

fn reason(text: &str) -> FailureReason {
    FailureReason::ALL.into_iter().find(|reason| reason.as_str() == text).unwrap_or(FailureReason::Internal)
}

fn instant(time: &Time) -> Timestamp {
    time.0
}
