//! A sidecar: sessions on the schedule of its Restic, by one pod of those that share a repository.
//!
//! Who loses the Lease stops its schedule and stands for election again. A session that runs then is not cut off:
//! both may write into the repository at once, restic's format allows for that, and half a backup helps nobody. Who
//! is *unsure*, since the API server is away, goes on: nobody can take the Lease through an API that is away, and in
//! the worst case a backup is made twice.

use std::sync::Arc;
use std::time::Duration;

use agent::measure::Standing as Beside;
use agent::ticks::{self, Ticks};
use cluster::events::{Events, Notice};
use cluster::lease::{Election, Standing};
use domain::objects::restic::{Restic, ResticSpec};
use domain::objects::workload::{Workload, WorkloadKind};
use domain::report::{FailureReason, Outcome, SessionIdentity, SessionReport};
use domain::rules::names;
use domain::rules::schedule::{Schedule, jitter};
use engine::Cancel;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::chronicle::{Chronicle, Entry};
use crate::outlet::Outlet;
use crate::pod::{Pod, PodError};
use crate::watched::Seen;
use crate::{event, once, plan, session, watched};

/// How long the last words to the API server and to the gateway may take, each. Both fit into the thirty seconds
/// that Kubernetes gives a pod to end.
const LAST_WORDS: Duration = Duration::from_secs(8);

/// What to back up, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// Name of the Restic.
    pub restic: String,
    /// The workload of the pod.
    pub workload: Workload,
    /// Longest stable delay of a session after its tick.
    pub jitter: Duration,
    /// How often the repository is checked; none for never.
    pub check_interval: Option<Duration>,
}

/// Backs up on schedule until the pod's end.
///
/// # Errors
/// When the gateway's address cannot be used. Nothing else ends it.
pub async fn run(pod: Pod, options: Options) -> Result<(), PodError> {
    let events = Events::new(pod.client.clone(), "stash-backup", Some(pod.name.clone()));
    let outlet = Outlet::new(&pod.pushgateway_url, &events)?;
    let seen = watched::start(&pod, &options.restic, &events);
    // The Lease is given back at the very end, when nothing runs any more.
    let resigned = CancellationToken::new();
    let (standing, election) = stand(&pod, &options.workload, resigned.clone()).await;
    let chronicle = Chronicle::start(&pod, &events, &options.restic, &options.workload);
    let identity = plan::backup_identity(&pod, &options.restic, &options.workload);
    let cancel = pod.cancel();
    let mut beside = Sidecar { pod, options, outlet, events, chronicle, identity, cancel, last: None };
    beside.serve(seen, standing).await;
    beside.chronicle.finish(LAST_WORDS).await;
    resigned.cancel();
    if let Some(election) = election {
        // It has a deadline of its own.
        let _ = election.await;
    }
    Ok(())
}

type Elected = (watch::Receiver<Standing>, Option<tokio::task::JoinHandle<()>>);

/// Stands for election where pods share a repository; each of the others leads its own.
async fn stand(pod: &Pod, workload: &Workload, resigned: CancellationToken) -> Elected {
    match workload.kind() {
        WorkloadKind::Deployment | WorkloadKind::ReplicaSet | WorkloadKind::ReplicationController => {
            let mut election = Election::new(&pod.namespace, &names::leader_lock(workload), &pod.name);
            // The Lease goes with its workload. Without an answer it stays: one small object.
            election.owner = once::workload_object(pod, workload)
                .await
                .ok()
                .and_then(|object| once::owner(workload, &object));
            let (standing, task) = election.run(pod.client.clone(), resigned);
            (standing, Some(task))
        }
        _ => {
            let (sender, standing) = watch::channel(Standing::Leading);
            // Kept open for as long as the process lives, so that waiting for a change waits.
            tokio::spawn(async move {
                resigned.cancelled().await;
                drop(sender);
            });
            (standing, None)
        }
    }
}

/// The ticks of one spec, each with its stable delay.
struct Rhythm {
    restic: Arc<Restic>,
    ticks: Option<Ticks>,
    delay: Duration,
    due: Option<Timestamp>,
}

struct Sidecar {
    pod: Pod,
    options: Options,
    outlet: Outlet,
    events: Events,
    chronicle: Chronicle,
    identity: SessionIdentity,
    /// Stops whatever runs when the pod is to end.
    cancel: Cancel,
    /// The last session of this process.
    last: Option<SessionReport>,
}

impl Sidecar {
    async fn serve(&mut self, mut seen: watch::Receiver<Seen>, mut standing: watch::Receiver<Standing>) {
        let stop = self.pod.stop.clone();
        let mut current: Option<Rhythm> = None;
        loop {
            let leads = matches!(*standing.borrow_and_update(), Standing::Leading | Standing::Unsure);
            let restic = match &*seen.borrow_and_update() {
                Seen::There(restic) if leads => Some(Arc::clone(restic)),
                _ => None,
            };
            match (&mut current, restic) {
                (None, None) => {}
                (Some(rhythm), None) => {
                    tracing::info!(leads, "the schedule has stopped");
                    if leads {
                        // The Restic is gone, and its series go with it: pushing now would bring them back.
                        self.chronicle.add(&spec_of(&rhythm.restic), Entry::Next(None), Vec::new());
                    }
                    current = None;
                    continue;
                }
                (Some(rhythm), Some(restic)) if rhythm.restic.spec == restic.spec => {}
                (before, Some(restic)) => {
                    let counts = before.as_ref().and_then(|rhythm| rhythm.ticks.as_ref()).map(Ticks::counts);
                    let rhythm = self.begin(restic, counts.unwrap_or_default());
                    self.announce(&rhythm, Some(rhythm.restic.spec.paused)).await;
                    current = Some(rhythm);
                    // Announcing takes time in which things change.
                    continue;
                }
            }
            let due = current.as_ref().and_then(|rhythm| rhythm.due);
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                changed = seen.changed() => { if changed.is_err() { return } continue }
                changed = standing.changed() => { if changed.is_err() { return } continue }
                () = wait(due) => {}
            }
            if let Some(rhythm) = &mut current {
                self.session(rhythm).await;
            }
        }
    }

    fn begin(&self, restic: Arc<Restic>, counts: ticks::TickCounts) -> Rhythm {
        let spec = &restic.spec;
        let ticks = match Schedule::parse(&spec.schedule) {
            _ if spec.paused => None,
            // Without a zone of its own a schedule is in UTC, the zone of a container.
            Ok(schedule) => {
                Some(Ticks::starting(schedule, TimeZone::UTC, Timestamp::now()).with_counts(counts))
            }
            Err(error) => {
                tracing::error!(%error, "a schedule that passed validation cannot be read");
                None
            }
        };
        let mut rhythm = Rhythm { ticks, delay: Duration::ZERO, due: None, restic };
        self.aim(&mut rhythm);
        tracing::info!(
            restic = self.options.restic,
            schedule = rhythm.restic.spec.schedule,
            paused = rhythm.restic.spec.paused,
            next = %rhythm.due.map_or_else(|| "never".to_owned(), |due| due.to_string()),
            "scheduled"
        );
        rhythm
    }

    /// When the next session is due: the tick and its delay.
    fn aim(&self, rhythm: &mut Rhythm) {
        let tick = rhythm.ticks.as_ref().and_then(Ticks::next);
        let Some(tick) = tick else {
            rhythm.due = None;
            return;
        };
        let schedule = Schedule::parse(&rhythm.restic.spec.schedule).ok();
        let following = schedule.and_then(|schedule| schedule.next_after(tick, &TimeZone::UTC));
        let key = format!("{}/{}", self.identity.namespace, self.identity.repository);
        rhythm.delay = jitter::delay(&key, tick, following, self.options.jitter);
        rhythm.due = tick.checked_add(rhythm.delay).ok().or(Some(tick));
    }

    fn standing(&self, rhythm: &Rhythm, paused: Option<bool>) -> Beside {
        Beside {
            last_success: self.chronicle.status().last_successful_backup_time.map(|time| time.0),
            next_due: rhythm.due,
            paused,
            ticks: rhythm.ticks.as_ref().map(Ticks::counts),
            ..Beside::default()
        }
    }

    async fn announce(&self, rhythm: &Rhythm, paused: Option<bool>) {
        let spec = spec_of(&rhythm.restic);
        self.chronicle.add(&spec, Entry::Next(rhythm.due), Vec::new());
        let standing = self.standing(rhythm, paused);
        // Nothing due may wait for a gateway that does not answer.
        let publish = self.outlet.publish(&self.identity, self.last.as_ref(), standing);
        let _ = tokio::time::timeout(LAST_WORDS, publish).await;
    }

    async fn session(&mut self, rhythm: &mut Rhythm) {
        let delay = rhythm.delay;
        // Lateness counts from when the session was due, delay included.
        let shifted = |now: Timestamp| now.checked_sub(delay).unwrap_or(now);
        if let Some(ticks) = &mut rhythm.ticks {
            ticks.serve(shifted(Timestamp::now()));
        }
        let (restic, workload) = (&self.options.restic, &self.options.workload);
        let (report, listed) =
            session::backup(&self.pod, restic, &rhythm.restic.spec, workload, &self.cancel).await;
        if let Some(ticks) = &mut rhythm.ticks {
            ticks.finish(shifted(Timestamp::now()));
        }
        self.aim(rhythm);
        let spec = spec_of(&rhythm.restic);
        let entry = Entry::Session(Box::new(report.clone()), rhythm.due);
        self.chronicle.add(&spec, entry, event::of_backup(&report));
        self.chronicle.list(listed);
        let standing = self.standing(rhythm, Some(spec.paused));
        let publish = self.outlet.publish(&self.identity, Some(&report), standing);
        if self.pod.stop.is_cancelled() {
            let _ = tokio::time::timeout(LAST_WORDS, publish).await;
        } else {
            publish.await;
        }
        if report.outcome != Outcome::Succeeded {
            self.complain(&report).await;
        }
        let checkable = is_checkable(&report);
        self.last = Some(report);
        if checkable {
            self.check(&spec).await;
        }
    }

    /// The Restic is what its owner looks at, so a session that failed is said there, too.
    async fn complain(&self, report: &SessionReport) {
        let about = event::about("Restic", &self.pod.namespace, &self.options.restic, None);
        let note = report.failure.as_ref().map_or("the session failed", |failure| failure.message.as_str());
        let note = format!("{}: {note}", self.identity.repository);
        self.events.record(&about, &Notice::warning("FailedCronJob", "Backup", note)).await;
    }

    /// Checks the repository when that is due. The Repository's status says when it was done last, so that neither
    /// a restart nor another leader counts anew.
    async fn check(&self, spec: &Arc<ResticSpec>) {
        let Some(interval) = self.options.check_interval else { return };
        let now = Timestamp::now();
        let due = self.chronicle.unchecked_since().is_some_and(|since| is_due(since, interval, now));
        if !due || self.pod.stop.is_cancelled() {
            return;
        }
        let outcome = session::check(&self.pod, spec, &self.options.workload, &self.cancel).await;
        let repository = &self.identity.repository;
        let (sound, problem) = match outcome {
            Ok(found) => (Some(found.is_ok()), found.errors.first().cloned()),
            Err(failure) => (None, Some(failure.message)),
        };
        let notices = problem.map(|problem| {
            tracing::error!(repository, sound, problem, "the check of the repository failed");
            Notice::warning("FailedCheck", "Check", format!("check of {repository}: {problem}"))
        });
        if let Some(sound) = sound {
            tracing::info!(repository, sound, "the repository was checked");
            let entry = Entry::Check { sound, at: Timestamp::now() };
            self.chronicle.add(spec, entry, notices.into_iter().collect());
        } else if let Some(notice) = notices {
            let about = event::about("Repository", &self.pod.namespace, repository, None);
            self.events.record(&about, &notice).await;
        }
    }
}

fn spec_of(restic: &Restic) -> Arc<ResticSpec> {
    Arc::new(restic.spec.clone())
}

/// Whether a session leaves something to check. One that could not reach the repository would only fail once more; one
/// that stumbled over damage is the best reason to look for more.
fn is_checkable(report: &SessionReport) -> bool {
    matches!(report.outcome, Outcome::Succeeded | Outcome::Incomplete)
        || report.failure.as_ref().is_some_and(|failure| failure.reason == FailureReason::RepositoryDamaged)
}

/// Whether `interval` has passed.
fn is_due(since: Timestamp, interval: Duration, now: Timestamp) -> bool {
    let passed = now.duration_since(since);
    !passed.is_negative() && passed.unsigned_abs() >= interval
}

async fn wait(due: Option<Timestamp>) {
    match due {
        Some(due) => ticks::wait_until(due).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_is_due_after_its_interval_and_never_for_a_clock_that_went_back() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let day = Duration::from_secs(86_400);
        assert!(!is_due(at(0), day, at(86_399)));
        assert!(is_due(at(0), day, at(86_400)));
        assert!(!is_due(at(200_000), day, at(0)));
    }
}
