//! The Restic as the API tells it: the newest valid one is in force, an invalid edit changes nothing and is said.
//! While the API has not told anything, the one that is remembered is in force.

use std::sync::Arc;

use cluster::events::{Events, Notice};
use domain::objects::restic::Restic;
use domain::rules::validate::{self, Mode};
use futures_util::StreamExt;
use jiff::Timestamp;
use kube::api::{ApiResource, DynamicObject};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, ResourceExt};
use tokio::sync::watch;

use crate::pod::{PATIENCE, Pod};
use crate::{event, remembered};

/// What is known of the Restic.
#[derive(Clone, Debug, Default)]
pub(crate) enum Seen {
    /// The API has not told yet.
    #[default]
    Unknown,
    /// It is not there, or was deleted.
    Gone,
    /// The newest valid one.
    There(Arc<Restic>),
}

/// Watches one Restic by name, since the Role allows no more, until the pod's end.
pub(crate) fn start(pod: &Pod, name: &str, events: &Events) -> watch::Receiver<Seen> {
    let (sender, receiver) = watch::channel(Seen::Unknown);
    let (pod, name, events) = (pod.clone(), name.to_owned(), events.clone());
    tokio::spawn(async move {
        let stop = pod.stop.clone();
        tokio::select! {
            () = stop.cancelled() => {}
            ((), ()) = async { tokio::join!(follow(&pod, &name, &events, &sender), recall(&pod, &name, &sender)) } => {}
        }
    });
    receiver
}

/// Takes the remembered Restic when the API server is silent.
async fn recall(pod: &Pod, name: &str, sender: &watch::Sender<Seen>) {
    tokio::time::sleep(PATIENCE).await;
    let Some(restic) = remembered::last(&pod.scratch_dir, name) else { return };
    sender.send_if_modified(|seen| {
        let silent = matches!(seen, Seen::Unknown);
        if silent {
            tracing::warn!(restic = name, "the API server is silent; the last known Restic is in force");
            *seen = Seen::There(Arc::new(restic));
        }
        silent
    });
}

async fn follow(pod: &Pod, name: &str, events: &Events, sender: &watch::Sender<Seen>) {
    // Untyped: one stored object that our types cannot read must not break the watch.
    let api: Api<DynamicObject> =
        Api::namespaced_with(pod.client.clone(), &pod.namespace, &ApiResource::erase::<Restic>(&()));
    let config = watcher::Config::default().fields(&format!("metadata.name={name}"));
    let mut stream = watcher(api, config).default_backoff().boxed();
    let mut listed = false;
    while let Some(event) = stream.next().await {
        match event {
            Ok(watcher::Event::Init) => listed = false,
            Ok(watcher::Event::InitApply(object)) => {
                listed = true;
                take(pod, object, events, sender).await;
            }
            Ok(watcher::Event::Apply(object)) => take(pod, object, events, sender).await,
            Ok(watcher::Event::InitDone) if listed => {}
            Ok(watcher::Event::InitDone | watcher::Event::Delete(_)) => {
                tracing::warn!(
                    restic = name,
                    namespace = pod.namespace,
                    "there is no such Restic; nothing is scheduled until it is created"
                );
                let about = event::about("Restic", &pod.namespace, name, None);
                sender.send_replace(Seen::Gone);
                remembered::forget(&pod.scratch_dir);
                let note = format!("Restic {name} does not exist, so pod {} backs nothing up", pod.name);
                events.record(&about, &Notice::warning("SetupFailed", "SetUp", note)).await;
            }
            Err(error) => {
                tracing::warn!(restic = name, %error, "cannot watch the Restic; the last known one stays in force")
            }
        }
    }
}

async fn take(pod: &Pod, object: DynamicObject, events: &Events, sender: &watch::Sender<Seen>) {
    let name = object.name_any();
    let about = event::about("Restic", &pod.namespace, &name, object.metadata.uid.as_deref());
    match valid(object) {
        Ok(restic) => {
            remembered::keep(&pod.scratch_dir, &restic);
            sender.send_if_modified(|seen| {
                let new = !matches!(seen, Seen::There(known) if known.spec == restic.spec
                    && known.metadata.uid == restic.metadata.uid);
                if new {
                    *seen = Seen::There(Arc::new(restic));
                }
                new
            });
        }
        Err(problem) => {
            let kept = matches!(*sender.borrow(), Seen::There(_));
            let rest = if kept { "the last valid one stays in force" } else { "nothing is scheduled" };
            tracing::error!(restic = name, problem, "the Restic is invalid; {rest}");
            let note = format!("{problem}; in pod {} {rest}", pod.name);
            events.record(&about, &Notice::warning("InvalidRestic", "Schedule", note)).await;
        }
    }
}

/// A Restic that can be run, or why this one cannot.
pub(crate) fn valid(object: DynamicObject) -> Result<Restic, String> {
    let restic: Restic = object.try_parse().map_err(|error| format!("the Restic cannot be read: {error}"))?;
    let refusals = validate::restic(&restic, Mode::Cluster, Timestamp::now());
    if refusals.is_empty() {
        return Ok(restic);
    }
    Err(refusals.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
}
