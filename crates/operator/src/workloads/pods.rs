//! Pods: where they run, and the replacement of those that a ReplicaSet or ReplicationController would never replace.

use std::time::Duration;

use domain::decide::inject::is_stale;
use domain::objects::workload::WorkloadKind;
use domain::rules::names;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, EvictParams, ListParams, Preconditions};
use kube::{Api, ResourceExt as _};
use serde_json::Value;

use super::{SOON, Workload};
use crate::error::{Error, is_missing};

/// A PodDisruptionBudget says no for a while.
const HELD_UP: Duration = Duration::from_secs(5);

impl Workload<'_> {
    /// The pods that this workload itself controls.
    pub(super) async fn pods(&self) -> Result<Vec<Pod>, Error> {
        let api: Api<Pod> = Api::namespaced(self.context.client.clone(), &self.namespace);
        let parameters = ListParams::default().labels(&self.selector());
        let listed = api
            .list(&parameters)
            .await
            .map_err(Error::of("list", format!("the pods of {}", self.title())))?;
        let uid = self.object.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or_default();
        let own = |pod: &Pod| {
            pod.owner_references().iter().any(|owner| match self.kind {
                // Its pods are its ReplicaSets', whose names are its own and a hash.
                WorkloadKind::Deployment => {
                    owner.kind == "ReplicaSet"
                        && owner.name.rsplit_once('-').is_some_and(|(name, _)| name == self.name)
                }
                _ => owner.uid == uid,
            })
        };
        Ok(listed.items.into_iter().filter(own).collect())
    }

    /// The workload's own selector as text. A ReplicationController has a map instead, and means its labels when it
    /// has none.
    fn selector(&self) -> String {
        let selector = self.object.pointer("/spec/selector");
        let labels = |map: Option<&Value>| {
            let map = map.and_then(Value::as_object).into_iter().flatten();
            map.filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?))).collect::<Vec<_>>()
        };
        if self.kind == WorkloadKind::ReplicationController {
            return labels(selector).join(",");
        }
        let parsed: k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector =
            selector.and_then(|selector| serde_json::from_value(selector.clone()).ok()).unwrap_or_default();
        kube::core::Selector::try_from(parsed).map(|selector| selector.to_string()).unwrap_or_default()
    }

    /// The nodes where its pods run.
    pub(super) async fn nodes(&self) -> Result<Vec<String>, Error> {
        let mut nodes: Vec<String> =
            self.pods().await?.into_iter().filter_map(|pod| pod.spec?.node_name).collect();
        nodes.sort();
        nodes.dedup();
        Ok(nodes)
    }

    /// Evicts one pod that is not as its workload says, when every other serves; returns when to look again.
    ///
    /// 0.8.3 deleted all of them at once and waited in a loop.
    pub(super) async fn replace_stale_pods(&self) -> Result<Duration, Error> {
        let pods: Vec<Pod> = self.pods().await?;
        let mut stale = Vec::new();
        for pod in &pods {
            let json =
                serde_json::to_value(pod).map_err(|source| Error::Json { object: self.title(), source })?;
            if is_stale(self.target(), &json) && pod.metadata.deletion_timestamp.is_none() {
                stale.push(pod);
            }
        }
        if stale.is_empty() {
            return Ok(self.context.resync);
        }
        let serves = |pod: &&Pod| {
            let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
            let ready = |condition: &&k8s_openapi::api::core::v1::PodCondition| {
                condition.type_ == "Ready" && condition.status == "True"
            };
            pod.metadata.deletion_timestamp.is_none()
                && conditions.is_some_and(|conditions| conditions.iter().any(|condition| ready(&condition)))
        };
        // One that does not serve is missed by nobody.
        let idle = stale.iter().find(|pod| !serves(pod));
        let chosen = match idle {
            Some(pod) => Some(pod),
            None if pods.iter().all(|pod| serves(&pod)) => stale.first(),
            None => None,
        };
        let Some(pod) = chosen else { return Ok(SOON) };
        let uid = pod.metadata.uid.clone().unwrap_or_default();
        self.evict(&pod.name_any(), &uid).await
    }

    /// Evicts a pod, if it still is the one that was seen. Returns when to look again.
    pub(super) async fn evict(&self, name: &str, uid: &str) -> Result<Duration, Error> {
        let api: Api<Pod> = Api::namespaced(self.context.client.clone(), &self.namespace);
        let preconditions = Preconditions { uid: Some(uid.to_owned()), resource_version: None };
        let parameters = EvictParams {
            delete_options: Some(DeleteParams::default().preconditions(preconditions)),
            ..EvictParams::default()
        };
        match api.evict(name, &parameters).await {
            Ok(_) => {
                tracing::info!(
                    workload = self.title(),
                    pod = name,
                    container = names::CONTAINER,
                    "evicted a pod"
                );
                Ok(SOON)
            }
            Err(error) if is_missing(&error) => Ok(SOON),
            Err(kube::Error::Api(status)) if status.code == 429 => {
                tracing::debug!(workload = self.title(), pod = name, "a PodDisruptionBudget holds it up");
                Ok(HELD_UP)
            }
            // Its name is another pod's now.
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(SOON),
            Err(error) => Err(Error::of("evict", format!("pod {}/{name}", self.namespace))(error)),
        }
    }
}
