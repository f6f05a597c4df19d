//! One watch: keeps a store, says what changed, and says once when it cannot.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::hash::Hash;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use kube::runtime::reflector::ObjectRef;
use kube::runtime::reflector::store::Writer;
use kube::runtime::utils::Backoff;
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt as _, watcher as watch_api};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Which watches do not work, and why: shown by `/readyz`, and logged when it changes.
#[derive(Clone, Debug)]
pub(crate) struct Tidings(Arc<watch::Sender<BTreeMap<String, String>>>);

impl Default for Tidings {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(BTreeMap::new())))
    }
}

impl Tidings {
    /// The watches that do not work, by kind.
    pub(crate) fn troubles(&self) -> watch::Receiver<BTreeMap<String, String>> {
        self.0.subscribe()
    }

    fn works(&self, kind: &str) {
        self.0.send_if_modified(|troubles| {
            let mended = troubles.remove(kind).is_some();
            if mended {
                tracing::info!(kind, "the API server lets us watch them again");
            }
            mended
        });
    }

    fn fails(&self, kind: &str, error: &watcher::Error) {
        let text = explained(kind, error);
        if !is_trouble(error) {
            tracing::debug!(kind, "{text}");
            return;
        }
        self.0.send_if_modified(|troubles| {
            if troubles.get(kind) == Some(&text) {
                return false;
            }
            tracing::warn!(kind, "{text}");
            troubles.insert(kind.to_owned(), text);
            true
        });
    }
}

/// Whether a watch that failed so is in trouble, and the operator not ready. One that was cut off goes on where it was, as
/// soon as it can; and while nothing happens, it never says that it does.
fn is_trouble(error: &watcher::Error) -> bool {
    let is_refused = status(error).is_some_and(|(code, _)| matches!(code, 401 | 403 | 404));
    is_refused || matches!(error, watcher::Error::InitialListFailed(_))
}

fn status(error: &watcher::Error) -> Option<(u16, &str)> {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status)) => Some((status.code, &status.message)),
        watcher::Error::WatchError(status) => Some((status.code, &status.message)),
        _ => None,
    }
}

/// What went wrong, and what to do.
fn explained(kind: &str, error: &watcher::Error) -> String {
    match status(error) {
        Some((403, message)) => format!(
            "the operator may not watch objects of kind {kind}: {message}; apply the ClusterRole of this release"
        ),
        Some((404, _)) => format!(
            "the API server knows no kind {kind}; if it is one of Stash's, its CustomResourceDefinition was deleted: \
             restart the operator, which creates it"
        ),
        _ => format!("cannot watch objects of kind {kind}: {error}; it is tried again"),
    }
}

/// The pauses of a watch that fails, but never so long that a person would wonder: what is refused while the API
/// server starts or takes a new definition is granted seconds later.
#[derive(Default)]
struct Pauses(watcher::DefaultBackoff);

const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A watch that fails says so at each attempt. One that has said nothing for so long works, and nothing has happened.
const QUIET: Duration = Duration::from_secs(60);

impl Iterator for Pauses {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.0.next().map(|pause| pause.min(LONGEST_PAUSE))
    }
}

impl Backoff for Pauses {
    fn reset(&mut self) {
        self.0.reset();
    }
}

/// Starts watches that begin and end together.
pub(crate) struct Follower {
    /// Cancelled when there is something to watch.
    pub(crate) begin: CancellationToken,
    pub(crate) tidings: Tidings,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
}

impl Follower {
    /// Keeps `writer` as the API server has it. After each change `change` is called with the object before and after
    /// it. What changed while the watch was interrupted is told when it goes on.
    pub(crate) fn spawn<K>(
        &self,
        api: Api<K>,
        of: K::DynamicType,
        config: watcher::Config,
        writer: Writer<K>,
        slim: fn(&mut K),
        change: impl Fn(Option<&K>, Option<&K>) + Send + 'static,
    ) where
        K: Resource,
        K: Clone + DeserializeOwned + Debug + Send + Sync + 'static,
        K::DynamicType: Eq + Hash + Clone + Send + Sync,
    {
        let tidings = self.tidings.clone();
        let (begin, stop) = (self.begin.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            let watching = async {
                begin.cancelled().await;
                follow(api, of, config, writer, slim, change, tidings).await;
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = watching => {}
            }
        });
    }
}

async fn follow<K>(
    api: Api<K>,
    of: K::DynamicType,
    config: watcher::Config,
    mut writer: Writer<K>,
    slim: fn(&mut K),
    change: impl Fn(Option<&K>, Option<&K>),
    tidings: Tidings,
) where
    K: Resource,
    K: Clone + DeserializeOwned + Debug + Send + Sync + 'static,
    K::DynamicType: Eq + Hash + Clone + Send + Sync,
{
    let kind = K::kind(&of).into_owned();
    let store = writer.as_reader();
    let mut before: Vec<Arc<K>> = Vec::new();
    let mut events = pin!(watch_api(api, config).backoff(Pauses::default()));
    loop {
        let event = match tokio::time::timeout(QUIET, events.next()).await {
            Ok(Some(event)) => event,
            Ok(None) => return,
            Err(_) => {
                tidings.works(&kind);
                continue;
            }
        };
        let event = match event {
            Ok(event) => event.modify(slim),
            Err(error) => {
                tidings.fails(&kind, &error);
                continue;
            }
        };
        // That it begins to list is no sign that it may.
        if !matches!(event, Event::Init | Event::InitApply(_)) {
            tidings.works(&kind);
        }
        match &event {
            Event::Apply(object) => {
                let known = store.get(&ObjectRef::from_obj_with(object, of.clone()));
                writer.apply_watcher_event(&event);
                change(known.as_deref(), Some(object));
            }
            Event::Delete(object) => {
                writer.apply_watcher_event(&event);
                change(Some(object), None);
            }
            Event::Init => {
                before = store.state();
                writer.apply_watcher_event(&event);
            }
            Event::InitApply(_) => writer.apply_watcher_event(&event),
            Event::InitDone => {
                writer.apply_watcher_event(&event);
                compare(std::mem::take(&mut before), &store.state(), &change);
            }
        }
    }
}

/// Tells the differences of two states.
fn compare<K: Resource>(before: Vec<Arc<K>>, after: &[Arc<K>], change: &impl Fn(Option<&K>, Option<&K>)) {
    let key = |object: &K| (object.meta().namespace.clone(), object.meta().name.clone());
    let mut known: BTreeMap<_, _> = before.into_iter().map(|object| (key(&object), object)).collect();
    for object in after {
        let earlier = known.remove(&key(object));
        let same = earlier
            .as_ref()
            .is_some_and(|earlier| earlier.meta().resource_version == object.meta().resource_version);
        if !same {
            change(earlier.as_deref(), Some(object));
        }
    }
    for gone in known.into_values() {
        change(Some(&gone), None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(code: u16) -> kube::Error {
        let status = kube::core::Status { code, ..Default::default() };
        kube::Error::Api(Box::new(status))
    }

    #[test]
    fn a_watch_that_was_cut_off_is_in_no_trouble_and_one_that_is_refused_is() {
        let cut = || kube::Error::Service("the connection was closed".into());
        assert!(!is_trouble(&watcher::Error::WatchFailed(cut())));
        assert!(!is_trouble(&watcher::Error::WatchStartFailed(cut())));
        assert!(!is_trouble(&watcher::Error::WatchStartFailed(refusal(503))));
        assert!(is_trouble(&watcher::Error::WatchStartFailed(refusal(403))));
        assert!(is_trouble(&watcher::Error::InitialListFailed(cut())), "nothing is known without it");
    }
}
