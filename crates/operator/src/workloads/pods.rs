//! Pods: where they run, and the replacement of those that a ReplicaSet or ReplicationController would never replace.

use std::time::Duration;

use cluster::pods::Eviction;
use domain::decide::inject::is_stale;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;

use super::{SOON, Workload};
use crate::error::Error;

/// A PodDisruptionBudget says no for a while.
const HELD_UP: Duration = Duration::from_secs(5);

impl Workload<'_> {
    /// The pods that this workload itself controls.
    pub(super) async fn pods(&self) -> Result<Vec<Pod>, Error> {
        cluster::pods::of(&self.context.client, &self.namespace, self.kind.as_str(), self.object)
            .await
            .map_err(Error::of("list", format!("the pods of {}", self.title())))
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
        let evicted = cluster::pods::evict(&self.context.client, &self.namespace, name, uid).await;
        Ok(match evicted.map_err(Error::of("evict", format!("pod {}/{name}", self.namespace)))? {
            Eviction::Granted => {
                tracing::info!(workload = self.title(), pod = name, "evicted a pod");
                SOON
            }
            Eviction::Gone => SOON,
            Eviction::HeldUp => {
                tracing::debug!(workload = self.title(), pod = name, "a PodDisruptionBudget holds it up");
                HELD_UP
            }
        })
    }
}
