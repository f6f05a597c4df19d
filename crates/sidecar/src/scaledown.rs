//! The Job of an offline tick: it brings the cycle of each matching workload to its end, one step after the other.
//!
//! What to do is decided by `domain`; nothing is remembered here. Whoever comes after a Job that died goes on from
//! what stands in the workloads.

use std::time::Duration;

use cluster::events::{Events, Notice};
use cluster::pods;
use domain::decide::scaledown::cycle::{self, Action, Limits, Observation, PodState};
use domain::decide::target::Target;
use domain::objects::restic::{BackupType, Restic};
use domain::objects::workload::WorkloadKind;
use domain::rules::names;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ObjectReference, Pod as Object};
use kube::api::{DynamicObject, ListParams, Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::Value;

use crate::once::resource;
use crate::pod::{Pod, PodError};

/// Between two looks at a workload that is waited for.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// Label of a Job's pods with the Job's name.
const JOB_NAME: &str = "batch.kubernetes.io/job-name";
/// Random characters at the end of the name of a Job's pod.
const POD_SUFFIX: usize = 5;
/// Longest that an API server which is away is waited for at one step.
const API_AWAY: Duration = Duration::from_secs(300);

/// Serves one tick of an offline Restic: every workload that `selector` finds, at the same time.
///
/// # Errors
/// When the API refuses a step, or does not answer for long. The other workloads are still served.
pub async fn run(pod: Pod, restic: &str, selector: &str) -> Result<(), PodError> {
    if selector.trim().is_empty() {
        return Err(PodError::Unusable(
            "--selector is empty and would take down every workload of the namespace; give the labels of the Restic"
                .to_owned(),
        ));
    }
    let api: Api<Restic> = Api::namespaced(pod.client.clone(), &pod.namespace);
    let found = api.get(restic).await;
    let found =
        found.map_err(|error| PodError::api(format!("read Restic {}/{restic}", pod.namespace), error))?;
    let tick = tick(&pod).await;
    let events = Events::new(pod.client.clone(), "stash-scaledown", Some(pod.name.clone()));
    let mut cycles = tokio::task::JoinSet::new();
    for kind in WorkloadKind::ALL.into_iter().filter(|kind| *kind != WorkloadKind::Host) {
        let list: Api<DynamicObject> =
            Api::namespaced_with(pod.client.clone(), &pod.namespace, &resource(kind));
        let listed = list.list(&ListParams::default().labels(selector)).await;
        let listed =
            listed.map_err(|error| PodError::api(format!("list the {kind}s of {}", pod.namespace), error))?;
        for object in listed {
            let value =
                serde_json::to_value(&object).map_err(|error| PodError::Unusable(error.to_string()))?;
            if (Target { kind, namespace: &pod.namespace, object: &value }).left_alone().is_some() {
                continue;
            }
            let one = One {
                pod: pod.clone(),
                events: events.clone(),
                restic: restic.to_owned(),
                tick: tick.clone(),
                kind,
                name: object.name_any(),
                api: list.clone(),
            };
            let mine = found.clone();
            cycles.spawn(async move { one.serve(mine).await });
        }
    }
    let mut first = None;
    while let Some(ended) = cycles.join_next().await {
        let failed = match ended {
            Ok(Ok(())) => continue,
            Ok(Err(error)) => error,
            Err(error) => PodError::Unusable(format!("the cycle of a workload was lost: {error}")),
        };
        tracing::error!("{failed}");
        first.get_or_insert(failed);
    }
    first.map_or(Ok(()), Err)
}

/// What names the tick, the same for each pod of one Job: the Job. Its label says it; the name of the pod begins with
/// it, shortened when it is long.
async fn tick(pod: &Pod) -> String {
    let api: Api<Object> = Api::namespaced(pod.client.clone(), &pod.namespace);
    match api.get(&pod.name).await {
        Ok(own) => {
            if let Some(job) = own.labels().get(JOB_NAME) {
                return job.clone();
            }
        }
        Err(error) => {
            tracing::warn!(pod = pod.name, %error, "cannot read the own pod; the tick is named by its name")
        }
    }
    job_of(&pod.name).to_owned()
}

fn job_of(pod: &str) -> &str {
    let end = pod.len().saturating_sub(POD_SUFFIX);
    pod.get(..end).unwrap_or(pod).trim_end_matches('-')
}

/// The cycle of one workload.
struct One {
    pod: Pod,
    events: Events,
    restic: String,
    tick: String,
    kind: WorkloadKind,
    name: String,
    api: Api<DynamicObject>,
}

impl One {
    async fn serve(&self, mut restic: Restic) -> Result<(), PodError> {
        let restics: Api<Restic> = Api::namespaced(self.pod.client.clone(), &self.pod.namespace);
        let mut failing_since: Option<tokio::time::Instant> = None;
        loop {
            // Paused or withdrawn meanwhile counts; an API that does not answer changes nothing.
            match restics.get_opt(&self.restic).await {
                Ok(Some(newest)) => restic = newest,
                Ok(None) => restic.spec.backup_type = None,
                Err(error) => tracing::warn!(%error, "cannot read the Restic; the last known one counts"),
            }
            match self.step(&restic).await {
                Ok(Some(pause)) => {
                    failing_since = None;
                    tokio::select! {
                        () = self.pod.stop.cancelled() => {
                            tracing::warn!(workload = self.name, "stopped in the middle of a cycle; the next attempt goes on from here");
                            return Err(PodError::Unusable("stopped before the cycle had ended".to_owned()));
                        }
                        () = tokio::time::sleep(pause) => {}
                    }
                }
                Ok(None) => return Ok(()),
                Err(error) => {
                    let since = *failing_since.get_or_insert_with(tokio::time::Instant::now);
                    let what = format!("serve the offline cycle of {} {}", self.kind, self.name);
                    if cluster::connect::is_definite(&error) || since.elapsed() > API_AWAY {
                        return Err(PodError::api(what, error));
                    }
                    tracing::warn!(workload = self.name, %error, "cannot go on with the cycle; trying again");
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
            }
        }
    }

    /// One step. How long to wait before the next; none when there is none.
    async fn step(&self, restic: &Restic) -> Result<Option<Duration>, kube::Error> {
        let Some(object) = self.api.get_opt(&self.name).await? else { return Ok(None) };
        let version = object.metadata.resource_version.clone().unwrap_or_default();
        let uid = object.metadata.uid.clone();
        let object = serde_json::to_value(object).map_err(kube::Error::SerdeError)?;
        let pods = self.pods(&object).await?;
        let target = Target { kind: self.kind, namespace: &self.pod.namespace, object: &object };
        let observed = Observation {
            target,
            pods: &pods,
            injected: is_injected(target, restic),
            paused: restic.spec.paused,
            tick: Some(&self.tick),
        };
        match cycle::step(observed, &Limits::DEFAULT, Timestamp::now()) {
            Action::Nothing => Ok(None),
            Action::Wait(reason) => {
                tracing::debug!(workload = self.name, ?reason, "waiting");
                Ok(Some(LOOK_AGAIN))
            }
            Action::Write(change) => {
                let patch = Patch::Merge(change.merge_patch(&version));
                match self.api.patch(&self.name, &PatchParams::default(), &patch).await {
                    Ok(_) => {}
                    // Somebody was quicker: look again at what they did.
                    Err(kube::Error::Api(status)) if status.code == 409 => return Ok(Some(Duration::ZERO)),
                    Err(error) => return Err(error),
                }
                tracing::info!(kind = %self.kind, workload = self.name, replicas = change.replicas, end = ?change.end, "a step of the offline cycle");
                if let Some(end) = change.end {
                    self.tell(end, uid).await;
                }
                Ok(Some(Duration::ZERO))
            }
            Action::Evict { name, uid } => self.evict(&name, &uid).await,
        }
    }

    async fn evict(&self, name: &str, uid: &str) -> Result<Option<Duration>, kube::Error> {
        let eviction = pods::evict(&self.pod.client, &self.pod.namespace, name, uid).await?;
        tracing::info!(pod = name, ?eviction, "evicting, to be backed up before it starts again");
        Ok(Some(LOOK_AGAIN))
    }

    async fn tell(&self, end: cycle::End, uid: Option<String>) {
        let resource = resource(self.kind);
        let about = ObjectReference {
            api_version: Some(resource.api_version),
            kind: Some(self.kind.as_str().to_owned()),
            namespace: Some(self.pod.namespace.clone()),
            name: Some(self.name.clone()),
            uid,
            ..ObjectReference::default()
        };
        let notice =
            Notice { warning: !end.is_good(), ..Notice::normal(end.reason(), "ScaleDown", end.note()) };
        self.events.record(&about, &notice).await;
    }

    /// The workload's own pods.
    async fn pods(&self, object: &Value) -> Result<Vec<PodState>, kube::Error> {
        let found = pods::of(&self.pod.client, &self.pod.namespace, self.kind.as_str(), object).await?;
        Ok(found.iter().map(PodState::of).collect())
    }
}

/// Whether an offline Restic's init container is in the pod template.
fn is_injected(target: Target<'_>, restic: &Restic) -> bool {
    let containers = target.pod_spec().and_then(|spec| spec.get("initContainers")).and_then(Value::as_array);
    let there = containers
        .into_iter()
        .flatten()
        .any(|container| container.get("name").and_then(Value::as_str) == Some(names::CONTAINER));
    // A workload that was written by hand has no annotation.
    let ours = target
        .applied()
        .is_none_or(|applied| applied.restic.is_none() || applied.restic == restic.metadata.name);
    there && ours && restic.spec.backup_type == Some(BackupType::Offline)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pod_of_a_job_names_the_same_tick() {
        assert_eq!(job_of("stash-scaledown-cron-web-29000000-abcde"), "stash-scaledown-cron-web-29000000");
        assert_eq!(job_of("stash-scaledown-cron-web-29000000-xyz12"), "stash-scaledown-cron-web-29000000");
        assert_eq!(job_of("x"), "");
    }
}
