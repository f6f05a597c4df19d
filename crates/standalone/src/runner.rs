//! The long loop: one task per Restic and Recovery, all of them led by the newest [`Desired`].
//!
//! A task outlives its object: when the object goes, the task removes its traces and sleeps until the object returns.
//! So there is never a moment in which an object has two tasks, or none.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use agent::ticks::{self, Ticks};
use domain::objects::recovery::RecoveryPhase;
use domain::objects::restic::ResticSpec;
use domain::report::{SessionIdentity, SessionKind, SessionReport};
use domain::rules::schedule::Schedule;
use domain::rules::status;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::folder::{Desired, Key, Problem};
use crate::host::repository_key;
use crate::work::{Rhythm, Worker};

/// The newest objects of the folder.
pub type Newest = watch::Receiver<Arc<Desired>>;

/// Runs until `stop`: starts a task for each object that appears, and reports each problem. Tasks are tracked by
/// `tasks`, which the caller closes and waits for.
pub async fn run(worker: Arc<Worker>, mut newest: Newest, tasks: TaskTracker, stop: CancellationToken) {
    let mut started: BTreeMap<(SessionKind, Key), ()> = BTreeMap::new();
    let mut reported: BTreeMap<String, SessionIdentity> = BTreeMap::new();
    let first = Arc::clone(&newest.borrow());
    sweep(&worker, &first).await;
    loop {
        let desired = Arc::clone(&newest.borrow_and_update());
        report_problems(&worker, &desired, &mut reported).await;
        for key in desired.restics.keys() {
            if let Entry::Vacant(slot) = started.entry((SessionKind::Backup, key.clone())) {
                slot.insert(());
                tasks.spawn(restic(Arc::clone(&worker), key.clone(), newest.clone(), stop.clone()));
            }
        }
        for key in desired.recoveries.keys() {
            if let Entry::Vacant(slot) = started.entry((SessionKind::Recovery, key.clone())) {
                slot.insert(());
                tasks.spawn(recovery(Arc::clone(&worker), key.clone(), newest.clone(), stop.clone()));
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            changed = newest.changed() => if changed.is_err() { return },
        }
    }
}

/// Objects that went while nobody watched: their series go too.
async fn sweep(worker: &Worker, desired: &Desired) {
    for (session, key) in worker.ledger.remembered() {
        let there = match session {
            SessionKind::Backup => desired.restics.contains_key(&key),
            SessionKind::Recovery => desired.recoveries.contains_key(&key),
        };
        // An object that is refused is not gone: its last known state is worth keeping.
        let refused = desired
            .problems
            .iter()
            .any(|problem| problem.object.as_ref().is_none_or(|(_, refused)| *refused == key));
        if !there && !refused {
            retire(worker, session, &key).await;
        }
    }
}

async fn retire(worker: &Worker, session: SessionKind, key: &Key) {
    let identity = worker.ledger.report(session, key).map(|report| report.identity);
    let identity =
        identity.or_else(|| (session == SessionKind::Backup).then(|| worker.host.backup_identity(key)));
    if let Some(identity) = identity {
        worker.outlet.remove(&identity).await;
    }
    worker.ledger.forget(session, key);
    tracing::info!(%key, session = session.as_str(), "no longer in the folder; its status and metrics are removed");
}

/// A file or object that is refused says `restic_session_fail 1` like a session that failed: nobody who watches only
/// that metric may miss it.
async fn report_problems(
    worker: &Worker,
    desired: &Desired,
    reported: &mut BTreeMap<String, SessionIdentity>,
) {
    let mut now = BTreeMap::new();
    for problem in &desired.problems {
        let identity = problem_identity(worker, problem);
        let report = SessionReport::failed(identity.clone(), Timestamp::now(), problem.failure.clone());
        let id = format!("{identity:?}");
        if !reported.contains_key(&id) {
            tracing::error!(
                earlier_version_in_force = problem.earlier_in_force,
                "{}",
                problem.failure.message
            );
        }
        worker.outlet.publish(&identity, Some(&report), agent::measure::Standing::default()).await;
        now.insert(id, identity);
    }
    let restics: Vec<SessionIdentity> =
        desired.restics.keys().map(|key| worker.host.backup_identity(key)).collect();
    for (id, identity) in std::mem::take(reported) {
        // A mended object publishes under the same key itself.
        if !now.contains_key(&id) && !restics.contains(&identity) {
            worker.outlet.remove(&identity).await;
        }
    }
    *reported = now;
}

/// The identity of a refused object, as far as it is known: of the Restic itself when no version of it is in force,
/// else of the file.
#[must_use]
pub fn problem_identity(worker: &Worker, problem: &Problem) -> SessionIdentity {
    match &problem.object {
        Some((kind, key)) if kind == "Restic" && !problem.earlier_in_force => {
            worker.host.backup_identity(key)
        }
        _ => SessionIdentity {
            config: problem.file.clone(),
            repository: String::new(),
            ..worker.host.backup_identity(&Key::new(None, &problem.file))
        },
    }
}

async fn restic(worker: Arc<Worker>, key: Key, mut newest: Newest, stop: CancellationToken) {
    let mut current: Option<(ResticSpec, Option<Ticks>)> = None;
    loop {
        let desired = Arc::clone(&newest.borrow_and_update());
        let Some(object) = desired.restics.get(&key) else {
            if current.take().is_some() {
                retire(&worker, SessionKind::Backup, &key).await;
            }
            tokio::select! {
                () = stop.cancelled() => return,
                changed = newest.changed() => if changed.is_err() { return } else { continue },
            }
        };
        let spec = &object.value;
        let ticks = match current.take() {
            Some((known, ticks)) if known == *spec => ticks,
            before => {
                let counts =
                    before.and_then(|(_, ticks)| ticks).map(|ticks| ticks.counts()).unwrap_or_default();
                let ticks = begin(spec).map(|ticks| ticks.with_counts(counts));
                let rhythm = rhythm_of(ticks.as_ref());
                show(&worker, &key, rhythm);
                worker.announce(&key, spec, rhythm).await;
                match rhythm.next_due {
                    Some(at) => {
                        tracing::info!(restic = %key, schedule = spec.schedule, next = %at, "scheduled")
                    }
                    None if spec.paused => tracing::info!(restic = %key, "paused"),
                    None => {
                        tracing::warn!(restic = %key, schedule = spec.schedule, "its schedule never fires")
                    }
                }
                ticks
            }
        };
        let due = ticks.as_ref().and_then(Ticks::next);
        current = Some((spec.clone(), ticks));
        tokio::select! {
            () = stop.cancelled() => return,
            changed = newest.changed() => if changed.is_err() { return } else { continue },
            () = wait(due) => {}
        }
        let Some((_, Some(ticks))) = &mut current else { continue };
        ticks.serve(Timestamp::now());
        let report = worker
            .backup(&desired, &key, spec, |now| {
                ticks.finish(now);
                rhythm_of(Some(ticks))
            })
            .await;
        show(&worker, &key, rhythm_of(Some(ticks)));
        tracing::debug!(restic = %key, outcome = report.outcome.as_str(), "a session has ended");
    }
}

fn begin(spec: &ResticSpec) -> Option<Ticks> {
    if spec.paused {
        return None;
    }
    match Schedule::parse(&spec.schedule) {
        Ok(schedule) => Some(Ticks::starting(schedule, TimeZone::system(), Timestamp::now())),
        Err(error) => {
            tracing::error!(%error, "a schedule that passed validation does not parse");
            None
        }
    }
}

fn rhythm_of(ticks: Option<&Ticks>) -> Rhythm {
    Rhythm { next_due: ticks.and_then(Ticks::next), ticks: ticks.map(Ticks::counts) }
}

fn show(worker: &Worker, key: &Key, rhythm: Rhythm) {
    let upcoming = crate::live::Upcoming { next: rhythm.next_due, ticks: rhythm.ticks.unwrap_or_default() };
    worker.live.set_upcoming(key, upcoming);
}

async fn wait(due: Option<Timestamp>) {
    match due {
        Some(due) => ticks::wait_until(due).await,
        None => std::future::pending().await,
    }
}

/// A Recovery runs once, when its Repository has something to restore. A final phase is final: also after a restart,
/// and also when the object was edited. To restore again, make a new Recovery or run `stash recover`.
async fn recovery(worker: Arc<Worker>, key: Key, mut newest: Newest, stop: CancellationToken) {
    let mut sessions = worker.sessions.subscribe();
    let mut known = false;
    loop {
        let desired = Arc::clone(&newest.borrow_and_update());
        sessions.borrow_and_update();
        match desired.recoveries.get(&key) {
            None => {
                if std::mem::take(&mut known) {
                    retire(&worker, SessionKind::Recovery, &key).await;
                }
            }
            Some(object) => {
                known = true;
                let before = worker.ledger.recovery(&key);
                if !before.phase.is_some_and(RecoveryPhase::is_final) {
                    match waits_for(&worker, &desired, &object.value) {
                        None => {
                            worker.recover(&desired, &key, &object.value).await;
                        }
                        Some(text) => {
                            if before.phase.is_none() {
                                tracing::info!(recovery = %key, "{text}");
                            }
                            let pending = status::recovery_pending(&before, &text, Timestamp::now());
                            if let Err(error) = worker.ledger.set_recovery(&key, &object.value, pending) {
                                tracing::error!(recovery = %key, %error, "cannot remember its phase");
                            }
                        }
                    }
                }
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            changed = newest.changed() => if changed.is_err() { return },
            changed = sessions.changed() => if changed.is_err() { return },
        }
    }
}

/// What a Recovery has to wait for: the first good backup of the Restic that fills its Repository.
fn waits_for(
    worker: &Worker,
    desired: &Desired,
    spec: &domain::objects::recovery::RecoverySpec,
) -> Option<String> {
    let found = worker.host.find_repository(desired, &repository_key(spec)).ok()?;
    let restic = found.filled_by?;
    if worker.ledger.restic(&restic).last_successful_backup_time.is_some() {
        return None;
    }
    Some(format!("waits for the first successful backup of Restic {restic}"))
}
