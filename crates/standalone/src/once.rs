//! Everything now, then the end: `stash standalone --once`, and the single sessions of `stash backup` and
//! `stash recover`.

use std::sync::Arc;

use domain::report::{FailureReason, Outcome, SessionReport};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::folder::{self, Desired, Key};
use crate::runner::problem_identity;
use crate::serve::{Error, Ready};
use crate::work::{Rhythm, Worker};
use domain::rules::schedule::Schedule;

/// What a run did, for the exit code.
#[derive(Clone, Debug, Default)]
pub struct Done {
    /// Reports of all sessions, problems of the folder included.
    pub reports: Vec<SessionReport>,
    /// Restics that were left out because they are paused.
    pub paused: Vec<Key>,
}

impl Done {
    /// The worst outcome.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.reports.iter().fold(Outcome::Succeeded, |worst, report| worst.worst(report.outcome))
    }

    /// The reason of the first failure.
    #[must_use]
    pub fn reason(&self) -> Option<FailureReason> {
        self.reports.iter().find_map(|report| report.failure.as_ref()).map(|failure| failure.reason)
    }
}

/// Reads the folder.
///
/// # Errors
/// When it cannot be read.
pub fn read(worker: &Worker) -> Result<Arc<Desired>, Error> {
    Ok(Arc::new(folder::load(&worker.host, Timestamp::now())?))
}

/// Runs every session, then every recovery, once, one after the other. That a Recovery has run before is no reason
/// to leave it out: asking for `--once` is asking for it again.
///
/// # Errors
/// When the folder cannot be read, or the metrics cannot be kept. What sessions did is in the result.
pub async fn everything(ready: &Ready) -> Result<Done, Error> {
    let worker = &ready.worker;
    let desired = read(worker)?;
    let mut done = Done::default();
    for problem in &desired.problems {
        tracing::error!("{}", problem.failure.message);
        let identity = problem_identity(worker, problem);
        let report = SessionReport::failed(identity, Timestamp::now(), problem.failure.clone());
        worker.outlet.publish(&report.identity, Some(&report), agent::measure::Standing::default()).await;
        done.reports.push(report);
    }
    for key in desired.restics.keys() {
        if worker.cancel.is_cancelled() {
            break;
        }
        match backup(worker, &desired, key).await {
            Some(report) => done.reports.push(report),
            None => done.paused.push(key.clone()),
        }
    }
    for (key, recovery) in &desired.recoveries {
        if worker.cancel.is_cancelled() {
            break;
        }
        done.reports.push(worker.recover(&desired, key, &recovery.value).await);
    }
    keep(ready)?;
    Ok(done)
}

/// Runs one backup session by hand; none when the Restic is paused or not in the folder.
pub async fn backup(worker: &Arc<Worker>, desired: &Arc<Desired>, key: &Key) -> Option<SessionReport> {
    let spec = &desired.restics.get(key)?.value;
    if spec.paused {
        tracing::info!(restic = %key, "paused, left out; set spec.paused to false to back it up");
        return None;
    }
    let report = worker
        .backup(desired, key, spec, |now| Rhythm { next_due: upcoming(&spec.schedule, now), ticks: None });
    Some(report.await)
}

/// When the schedule fires next: a session by hand does not change that.
fn upcoming(schedule: &str, now: Timestamp) -> Option<Timestamp> {
    Schedule::parse(schedule).ok()?.next_after(now, &TimeZone::system())
}

/// Writes the metrics of an embedded gateway to its file.
///
/// # Errors
/// When the file cannot be written.
pub fn keep(ready: &Ready) -> Result<(), Error> {
    match &ready.gateway {
        Some(gateway) => gateway.save().map_err(|error| Error::Gateway(error.to_string())),
        None => Ok(()),
    }
}
