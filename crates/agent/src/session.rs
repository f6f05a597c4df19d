//! One backup session: every file group is backed up, forgotten by its policy, then the repository is pruned.
//!
//! A session that was due always ends in a [`SessionReport`]: also when it could not even be prepared, when it was
//! cancelled, and when something below it panicked.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use domain::objects::restic::RetentionPolicy;
use domain::report::{Failure, FailureReason, GroupReport, Outcome, SessionIdentity, SessionReport};
use domain::rules::retention;
use engine::{
    BackupRequest, Cancel, Credentials, Environment, ForgetRequest, Location, Progress, Repository,
    SnapshotInfo,
};
use jiff::Timestamp;

use crate::finaliser::{absorb, cancelled, fail, failed, operation, reported};

/// All that one backup session needs to know.
#[derive(Clone, Debug)]
pub struct BackupPlan {
    /// Where the repository lives. It is created when there is none.
    pub location: Location,
    /// What opens it.
    pub credentials: Credentials,
    /// Where the engine may keep its cache.
    pub environment: Environment,
    /// Hostname of the snapshots.
    pub host: String,
    /// What to back up, in this order.
    pub groups: Vec<GroupPlan>,
    /// Where the session leaves what snapshots there are at its end.
    pub listing: Listing,
}

/// The snapshots of a repository, as a session has listed them at its end. Empty for one that did not get that far.
#[derive(Clone, Debug, Default)]
pub struct Listing(Arc<Mutex<Option<Vec<SnapshotInfo>>>>);

impl Listing {
    /// The snapshots, oldest first; once.
    #[must_use]
    pub fn take(&self) -> Option<Vec<SnapshotInfo>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn leave(&self, snapshots: Vec<SnapshotInfo>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(snapshots);
    }
}

/// One file group of a plan.
#[derive(Clone, Debug)]
pub struct GroupPlan {
    /// Absolute path to back up.
    pub path: PathBuf,
    /// Tags of the snapshot.
    pub tags: Vec<String>,
    /// What to keep; none keeps all, and forget is not run.
    pub retention: Option<RetentionPolicy>,
}

/// Runs one backup session and reports it. Blocks; call it from a thread that may.
///
/// `prepare` gathers what the session needs (Secret, paths); its failure is the session's failure. A group that
/// fails does not stop the others, a cancellation does. A group whose backup failed or is incomplete keeps all its
/// snapshots: otherwise a week of broken backups would push the last good one out.
pub fn backup(
    identity: &SessionIdentity,
    start: Timestamp,
    prepare: impl FnOnce() -> Result<BackupPlan, Failure>,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> SessionReport {
    reported(identity, start, |report| run(report, prepare, progress, cancel))
}

fn run(
    report: &mut SessionReport,
    prepare: impl FnOnce() -> Result<BackupPlan, Failure>,
    progress: &dyn Progress,
    cancel: &Cancel,
) {
    let plan = match prepare() {
        Ok(plan) => plan,
        Err(failure) => return fail(report, failure),
    };
    let opened = engine::open_or_init(&plan.location, &plan.credentials, &plan.environment, cancel);
    let repository = match opened {
        Ok((repository, created)) => {
            if created {
                tracing::info!(repository = %plan.location, "created a new repository");
            }
            repository
        }
        Err(error) => return fail(report, Failure::from(&error)),
    };

    let mut prune = false;
    for group in &plan.groups {
        if cancel.is_cancelled() {
            fail(report, cancelled(&report.identity.config));
            break;
        }
        let (group_report, removed) = run_group(&repository, &plan.host, group, progress);
        absorb(report, &group_report);
        report.groups.push(group_report);
        prune |= removed && group.retention.as_ref().is_some_and(|policy| policy.prune);
    }
    if prune && !cancel.is_cancelled() {
        prune_repository(&repository, report, progress);
    }
    if cancel.is_cancelled() {
        return;
    }
    // What was not measured is not exported: a failure to count is no failure of the session, but it is said.
    match repository.snapshots() {
        Ok(snapshots) => {
            report.repository_snapshots = Some(snapshots.len() as u64);
            plan.listing.leave(snapshots);
        }
        Err(error) => tracing::warn!(%error, "cannot count the snapshots of the repository"),
    }
    match repository.size() {
        Ok(bytes) => report.repository_bytes = Some(bytes),
        Err(error) => tracing::warn!(%error, "cannot measure the size of the repository"),
    }
}

/// Backs up one group and applies its policy. The second value says whether snapshots were removed.
fn run_group(
    repository: &Repository,
    host: &str,
    group: &GroupPlan,
    progress: &dyn Progress,
) -> (GroupReport, bool) {
    let mut report = GroupReport { path: group.path.display().to_string(), ..GroupReport::default() };
    let clock = Instant::now();
    let request = BackupRequest {
        path: group.path.clone(),
        host: host.to_owned(),
        tags: group.tags.clone(),
        time: None,
    };
    let outcome = match repository.backup(&request, progress) {
        Ok(done) => {
            report.snapshot = Some(done.snapshot.id);
            report.amount = Some(done.amount);
            report.skipped = done.skipped;
            if done.amount.files_skipped == 0 {
                operation(Outcome::Succeeded, clock.elapsed(), None)
            } else {
                let failure = incomplete(&group.path, &report);
                operation(Outcome::Incomplete, clock.elapsed(), Some(failure))
            }
        }
        Err(error) => failed(&error, clock.elapsed()),
    };
    let complete = outcome.outcome == Outcome::Succeeded;
    report.backup = Some(outcome);
    let Some(policy) = group.retention.as_ref().filter(|policy| !retention::keeps_everything(policy)) else {
        return (report, false);
    };
    if !complete {
        return (report, false);
    }
    let removed = forget(repository, host, &group.path, policy, &mut report, progress);
    (report, removed)
}

fn forget(
    repository: &Repository,
    host: &str,
    path: &Path,
    policy: &RetentionPolicy,
    report: &mut GroupReport,
    progress: &dyn Progress,
) -> bool {
    progress.phase(engine::Phase::Forgetting);
    let clock = Instant::now();
    let request =
        ForgetRequest { host: host.to_owned(), path: path.display().to_string(), policy: policy.clone() };
    match repository.forget(&request) {
        Ok(done) => {
            report.retention = Some(done.count);
            report.forget = Some(operation(Outcome::Succeeded, clock.elapsed(), None));
            !policy.dry_run && done.count.removed > 0
        }
        Err(error) => {
            report.forget = Some(failed(&error, clock.elapsed()));
            false
        }
    }
}

/// Prunes once for all groups. Its time and its failure belong to the forget of the last group that asked for it,
/// since the metric's `op` knows only `backup` and `forget`.
fn prune_repository(repository: &Repository, report: &mut SessionReport, progress: &dyn Progress) {
    let clock = Instant::now();
    let result = repository.prune(progress);
    let elapsed = clock.elapsed();
    let failure = match result {
        Ok(done) => {
            tracing::debug!(?done, "pruned the repository");
            None
        }
        Err(error) => Some((failed(&error, elapsed), Failure::from(&error))),
    };
    let forget = report.groups.iter_mut().rev().find_map(|group| group.forget.as_mut());
    if let Some(forget) = forget {
        forget.duration += elapsed;
        if let Some((operation, _)) = &failure {
            forget.outcome = operation.outcome;
            forget.failure.clone_from(&operation.failure);
        }
    }
    if let Some((operation, failure)) = failure {
        report.outcome = report.outcome.worst(operation.outcome);
        report.failure.get_or_insert(failure);
    }
}

fn incomplete(path: &Path, report: &GroupReport) -> Failure {
    let skipped = report.amount.map_or(0, |amount| amount.files_skipped);
    let first = report
        .skipped
        .first()
        .map_or_else(String::new, |file| format!(", the first is {}: {}", file.path, file.error));
    Failure {
        reason: FailureReason::SourceUnreadable,
        message: format!(
            "the snapshot of {} lacks {skipped} file(s) that could not be read{first}; \
             make them readable for Stash, and no earlier snapshot is forgotten until then",
            path.display()
        ),
    }
}
