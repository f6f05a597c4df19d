//! One recovery session: every path is restored, from its latest snapshot or from the one that was asked for.

use std::path::PathBuf;
use std::time::Instant;

use domain::report::{Amount, Failure, FailureReason, GroupReport, Outcome, SessionIdentity, SessionReport};
use engine::{Cancel, Credentials, Environment, Location, Progress, Repository, RestoreRequest, Which};
use jiff::Timestamp;

use crate::finaliser::{absorb, cancelled, fail, failed, operation, reported};

/// All that one recovery session needs to know.
#[derive(Clone, Debug)]
pub struct RecoveryPlan {
    /// Where the repository lives.
    pub location: Location,
    /// What opens it.
    pub credentials: Credentials,
    /// Where the engine may keep its cache.
    pub environment: Environment,
    /// Hostname of the snapshots to take.
    pub host: String,
    /// The snapshot to take, else the latest of each path.
    pub which: Which,
    /// What to restore, in this order.
    pub paths: Vec<PathPlan>,
}

/// One path of a plan.
#[derive(Clone, Debug)]
pub struct PathPlan {
    /// The path as it was backed up.
    pub path: String,
    /// Where its content goes.
    pub target: PathBuf,
}

/// Runs one recovery session and reports it; see [`crate::session::backup`], whose rules hold here too.
pub fn recover(
    identity: &SessionIdentity,
    start: Timestamp,
    prepare: impl FnOnce() -> Result<RecoveryPlan, Failure>,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> SessionReport {
    reported(identity, start, |report| run(report, prepare, progress, cancel))
}

fn run(
    report: &mut SessionReport,
    prepare: impl FnOnce() -> Result<RecoveryPlan, Failure>,
    progress: &dyn Progress,
    cancel: &Cancel,
) {
    let plan = match prepare() {
        Ok(plan) => plan,
        Err(failure) => return fail(report, failure),
    };
    let repository = match engine::open(&plan.location, &plan.credentials, &plan.environment, cancel) {
        Ok(repository) => repository,
        Err(error) => return fail(report, Failure::from(&error)),
    };
    for path in &plan.paths {
        if cancel.is_cancelled() {
            fail(report, cancelled(&report.identity.config));
            break;
        }
        let group = run_path(&repository, &plan, path, progress);
        absorb(report, &group);
        report.groups.push(group);
    }
}

fn run_path(
    repository: &Repository,
    plan: &RecoveryPlan,
    path: &PathPlan,
    progress: &dyn Progress,
) -> GroupReport {
    let mut report = GroupReport { path: path.path.clone(), ..GroupReport::default() };
    let clock = Instant::now();
    let request = RestoreRequest {
        host: plan.host.clone(),
        path: path.path.clone(),
        which: plan.which.clone(),
        target: path.target.clone(),
    };
    report.restore = Some(match repository.restore(&request, progress) {
        Ok(done) => {
            report.snapshot = Some(done.snapshot.id);
            report.amount = Some(Amount {
                files_new: done.files,
                files_skipped: done.problems.len() as u64,
                bytes_processed: done.bytes,
                ..Amount::default()
            });
            report.skipped = done.problems;
            match report.skipped.first() {
                None => operation(Outcome::Succeeded, clock.elapsed(), None),
                Some(first) => {
                    let failure = Failure {
                        reason: FailureReason::TargetUnwritable,
                        message: format!(
                            "the content of {} is restored to {}, but {} file(s) are not exactly as they were, \
                             the first is {}: {}; run the recovery as a user who may set owners and attributes",
                            path.path,
                            path.target.display(),
                            report.skipped.len(),
                            first.path,
                            first.error
                        ),
                    };
                    operation(Outcome::Incomplete, clock.elapsed(), Some(failure))
                }
            }
        }
        Err(error) => failed(&error, clock.elapsed()),
    });
    report
}
