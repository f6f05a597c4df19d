//! Keeps the push gateway to what exists: a group goes with what it describes (`domain::decide::series`).
//!
//! Groups are looked at when something they may describe has changed, once more when whoever pushed last has ended, and
//! from time to time, since pushes may come late and the gateway remembers over its restarts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use domain::decide::series::{self, Existing, Orphan};
use domain::objects::restic::Restic;
use domain::objects::workload::WorkloadKind;
use exposition::GroupingKey;
use kube::Resource as _;
use kube::runtime::reflector::ObjectRef;
use pusher::{PushError, Pusher};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::measure::Work;
use crate::world::{self, World};

/// Changes that come together are looked at together.
const DEBOUNCE: Duration = Duration::from_secs(1);
/// What looks orphaned must still do so after this time: a session may push before its Repository is seen.
const SECOND_LOOK: Duration = Duration::from_secs(2);
/// A pod that ends pushes what became of its session, for as long as it is given.
const LATE: Duration = Duration::from_secs(60);
/// Without any change.
const INTERVAL: Duration = Duration::from_secs(10 * 60);
/// After a failure.
const RETRY: Duration = Duration::from_secs(15);

/// What was done, for the metrics.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Groups that were deleted.
    pub(crate) deleted: AtomicU64,
    /// Looks that failed, since the gateway could not be asked.
    pub(crate) failures: AtomicU64,
}

/// Sweeps until `stop`.
pub(crate) async fn run(world: Arc<World>, pusher: Pusher, work: Arc<Work>, stop: CancellationToken) {
    let sweeping = async {
        let mut next = Instant::now();
        // The gateway starts beside the operator, so once it may not be there yet.
        let (mut said, mut failures) = (None, 0_u32);
        loop {
            let changed = tokio::select! {
                () = world.dispatch.swept() => true,
                () = sleep_until(next) => false,
            };
            if changed {
                sleep(DEBOUNCE).await;
            }
            match sweep(&world, &pusher, &work.sweeps).await {
                Ok(()) => {
                    (said, failures) = (None, 0);
                    next = Instant::now() + if changed { LATE } else { INTERVAL };
                }
                Err(error) => {
                    work.sweeps.failures.fetch_add(1, Ordering::Relaxed);
                    let text = error.to_string();
                    failures += 1;
                    if failures > 1 && said.as_ref() != Some(&text) {
                        tracing::warn!("series of what is gone stay for now: {text}");
                        said = Some(text);
                    }
                    next = Instant::now() + RETRY;
                }
            }
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = sweeping => {}
    }
}

type Labels = BTreeMap<String, String>;

async fn sweep(world: &World, pusher: &Pusher, counts: &Counts) -> Result<(), PushError> {
    let suspects: BTreeSet<Labels> = orphans(world, pusher).await?.into_keys().collect();
    if suspects.is_empty() {
        return Ok(());
    }
    sleep(SECOND_LOOK).await;
    for (labels, why) in orphans(world, pusher).await? {
        if !suspects.contains(&labels) {
            continue;
        }
        let job = labels.get("job").cloned().unwrap_or_default();
        let rest = labels
            .iter()
            .filter(|(name, _)| *name != "job")
            .map(|(name, value)| (name.clone(), value.clone()));
        let key = match GroupingKey::new(job, rest) {
            Ok(key) => key,
            Err(error) => {
                tracing::warn!(?labels, %error, "a group of the gateway cannot be named");
                continue;
            }
        };
        pusher.delete(&key).await?;
        counts.deleted.fetch_add(1, Ordering::Relaxed);
        tracing::info!(?labels, "a group of metrics was deleted: {}", why.as_str());
    }
    Ok(())
}

async fn orphans(world: &World, pusher: &Pusher) -> Result<BTreeMap<Labels, Orphan>, PushError> {
    let groups = pusher.groups().await?;
    let orphan = |labels: Labels| {
        let why = series::orphan(&series::session_of(&labels)?, world)?;
        Some((labels, why))
    };
    Ok(groups.into_iter().filter_map(orphan).collect())
}

impl Existing for World {
    fn restic(&self, namespace: &str, name: &str) -> Option<impl AsRef<Restic>> {
        let found = self.restics.get(&ObjectRef::new(name).within(namespace));
        found.filter(|restic| restic.metadata.deletion_timestamp.is_none())
    }

    fn has_repository(&self, namespace: &str, name: &str) -> bool {
        self.repositories.get(&ObjectRef::new(name).within(namespace)).is_some()
    }

    fn has_recovery(&self, namespace: &str, name: &str) -> bool {
        self.recoveries.get(&ObjectRef::new(name).within(namespace)).is_some()
    }

    fn workload(&self, kind: WorkloadKind, namespace: &str, name: &str) -> Option<Labels> {
        let reference = ObjectRef::new_with(name, world::resource(kind)?).within(namespace);
        let found = self.workloads.get(&kind)?.get(&reference)?;
        Some(found.meta().labels.clone().unwrap_or_default())
    }
}
