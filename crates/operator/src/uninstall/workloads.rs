//! Workloads: the container goes, replicas come back, and pods that nobody else replaces are evicted.

use std::time::Duration;

use cluster::pods::Eviction;
use domain::decide::target::Target;
use domain::decide::uninstall::{Step, workload as next_step};
use domain::objects::workload::WorkloadKind;
use jiff::Timestamp;
use kube::api::{ApiResource, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client, ResourceExt as _};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::{Cleaned, PACE};
use crate::error::{Error, is_missing};
use crate::workloads::pods::{Turn, next_to_go};
use crate::world;

/// Objects of a page: a large cluster does not pass through the memory all at once.
const PAGE: u32 = 100;
/// Somebody else changes the workload at the same time; after so many times it is left to the next run.
const TRIES: usize = 10;

/// All workloads of the cluster.
pub(super) async fn clean(client: &Client, end: Instant, cleaned: &mut Cleaned, failures: &mut Vec<Error>) {
    for (kind, resource) in world::kinds() {
        let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
        let mut page = ListParams::default().limit(PAGE);
        loop {
            let listed = match api.list(&page).await {
                Ok(listed) => listed,
                Err(error) => {
                    failures.push(Error::of("list", resource.plural.clone())(error));
                    break;
                }
            };
            for object in listed.items {
                let one = One { client, kind, resource: &resource };
                match one.clean(object, end).await {
                    Ok((written, pods)) => {
                        cleaned.workloads += usize::from(written);
                        cleaned.pods += pods;
                    }
                    Err(error) => failures.push(error),
                }
            }
            match listed.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => page = ListParams::default().limit(PAGE).continue_token(&token),
                None => break,
            }
        }
    }
}

struct One<'a> {
    client: &'a Client,
    kind: WorkloadKind,
    resource: &'a ApiResource,
}

impl One<'_> {
    /// Returns whether the workload was written, and how many of its pods were evicted.
    async fn clean(&self, object: DynamicObject, end: Instant) -> Result<(bool, usize), Error> {
        let namespace = object.namespace().unwrap_or_default();
        let name = object.name_any();
        let title = format!("{} {namespace}/{name}", self.kind);
        let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), &namespace, self.resource);
        let mut json = json_of(&object, &title)?;
        let mut written = false;
        let mut last = None;
        for _ in 0..TRIES {
            let step = next_step(self.target(&namespace, &json), Timestamp::now());
            let answer = match step {
                Step::Nothing => {
                    let pods = self.replace_pods(&namespace, &title, &json, end).await?;
                    return Ok((written, pods));
                }
                Step::EndCycle(change) => {
                    tracing::info!(workload = title, "its offline backup ends, it has its replicas back");
                    let version = json.pointer("/metadata/resourceVersion").and_then(Value::as_str);
                    let patch = change.merge_patch(version.unwrap_or_default());
                    api.patch(&name, &PatchParams::default(), &Patch::Merge(&patch)).await
                }
                Step::Write(without) => {
                    let object: DynamicObject = serde_json::from_value(without)
                        .map_err(|source| Error::Json { object: title.clone(), source })?;
                    let answer = api.replace(&name, &PostParams::default(), &object).await;
                    if answer.is_ok() {
                        written = true;
                        tracing::info!(workload = title, "no longer has the container `stash`");
                    }
                    answer
                }
            };
            json = match answer {
                Ok(object) => json_of(&object, &title)?,
                Err(error) if is_missing(&error) => return Ok((written, 0)),
                Err(error) => {
                    let error = Error::of("write", title.clone())(error);
                    if !error.is_conflict() {
                        return Err(error);
                    }
                    last = Some(error);
                    match api.get_opt(&name).await.map_err(Error::of("read", title.clone()))? {
                        Some(object) => json_of(&object, &title)?,
                        None => return Ok((written, 0)),
                    }
                }
            };
        }
        Err(last.unwrap_or_else(|| Error::Conflict(title)))
    }

    fn target<'a>(&self, namespace: &'a str, object: &'a Value) -> Target<'a> {
        Target { kind: self.kind, namespace, object }
    }

    /// Evicts what still has our container, if nobody else replaces it. Other kinds do so by their update strategy, or
    /// have their user do it.
    async fn replace_pods(
        &self,
        namespace: &str,
        title: &str,
        object: &Value,
        end: Instant,
    ) -> Result<usize, Error> {
        let target = self.target(namespace, object);
        let ours = matches!(self.kind, WorkloadKind::ReplicaSet | WorkloadKind::ReplicationController);
        if !ours || target.left_alone().is_some() {
            return Ok(0);
        }
        let mut evicted = 0;
        loop {
            let pods = cluster::pods::of(self.client, namespace, self.kind.as_str(), object)
                .await
                .map_err(Error::of("list", format!("the pods of {title}")))?;
            let as_json = |source| Error::Json { object: title.to_owned(), source };
            let pause = match next_to_go(target, &pods).map_err(as_json)? {
                Turn::None => return Ok(evicted),
                Turn::Later => PACE,
                Turn::Of(pod) => {
                    let (name, uid) = (pod.name_any(), pod.uid().unwrap_or_default());
                    let answer = cluster::pods::evict(self.client, namespace, &name, &uid).await;
                    match answer.map_err(Error::of("evict", format!("pod {namespace}/{name}")))? {
                        Eviction::Granted => {
                            tracing::info!(workload = title, pod = name, "evicted a pod");
                            evicted += 1;
                            Duration::ZERO
                        }
                        Eviction::Gone => Duration::ZERO,
                        Eviction::HeldUp => PACE,
                    }
                }
            };
            if Instant::now() >= end {
                return Err(Error::PodsStayed(title.to_owned()));
            }
            // Until the API server shows what became of the last one.
            sleep(pause.max(PACE / 5)).await;
        }
    }
}

fn json_of(object: &DynamicObject, title: &str) -> Result<Value, Error> {
    let mut json =
        serde_json::to_value(object).map_err(|source| Error::Json { object: title.to_owned(), source })?;
    // What was only read has no part in what is written.
    if let Some(metadata) = json.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.shift_remove("managedFields");
    }
    Ok(json)
}
