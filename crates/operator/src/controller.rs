//! One controller: takes references from its queue, reconciles what they refer to, tries again what failed.

use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt as _};
use kube::Resource;
use kube::runtime::controller::{Action, Config, Error as ControllerError, applier};
use kube::runtime::reflector::{ObjectRef, Store};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::measure::{Key, Look, Work};

/// Changes that come together are looked at together.
const DEBOUNCE: Duration = Duration::from_millis(100);
/// So many objects of one kind are reconciled at a time.
const CONCURRENCY: u16 = 8;
/// First pause after a failure; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(120);
/// Somebody was quicker: look again when their change has arrived.
const AFTER_CONFLICT: Duration = Duration::from_millis(300);

/// Whose work it is, and where it is counted.
pub(crate) struct Counted {
    pub(crate) name: &'static str,
    pub(crate) work: Arc<Work>,
}

/// Runs until `stop`; a reconcile that is under way is finished first.
pub(crate) async fn run<K, Context, Future>(
    counted: Counted,
    store: Store<K>,
    queue: UnboundedReceiver<ObjectRef<K>>,
    mut reconcile: impl FnMut(Arc<K>, Arc<Context>) -> Future,
    context: Arc<Context>,
    stop: CancellationToken,
) where
    K: Resource + Clone + 'static,
    K::DynamicType: Debug + Eq + Hash + Clone + Unpin,
    Future: std::future::Future<Output = Result<Action, Error>> + Send + 'static,
{
    let Counted { name, work } = counted;
    let failures = Arc::new(Failures::default());
    let policy = {
        let failures = Arc::clone(&failures);
        move |object: Arc<K>, error: &Error, _: Arc<Context>| {
            if error.is_conflict() {
                return Action::requeue(AFTER_CONFLICT);
            }
            Action::requeue(failures.pause(&key(object.meta())))
        }
    };
    let waits = Arc::clone(&work);
    let queue = stream::unfold(queue, async |mut queue| Some((queue.recv().await?, queue)))
        .inspect(move |reference: &ObjectRef<K>| waits.waits(name, key_of(reference)))
        .take_until(stop.cancelled_owned())
        .map(Ok::<_, std::convert::Infallible>)
        .boxed();
    let config = Config::default().debounce(DEBOUNCE).concurrency(CONCURRENCY);
    let looks = Arc::clone(&work);
    let look = move |object: Arc<K>, context: Arc<Context>| {
        looks.begins(name, &key(object.meta()));
        let (work, begun, looking) = (Arc::clone(&looks), Instant::now(), reconcile(object, context));
        Box::pin(async move {
            let outcome = looking.await;
            let look = match &outcome {
                Ok(_) => Look::Done,
                Err(error) if error.is_conflict() => Look::Conflict,
                Err(_) => Look::Error,
            };
            work.ends(name, look, begun.elapsed());
            outcome
        })
    };
    applier(look, policy, context, store, queue, config)
        .for_each(|outcome| {
            match outcome {
                Ok((reference, _)) => {
                    let namespace = reference.namespace.as_deref().unwrap_or_default();
                    failures.forget(&(namespace.to_owned(), reference.name));
                }
                // It is gone; what it owned goes with it.
                Err(ControllerError::ObjectNotFound(reference)) => {
                    let namespace = reference.namespace.unwrap_or_default();
                    work.is_gone(name, &(namespace, reference.name));
                }
                Err(ControllerError::ReconcilerFailed(error, object)) if error.is_conflict() => {
                    tracing::debug!(%object, %error, "looking again");
                }
                Err(ControllerError::ReconcilerFailed(error, object)) if error.namespace_is_going() => {
                    tracing::debug!(%object, %error, "its namespace goes, and so will it");
                }
                Err(ControllerError::ReconcilerFailed(error, object)) => {
                    tracing::warn!(%object, %error, "could not be brought to its desired state; it is tried again");
                }
                Err(error) => tracing::error!(%error, "a controller stumbled"),
            }
            std::future::ready(())
        })
        .await;
}

fn key_of<K: Resource>(reference: &ObjectRef<K>) -> Key {
    (reference.namespace.clone().unwrap_or_default(), reference.name.clone())
}

fn key(metadata: &kube::core::ObjectMeta) -> Key {
    (metadata.namespace.clone().unwrap_or_default(), metadata.name.clone().unwrap_or_default())
}

/// How often in a row an object failed.
#[derive(Default)]
struct Failures(Mutex<HashMap<Key, u32>>);

impl Failures {
    fn pause(&self, key: &Key) -> Duration {
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = failures.entry(key.clone()).or_default();
        let pause = FIRST_PAUSE.saturating_mul(1 << (*count).min(10)).min(LONGEST_PAUSE);
        *count += 1;
        pause
    }

    fn forget(&self, key: &Key) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_start_anew_after_a_success() {
        let failures = Failures::default();
        let key = ("shop".to_owned(), "web".to_owned());
        let pauses: Vec<u64> = (0..9).map(|_| failures.pause(&key).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 120, 120]);
        failures.forget(&key);
        assert_eq!(failures.pause(&key), FIRST_PAUSE);
    }
}
