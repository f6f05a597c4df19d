//! The pods of a workload: found, and evicted one by one.

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::api::{DeleteParams, EvictParams, ListParams, Preconditions};
use kube::{Api, Client, ResourceExt as _};
use serde_json::Value;

/// The pods that a workload itself controls. `workload` is its JSON as read from the API server, `kind` its kind.
///
/// # Errors
/// The API server refuses or does not answer.
pub async fn of(
    client: &Client,
    namespace: &str,
    kind: &str,
    workload: &Value,
) -> Result<Vec<Pod>, kube::Error> {
    let api: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let listed = api.list(&ListParams::default().labels(&selector(kind, workload))).await?;
    let text = |pointer: &str| workload.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let (uid, name) = (text("/metadata/uid"), text("/metadata/name"));
    let own = |pod: &Pod| {
        pod.owner_references().iter().any(|owner| {
            if kind == "Deployment" {
                // Its pods are its ReplicaSets', whose names are its own and a hash.
                owner.kind == "ReplicaSet" && owner.name.rsplit_once('-').is_some_and(|(of, _)| of == name)
            } else {
                owner.uid == uid
            }
        })
    };
    Ok(listed.items.into_iter().filter(own).collect())
}

/// The workload's own selector as text. A ReplicationController has a map instead.
fn selector(kind: &str, workload: &Value) -> String {
    let selector = workload.pointer("/spec/selector");
    if kind == "ReplicationController" {
        let map = selector.and_then(Value::as_object).into_iter().flatten();
        let pairs = map.filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?)));
        return pairs.collect::<Vec<_>>().join(",");
    }
    let parsed: LabelSelector =
        selector.and_then(|selector| serde_json::from_value(selector.clone()).ok()).unwrap_or_default();
    kube::core::Selector::try_from(parsed).map(|selector| selector.to_string()).unwrap_or_default()
}

/// What became of an eviction.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Eviction {
    /// The pod goes.
    Granted,
    /// It has gone already, or its name is another pod's.
    Gone,
    /// A PodDisruptionBudget does not allow it now.
    HeldUp,
}

/// Evicts a pod, if it still is the one with this UID.
///
/// # Errors
/// The API server refuses for another reason, or does not answer.
pub async fn evict(client: &Client, namespace: &str, name: &str, uid: &str) -> Result<Eviction, kube::Error> {
    let api: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let preconditions = Preconditions { uid: Some(uid.to_owned()), resource_version: None };
    let parameters = EvictParams {
        delete_options: Some(DeleteParams::default().preconditions(preconditions)),
        ..EvictParams::default()
    };
    match api.evict(name, &parameters).await {
        Ok(_) => Ok(Eviction::Granted),
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(Eviction::Gone),
        Err(kube::Error::Api(status)) if status.code == 429 => Ok(Eviction::HeldUp),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_selector_is_that_of_the_workload_whatever_its_kind() {
        let set = json!({"spec": {"selector": {
            "matchLabels": {"app": "web"}, "matchExpressions": [{"key": "tier", "operator": "Exists"}],
        }}});
        let text = selector("StatefulSet", &set);
        assert!(text.contains("app=web") && text.contains("tier"), "{text}");
        let controller = json!({"spec": {"selector": {"app": "web", "tier": "front"}}});
        assert_eq!(selector("ReplicationController", &controller), "app=web,tier=front");
    }
}
