//! `stash scaledown` in the Job of a tick: an offline cycle of every workload that the Restic selects, step by step to
//! its end. What the steps are, [`domain::decide::scaledown::cycle`] says; whoever dies between two of them leaves
//! something from which the next attempt, or the operator, goes on.

use std::time::Duration;

use cluster::connect::is_definite;
use cluster::events::{Events, Notice};
use cluster::pods;
use domain::decide::rbac::api_of;
use domain::decide::scaledown::cycle::{Action, Limits, Observation, PodState, step};
use domain::decide::target::Target;
use domain::objects::restic::{BackupType, Restic};
use domain::objects::workload::WorkloadKind;
use futures_util::future::join_all;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ObjectReference, Pod};
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams};
use kube::{Api, Client, ResourceExt as _};
use serde_json::Value;

use crate::recover::patiently;

/// Who reports the events.
const COMPONENT: &str = "stash-scaledown";
/// Nothing is announced to us; we look this often.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

/// What the Job was told.
#[derive(Clone, Debug)]
pub struct Options {
    /// Namespace of the Restic and its pod.
    pub namespace: String,
    /// Name of the Restic.
    pub restic: String,
    /// Selector of its workloads, as text.
    pub selector: String,
    /// Our pod.
    pub pod: String,
}

/// Why a cycle could not be brought to its end.
#[derive(Debug, thiserror::Error)]
pub enum ScaleDownError {
    /// A selector that selects everything is none.
    #[error(
        "--selector is empty, which would take down every workload of the namespace; the operator passes that of its Restic"
    )]
    EmptySelector,
    /// The API server refused or was silent for too long.
    #[error("cannot {doing} {object}: {source}")]
    Api {
        /// `read`, `write`, …
        doing: &'static str,
        /// Kind and name.
        object: String,
        /// The client's error.
        source: Box<kube::Error>,
    },
    /// Some workloads failed; the others went to their end.
    #[error("{}", .0.join("\n"))]
    Some(Vec<String>),
}

fn api(doing: &'static str, object: impl Into<String>) -> impl FnOnce(kube::Error) -> ScaleDownError {
    move |source| ScaleDownError::Api { doing, object: object.into(), source: Box::new(source) }
}

/// Serves the tick.
///
/// # Errors
/// At least one workload was not brought to the end of its cycle. Another attempt goes on with it.
pub async fn run(client: Client, options: &Options) -> Result<(), ScaleDownError> {
    if options.selector.trim().is_empty() {
        return Err(ScaleDownError::EmptySelector);
    }
    let restics: Api<Restic> = Api::namespaced(client.clone(), &options.namespace);
    let restic = patiently(|| restics.get(&options.restic))
        .await
        .map_err(api("read", format!("Restic {}", options.restic)))?;
    let events = Events::new(client.clone(), COMPONENT, Some(options.pod.clone()));
    let tick = tick(&client, options).await?;
    let mut cycles = Vec::new();
    for kind in WorkloadKind::ALL {
        let Some((api_version, plural)) = api_of(kind) else { continue };
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let resource =
            ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind.as_str()), plural);
        let of_kind: Api<DynamicObject> = Api::namespaced_with(client.clone(), &options.namespace, &resource);
        let selected = ListParams::default().labels(&options.selector);
        let found = patiently(|| of_kind.list(&selected)).await.map_err(api("list", plural))?;
        for workload in found {
            cycles.push(Cycle {
                client: &client,
                api: of_kind.clone(),
                kind,
                name: workload.name_any(),
                api_version,
                namespace: &options.namespace,
                restic: &restic,
                tick: &tick,
                events: &events,
            });
        }
    }
    let outcomes = join_all(cycles.iter().map(Cycle::run)).await;
    let failures: Vec<String> =
        outcomes.into_iter().filter_map(Result::err).map(|error| error.to_string()).collect();
    if failures.is_empty() { Ok(()) } else { Err(ScaleDownError::Some(failures)) }
}

/// What names the tick: the Job, which all attempts at it have in common.
async fn tick(client: &Client, options: &Options) -> Result<String, ScaleDownError> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), &options.namespace);
    let own =
        patiently(|| pods.get(&options.pod)).await.map_err(api("read", format!("pod {}", options.pod)))?;
    let job = own.labels().get("batch.kubernetes.io/job-name").cloned();
    // A pod that somebody made by hand is an attempt of its own.
    Ok(job.unwrap_or_else(|| options.pod.clone()))
}

/// One workload on its way through a cycle.
struct Cycle<'a> {
    client: &'a Client,
    api: Api<DynamicObject>,
    kind: WorkloadKind,
    name: String,
    api_version: &'a str,
    namespace: &'a str,
    restic: &'a Restic,
    tick: &'a str,
    events: &'a Events,
}

impl Cycle<'_> {
    async fn run(&self) -> Result<(), ScaleDownError> {
        let title = format!("{} {}", self.kind, self.name);
        loop {
            let Some(object) =
                patiently(|| self.api.get_opt(&self.name)).await.map_err(api("read", &*title))?
            else {
                return Ok(());
            };
            let Ok(json) = serde_json::to_value(&object) else { return Ok(()) };
            let target = Target { kind: self.kind, namespace: self.namespace, object: &json };
            if target.left_alone().is_some() {
                return Ok(());
            }
            let list = || pods::of(self.client, self.namespace, self.kind.as_str(), &json);
            let found = patiently(list).await.map_err(api("list the pods of", &*title))?;
            let found: Vec<PodState> = found.iter().map(PodState::of).collect();
            match step(self.observed(target, &found), &Limits::DEFAULT, Timestamp::now()) {
                Action::Nothing => return Ok(()),
                Action::Wait(_) => tokio::time::sleep(BETWEEN_LOOKS).await,
                Action::Evict { name, uid } => {
                    let evict = || pods::evict(self.client, self.namespace, &name, &uid);
                    let evicted = patiently(evict).await.map_err(api("evict", format!("pod {name}")))?;
                    tracing::info!(workload = title, pod = name, ?evicted, "evicting");
                    tokio::time::sleep(BETWEEN_LOOKS).await;
                }
                Action::Write(change) => {
                    let patch =
                        Patch::Merge(change.merge_patch(&object.resource_version().unwrap_or_default()));
                    match self.api.patch(&self.name, &PatchParams::default(), &patch).await {
                        Ok(_) => {
                            tracing::info!(workload = title, replicas = change.replicas, end = ?change.end, "next step");
                            if let Some(end) = change.end {
                                let notice = Notice {
                                    warning: !end.is_good(),
                                    ..Notice::normal(end.reason(), "ScaleDown", end.note())
                                };
                                self.events.record(&self.reference(&json), &notice).await;
                                return Ok(());
                            }
                        }
                        // Somebody was quicker, or nobody answers: look again.
                        Err(error) if !is_definite(&error) || is_conflict(&error) => {
                            tracing::debug!(workload = title, %error, "looking again");
                            tokio::time::sleep(BETWEEN_LOOKS).await;
                        }
                        Err(error) => return Err(api("write", title)(error)),
                    }
                }
            }
        }
    }

    fn observed<'a>(&'a self, target: Target<'a>, pods: &'a [PodState]) -> Observation<'a> {
        let restic = self.restic;
        let in_force = target.applied().and_then(|applied| applied.restic) == restic.metadata.name;
        Observation {
            target,
            pods,
            injected: in_force && restic.spec.backup_type == Some(BackupType::Offline),
            paused: restic.spec.paused,
            tick: Some(self.tick),
        }
    }

    fn reference(&self, json: &Value) -> ObjectReference {
        ObjectReference {
            api_version: Some(self.api_version.to_owned()),
            kind: Some(self.kind.as_str().to_owned()),
            name: Some(self.name.clone()),
            namespace: Some(self.namespace.to_owned()),
            uid: json.pointer("/metadata/uid").and_then(Value::as_str).map(ToOwned::to_owned),
            ..ObjectReference::default()
        }
    }
}

fn is_conflict(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 409)
}
