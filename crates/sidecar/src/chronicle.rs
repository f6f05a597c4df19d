//! What is to be known of sessions, on its way to the API: the Repository, its status, its catalogue, Events.
//!
//! While the API server is away nothing is lost and nothing waits for it: entries are kept, the newest
//! [`KEPT`] of them, and folded into the status that is there once it is back. Of catalogues the newest is enough.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cluster::events::{Events, Notice};
use domain::catalogue::Catalogue;
use domain::objects::repository::{Repository, RepositoryStatus};
use domain::objects::restic::ResticSpec;
use domain::objects::workload::Workload;
use domain::report::SessionReport;
use domain::rules::{names, status};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::json;
use tokio::sync::Notify;

use crate::catalogue::WriteError;
use crate::pod::Pod;
use crate::{catalogue, event, patch, plan};

/// Entries and Events that are kept while the API server is away.
const KEPT: usize = 64;
/// Between two attempts, at first and at most.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// One thing that changes the status of the Repository.
#[derive(Clone, Debug)]
pub(crate) enum Entry {
    /// A session has ended; when the next one is due.
    Session(Box<SessionReport>, Option<Timestamp>),
    /// When the next session is due, without one having ended.
    Next(Option<Timestamp>),
    /// A check has ended.
    Check { sound: bool, at: Timestamp },
}

/// The record of one Repository.
#[derive(Clone)]
pub(crate) struct Chronicle {
    inner: Arc<Inner>,
}

struct Inner {
    pod: Pod,
    events: Events,
    restic: String,
    workload: Workload,
    state: Mutex<State>,
    wake: Notify,
    /// One writer at a time.
    writing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    spec: Option<Arc<ResticSpec>>,
    /// With the number each of them got.
    entries: VecDeque<(u64, Entry)>,
    count: u64,
    notices: VecDeque<Notice>,
    catalogue: Option<Arc<Catalogue>>,
    /// The status as it was read or written last.
    status: RepositoryStatus,
    created: Option<Timestamp>,
}

impl Chronicle {
    /// Starts writing; ends with the pod.
    pub(crate) fn start(pod: &Pod, events: &Events, restic: &str, workload: &Workload) -> Self {
        let inner = Arc::new(Inner {
            pod: pod.clone(),
            events: events.clone(),
            restic: restic.to_owned(),
            workload: workload.clone(),
            state: Mutex::default(),
            wake: Notify::new(),
            writing: tokio::sync::Mutex::default(),
        });
        let (writer, stop) = (Arc::clone(&inner), pod.stop.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = writer.write_for_ever() => {}
            }
        });
        Self { inner }
    }

    /// Something has happened to the repository of this spec.
    pub(crate) fn add(&self, spec: &Arc<ResticSpec>, entry: Entry, notices: Vec<Notice>) {
        let mut state = self.inner.state();
        state.spec = Some(Arc::clone(spec));
        // Of when the next session is due only the newest counts.
        if matches!(entry, Entry::Next(_)) {
            state.entries.retain(|(_, known)| !matches!(known, Entry::Next(_)));
        }
        state.count += 1;
        let number = state.count;
        push(&mut state.entries, [(number, entry)]);
        push(&mut state.notices, notices);
        drop(state);
        self.inner.wake.notify_one();
    }

    /// What snapshots there are; goes with an entry. Nothing is said of what is not known.
    pub(crate) fn list(&self, catalogue: Option<Catalogue>) {
        let Some(catalogue) = catalogue else { return };
        self.inner.state().catalogue = Some(Arc::new(catalogue));
        self.inner.wake.notify_one();
    }

    /// The status as it is, or will be once it can be written.
    pub(crate) fn status(&self) -> RepositoryStatus {
        let state = self.inner.state();
        state.entries.iter().fold(state.status.clone(), |status, (_, entry)| after(&status, entry))
    }

    /// Since when the repository was not checked; none while the API has not told.
    pub(crate) fn unchecked_since(&self) -> Option<Timestamp> {
        self.status().last_check_time.map(|time| time.0).or(self.inner.state().created)
    }

    /// Writes what is left, for as long as `patience`. Whether nothing is left.
    pub(crate) async fn finish(&self, patience: Duration) -> bool {
        let write = async {
            let mut pause = PAUSE.0;
            while let Err(error) = self.inner.write().await {
                tracing::warn!(%error, "cannot write the status of the Repository; trying again");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(PAUSE.1);
            }
        };
        let done = tokio::time::timeout(patience, write).await.is_ok();
        if !done {
            let left = self.inner.state().entries.len();
            tracing::error!(
                left,
                "ending with things unsaid to the API server, which does not answer; the metrics have them"
            );
        }
        done
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn write_for_ever(&self) {
        let mut said = false;
        let mut pause = PAUSE.0;
        loop {
            match self.write().await {
                Ok(()) => {
                    (said, pause) = (false, PAUSE.0);
                    self.wake.notified().await;
                }
                Err(error) => {
                    if !said {
                        self.complain(&error).await;
                        said = true;
                    }
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSE.1);
                }
            }
        }
    }

    async fn complain(&self, error: &kube::Error) {
        let name = names::repository(&self.workload);
        tracing::warn!(repository = name, %error, "cannot write the Repository; sessions go on, and it is tried again");
        if cluster::connect::is_definite(error) {
            let about = event::about("Restic", &self.pod.namespace, &self.restic, None);
            let note = format!("pod {} cannot write Repository {name}: {error}", self.pod.name);
            self.events.record(&about, &Notice::warning("SetupFailed", "SetUp", note)).await;
        }
    }

    /// Writes all there is; what came meanwhile wakes the next writing.
    async fn write(&self) -> Result<(), kube::Error> {
        let _alone = self.writing.lock().await;
        let (spec, entries, catalogue) = {
            let state = self.state();
            let entries: Vec<_> = state.entries.iter().cloned().collect();
            (state.spec.clone(), entries, state.catalogue.clone())
        };
        let something = !entries.is_empty() || catalogue.is_some();
        let Some(spec) = spec.filter(|_| something) else { return Ok(()) };
        let api: Api<Repository> = Api::namespaced(self.pod.client.clone(), &self.pod.namespace);
        let object = self.ensure(&api, &spec).await?;
        if !entries.is_empty() {
            self.write_status(&api, &object, &entries).await?;
        }
        let Some(catalogue) = catalogue else { return Ok(()) };
        match catalogue::write(&self.pod.client, &object, &catalogue).await {
            // Somebody else has to mend it, and the next session tries again.
            Err(error) if error.is_definite() => {
                tracing::warn!(%error, "`kubectl get snapshots` does not show what this session has made");
            }
            Err(WriteError::Api { source, .. }) => return Err(*source),
            Err(_) | Ok(()) => {}
        }
        let mut state = self.state();
        let written = |newest: &mut Arc<Catalogue>| Arc::ptr_eq(newest, &catalogue);
        drop(state.catalogue.take_if(written));
        Ok(())
    }

    async fn write_status(
        &self,
        api: &Api<Repository>,
        object: &Repository,
        entries: &[(u64, Entry)],
    ) -> Result<(), kube::Error> {
        let before = object.status.clone().unwrap_or_default();
        let mut now = entries.iter().fold(before.clone(), |status, (_, entry)| after(&status, entry));
        now.observed_generation = object.metadata.generation;
        if now.integrity.is_empty() {
            "Unknown".clone_into(&mut now.integrity);
        }
        patch::status(api, object, &before, &now).await?;
        let notices = {
            let mut state = self.state();
            let written = entries.last().map_or(0, |(number, _)| *number);
            state.entries.retain(|(number, _)| *number > written);
            state.status = now;
            state.created = object.metadata.creation_timestamp.as_ref().map(|time| time.0);
            std::mem::take(&mut state.notices)
        };
        let uid = object.metadata.uid.as_deref();
        let about = event::about("Repository", &self.pod.namespace, &names::repository(&self.workload), uid);
        for notice in notices {
            self.events.record(&about, &notice).await;
        }
        Ok(())
    }

    /// The Repository, created when there is none, with the backend of the spec. What its owner set beside that is
    /// not touched.
    async fn ensure(&self, api: &Api<Repository>, spec: &ResticSpec) -> Result<Repository, kube::Error> {
        let wanted = plan::repository(&self.pod.namespace, &self.restic, spec, &self.workload);
        let name = names::repository(&self.workload);
        let Some(known) = api.get_opt(&name).await? else {
            return api.create(&PostParams::default(), &wanted).await;
        };
        if known.spec.backend == wanted.spec.backend {
            return Ok(known);
        }
        let value = |repository: &Repository| {
            serde_json::to_value(&repository.spec.backend).map_err(kube::Error::SerdeError)
        };
        let change = json!({
            "metadata": { "resourceVersion": known.metadata.resource_version },
            "spec": { "backend": patch::difference(&value(&known)?, &value(&wanted)?) },
        });
        api.patch(&name, &PatchParams::default(), &Patch::Merge(change)).await
    }
}

fn push<T>(queue: &mut VecDeque<T>, new: impl IntoIterator<Item = T>) {
    queue.extend(new);
    while queue.len() > KEPT {
        queue.pop_front();
    }
}

fn after(before: &RepositoryStatus, entry: &Entry) -> RepositoryStatus {
    match entry {
        Entry::Session(report, next) => status::repository_after(before, report, *next),
        Entry::Next(next) => RepositoryStatus { next_backup_time: next.map(Time), ..before.clone() },
        Entry::Check { sound, at } => status::repository_after_check(before, *sound, *at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_too_much_the_newest_is_kept() {
        let mut queue = VecDeque::new();
        for number in 0..KEPT + 10 {
            push(&mut queue, [number]);
        }
        assert_eq!((queue.len(), queue.front(), queue.back()), (KEPT, Some(&10), Some(&(KEPT + 9))));
    }
}
