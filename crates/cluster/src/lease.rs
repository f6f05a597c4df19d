//! One leader among replicas, by a Lease of `coordination.k8s.io/v1`.
//!
//! It is our own because what stands beside a workload must tell two things apart that the crates for it fold into
//! one "not leading": *another holds the Lease*, then we must stop, and *the API server cannot be reached*, then
//! nobody can take the Lease either, and a backup that is due must still be made. `kube-lease-manager` gives a
//! `bool`, and answers an unreachable API with an error log and silence. The rule is that of client-go, so that the
//! object means the same to everybody: who holds it renews it every [`Timing::retry`]; who does not may take it when
//! it was not renewed for its duration, measured on the own clock. Writes carry the version that was read, so of two
//! that take it at once one is told so.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta, OwnerReference};
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::connect::is_definite;
use crate::lease::rule::{Candidate, Record, Step};

mod rule;

/// How long a Lease is valid, and how often it is looked at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Timing {
    /// For how long after its last renewal nobody else may take it.
    pub lease: Duration,
    /// For how long after the last renewal its holder is sure of it; less than `lease`.
    pub renew: Duration,
    /// How often it is renewed, or tried to be had.
    pub retry: Duration,
}

impl Default for Timing {
    /// 15 s, 10 s, 2 s, as client-go and Stash 0.8.3.
    fn default() -> Self {
        Self { lease: Duration::from_secs(15), renew: Duration::from_secs(10), retry: Duration::from_secs(2) }
    }
}

/// Where a candidate stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Standing {
    /// Somebody else leads, or nobody is known to.
    Waiting {
        /// Who was seen to hold the Lease.
        holder: Option<String>,
    },
    /// The Lease is ours, and nobody else may think it theirs.
    Leading,
    /// It was ours, could not be renewed in time since the API server does not answer or refuses, and nobody else
    /// was seen to hold it. Another may hold it by now, if the API answers *there*.
    Unsure,
}

/// An election to stand for.
#[derive(Clone, Debug)]
pub struct Election {
    /// Namespace of the Lease.
    pub namespace: String,
    /// Name of the Lease.
    pub name: String,
    /// Who we are, unique among the candidates; the pod's name.
    pub identity: String,
    /// Whom the Lease belongs to and ends with; set when it is created.
    pub owner: Option<OwnerReference>,
    /// How long things may take.
    pub timing: Timing,
}

impl Election {
    /// An election with the usual timing and without owner.
    #[must_use]
    pub fn new(namespace: &str, name: &str, identity: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            identity: identity.to_owned(),
            owner: None,
            timing: Timing::default(),
        }
    }

    /// Stands for election until `stop`, then gives the Lease back. The task ends once that is done or has failed;
    /// wait for it, or the next leader waits for the Lease to expire.
    #[must_use]
    pub fn run(self, client: Client, stop: CancellationToken) -> (watch::Receiver<Standing>, JoinHandle<()>) {
        let (sender, receiver) = watch::channel(Standing::Waiting { holder: None });
        let task = tokio::spawn(async move {
            let api = Api::namespaced(client, &self.namespace);
            let candidate = Candidate::new(&self.identity, self.timing);
            Stand { election: self, api, candidate, epoch: Instant::now(), known: None, sender }
                .run(stop)
                .await;
        });
        (receiver, task)
    }
}

struct Stand {
    election: Election,
    api: Api<Lease>,
    candidate: Candidate,
    epoch: Instant,
    /// The Lease as it was read or written last: what is written keeps whatever else is in it.
    known: Option<Lease>,
    sender: watch::Sender<Standing>,
}

impl Stand {
    async fn run(mut self, stop: CancellationToken) {
        let mut failing = false;
        loop {
            let result = tokio::select! {
                () = stop.cancelled() => break,
                result = tokio::time::timeout(self.patience(), self.attempt()) => result,
            };
            let failure = match result {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some((is_definite(&error), error.to_string())),
                Err(_) => Some((false, "the API server does not answer".to_owned())),
            };
            let (namespace, name) = (&self.election.namespace, &self.election.name);
            match &failure {
                None if failing => tracing::info!(namespace, name, "the Lease can be reached again"),
                Some((true, error)) if !failing => {
                    tracing::error!(
                        namespace,
                        name,
                        error,
                        "the API server refuses what an election needs; grant get, create and update of this Lease"
                    );
                }
                Some((false, error)) if !failing => {
                    tracing::warn!(namespace, name, error, "cannot reach the Lease; trying on");
                }
                _ => {}
            }
            failing = failure.is_some();
            self.tell();
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(self.election.timing.retry) => {}
                // Certainty may end while we wait.
                () = self.certainty_ends() => self.tell(),
            }
        }
        self.release().await;
    }

    fn now(&self) -> Duration {
        self.epoch.elapsed()
    }

    /// How long one attempt may take: never beyond the moment from which we are no longer sure.
    fn patience(&self) -> Duration {
        let usual = self.election.timing.renew / 2;
        let left = self.candidate.certain_until().map(|end| end.saturating_sub(self.now()));
        left.filter(|left| !left.is_zero()).map_or(usual, |left| left.min(usual))
    }

    async fn certainty_ends(&self) {
        match self.candidate.certain_until().filter(|end| *end > self.now()) {
            Some(end) => tokio::time::sleep_until(self.epoch + end).await,
            None => std::future::pending().await,
        }
    }

    fn tell(&self) {
        let standing = self.candidate.standing(self.now());
        self.sender.send_if_modified(|current| {
            let new = *current != standing;
            if new {
                tracing::info!(lease = %self.election.name, identity = %self.election.identity, ?standing, "election");
                *current = standing;
            }
            new
        });
    }

    /// Looks at the Lease and does what follows.
    async fn attempt(&mut self) -> Result<(), kube::Error> {
        let lease = self.api.get_opt(&self.election.name).await?;
        let step = self.candidate.read(lease.as_ref().map(record), self.now());
        self.known = lease;
        if step == Step::Wait {
            return Ok(());
        }
        let begun = self.now();
        let next = self.candidate.write(&step, &Timestamp::now().to_string());
        let object = self.object(&next);
        let written = match step {
            Step::Create => self.api.create(&PostParams::default(), &object).await,
            _ => self.api.replace(&self.election.name, &PostParams::default(), &object).await,
        };
        match written {
            Ok(lease) => {
                self.candidate.wrote(record(&lease), begun, self.now());
                self.known = Some(lease);
                Ok(())
            }
            // Somebody was faster. Who it was shows at the next look.
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn object(&self, record: &Record) -> Lease {
        let mut lease = self.known.clone().unwrap_or_else(|| Lease {
            metadata: ObjectMeta {
                namespace: Some(self.election.namespace.clone()),
                name: Some(self.election.name.clone()),
                owner_references: self.election.owner.clone().map(|owner| vec![owner]),
                ..ObjectMeta::default()
            },
            ..Lease::default()
        });
        let spec = lease.spec.get_or_insert_with(LeaseSpec::default);
        spec.holder_identity = Some(record.holder.clone());
        spec.lease_duration_seconds =
            Some(i32::try_from(record.valid_for.as_secs()).unwrap_or(i32::MAX).max(1));
        spec.acquire_time = time(&record.acquired);
        spec.renew_time = time(&record.renewed);
        spec.lease_transitions = Some(record.transitions);
        lease
    }

    /// Gives the Lease back, so that the next one need not wait for its end.
    async fn release(mut self) {
        // Said first: once it is given back, another may lead at any moment.
        self.sender.send_replace(Standing::Waiting { holder: None });
        if self.candidate.certain_until().is_some() {
            match tokio::time::timeout(self.election.timing.renew / 2, self.give_back()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::warn!(lease = %self.election.name, %error, "cannot give the Lease back; it expires by itself");
                }
                Err(_) => {
                    tracing::warn!(lease = %self.election.name, "cannot give the Lease back, the API server does not answer; it expires by itself");
                }
            }
        }
    }

    async fn give_back(&mut self) -> Result<(), kube::Error> {
        // Read again: an attempt that was cut off may have written.
        let Some(lease) = self.api.get_opt(&self.election.name).await? else { return Ok(()) };
        let mut record = record(&lease);
        if record.holder != self.election.identity {
            return Ok(());
        }
        self.known = Some(lease);
        record.holder = String::new();
        record.valid_for = Duration::from_secs(1);
        record.renewed = Timestamp::now().to_string();
        record.acquired.clone_from(&record.renewed);
        let object = self.object(&record);
        self.api.replace(&self.election.name, &PostParams::default(), &object).await.map(|_| ())
    }
}

fn record(lease: &Lease) -> Record {
    let spec = lease.spec.clone().unwrap_or_default();
    let text = |time: Option<MicroTime>| time.map(|time| time.0.to_string()).unwrap_or_default();
    let seconds = spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok());
    Record {
        holder: spec.holder_identity.unwrap_or_default(),
        valid_for: Duration::from_secs(seconds.unwrap_or(0)),
        acquired: text(spec.acquire_time),
        renewed: text(spec.renew_time),
        transitions: spec.lease_transitions.unwrap_or(0),
    }
}

fn time(text: &str) -> Option<MicroTime> {
    text.parse().ok().map(MicroTime)
}
