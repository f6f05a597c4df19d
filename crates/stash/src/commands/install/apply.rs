//! The objects, on their way into the cluster.

use std::time::Duration;

use ::install::names;
use anyhow::{Context as _, Result, bail};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ApiResource, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::core::{GroupVersionKind, TypeMeta};
use kube::{Api, Client};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::commands::uninstall::answered;
use crate::console::Terminal;

/// Owner of the fields that are applied; the script is the same one, so each can go on from the other.
const FIELD_MANAGER: &str = "stash-install";
/// How long the operator may take until it serves: its image may have to be pulled.
const PATIENCE: Duration = Duration::from_secs(300);
const PACE: Duration = Duration::from_secs(1);
const SERVICE_MONITORS: &str = "servicemonitors.monitoring.coreos.com";

/// A cluster that is written to.
pub(super) struct Cluster {
    pub(super) client: Client,
}

impl Cluster {
    /// Makes a namespace that is not there.
    pub(super) async fn see_to_namespace(&self, name: &str) -> Result<()> {
        let api: Api<Namespace> = Api::all(self.client.clone());
        if answered(&format!("read Namespace {name}"), api.get_opt(name).await)?.is_some() {
            return Ok(());
        }
        let mut namespace = Namespace::default();
        namespace.metadata.name = Some(name.to_owned());
        match api.create(&PostParams::default(), &namespace).await {
            Ok(_) => tracing::info!("made Namespace {name}"),
            Err(kube::Error::Api(status)) if status.reason == "AlreadyExists" => {}
            Err(error) => return answered(&format!("create Namespace {name}"), Err(error)),
        }
        Ok(())
    }

    /// Makes an object as it should be. What others have set in other fields stays.
    pub(super) async fn apply(&self, object: &Value) -> Result<()> {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
        let types = TypeMeta {
            api_version: text("/apiVersion").unwrap_or_default().to_owned(),
            kind: text("/kind").unwrap_or_default().to_owned(),
        };
        let kind = GroupVersionKind::try_from(&types).context("an object has no API version")?;
        let resource = ApiResource::from_gvk(&kind);
        let name = text("/metadata/name").unwrap_or_default();
        let (api, title): (Api<DynamicObject>, String) = match text("/metadata/namespace") {
            Some(namespace) => (
                Api::namespaced_with(self.client.clone(), namespace, &resource),
                format!("{} {namespace}/{name}", types.kind),
            ),
            None => (Api::all_with(self.client.clone(), &resource), format!("{} {name}", types.kind)),
        };
        let parameters = PatchParams::apply(FIELD_MANAGER).force();
        answered(&format!("apply {title}"), api.patch(name, &parameters, &Patch::Apply(object)).await)?;
        tracing::info!("applied {title}");
        Ok(())
    }

    /// Whether there is a Prometheus operator.
    pub(super) async fn knows_service_monitors(&self) -> Result<bool> {
        let api: Api<CustomResourceDefinition> = Api::all(self.client.clone());
        let found = api.get_metadata_opt(SERVICE_MONITORS).await;
        Ok(answered(&format!("read CustomResourceDefinition {SERVICE_MONITORS}"), found)?.is_some())
    }

    /// Waits until the operator of this installation serves, and no older one is left.
    pub(super) async fn wait_until_it_serves(&self, namespace: &str, console: &Terminal) -> Result<()> {
        let api: Api<Deployment> = Api::namespaced(self.client.clone(), namespace);
        let title = format!("Deployment {namespace}/{}", names::OPERATOR);
        tracing::info!("waiting until {title} serves, for {PATIENCE:?} at most");
        let _bar = console.bar(&title);
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if serves(&answered(&format!("read {title}"), api.get(names::OPERATOR).await)?) {
                return Ok(());
            }
            sleep(PACE).await;
        }
        bail!("{title} does not serve yet: {}", self.why_not(namespace).await?)
    }

    async fn why_not(&self, namespace: &str) -> Result<String> {
        let selector = format!("{}={}", names::COMPONENT.0, names::COMPONENT.1);
        let api: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        let pods = answered("list its pods", api.list(&ListParams::default().labels(&selector)).await)?;
        let why: Vec<String> = pods.items.iter().map(state).collect();
        if why.is_empty() {
            return Ok(format!(
                "it has no pods; `kubectl describe replicasets --namespace {namespace}` says why"
            ));
        }
        Ok(format!("{}; `kubectl describe pods --namespace {namespace}` says more", why.join("; ")))
    }
}

/// Whether a rollout is over, as `kubectl rollout status` sees it.
fn serves(deployment: &Deployment) -> bool {
    let wanted = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    deployment.status.as_ref().is_some_and(|status| {
        status.observed_generation >= deployment.metadata.generation
            && status.updated_replicas.unwrap_or(0) >= wanted
            && status.available_replicas.unwrap_or(0) >= wanted
            && status.replicas.unwrap_or(0) <= wanted
    })
}

/// A pod, and what its containers wait for.
fn state(pod: &Pod) -> String {
    let status = pod.status.as_ref();
    let containers = status.and_then(|status| status.container_statuses.as_ref()).into_iter().flatten();
    let waiting = containers.filter_map(|container| {
        let waiting = container.state.as_ref()?.waiting.as_ref()?;
        let (reason, message) = (waiting.reason.as_deref()?, waiting.message.as_deref().unwrap_or_default());
        Some(format!("{} {reason} {message}", container.name).trim_end().to_owned())
    });
    let conditions = status.and_then(|status| status.conditions.as_ref()).into_iter().flatten();
    let unmet = conditions
        .filter(|condition| condition.status != "True")
        .filter_map(|condition| condition.message.clone());
    let reasons: Vec<String> = waiting.chain(unmet).collect();
    format!("pod {}: {}", pod.metadata.name.as_deref().unwrap_or_default(), reasons.join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn deployment(generation: i64, status: &Value) -> Deployment {
        let object = json!({
            "metadata": { "generation": generation },
            "spec": { "replicas": 1, "selector": {}, "template": {} },
            "status": status,
        });
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn an_operator_serves_when_the_new_one_is_available_and_the_old_one_gone() {
        let status = |observed: i64, updated: i32, replicas: i32| {
            json!({
                "observedGeneration": observed, "updatedReplicas": updated,
                "availableReplicas": 1, "replicas": replicas,
            })
        };
        assert!(serves(&deployment(2, &status(2, 1, 1))));
        assert!(!serves(&deployment(2, &status(1, 1, 1))), "its new spec was not looked at yet");
        assert!(!serves(&deployment(2, &status(2, 0, 1))), "only the old one is there");
        assert!(!serves(&deployment(2, &status(2, 1, 2))), "the old one is still there");
        assert!(!serves(&deployment(1, &json!({}))));
    }

    #[test]
    fn what_a_pod_waits_for_is_told() {
        let pod: Pod = serde_json::from_value(json!({
            "metadata": { "name": "stash-operator-1" },
            "status": {
                "containerStatuses": [{
                    "name": "operator", "image": "", "imageID": "", "ready": false, "restartCount": 0,
                    "state": { "waiting": { "reason": "ImagePullBackOff", "message": "no such image" } },
                }],
            },
        }))
        .unwrap();
        assert_eq!(state(&pod), "pod stash-operator-1: operator ImagePullBackOff no such image");
    }
}
