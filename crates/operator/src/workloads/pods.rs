//! Pods: where they run, and the replacement of those that a ReplicaSet or ReplicationController would never replace.

use std::time::Duration;

use cluster::pods::Eviction;
use domain::decide::inject::is_stale;
use domain::decide::target::Target;
use k8s_openapi::api::core::v1::{Pod, PodCondition};
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
        let chosen = match next_to_go(self.target(), &pods)
            .map_err(|source| Error::Json { object: self.title(), source })?
        {
            Turn::None => return Ok(self.context.resync),
            Turn::Later => return Ok(SOON),
            Turn::Of(pod) => pod,
        };
        let uid = chosen.metadata.uid.clone().unwrap_or_default();
        self.evict(&chosen.name_any(), &uid).await
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

/// Whose turn it is to be replaced.
pub(crate) enum Turn<'a> {
    /// Every pod is as its workload says.
    None,
    /// Some are not, and have to wait until the others serve.
    Later,
    /// This one's.
    Of(&'a Pod),
}

/// Chooses one pod that is not as its workload says, when every other serves.
pub(crate) fn next_to_go<'a>(target: Target<'_>, pods: &'a [Pod]) -> Result<Turn<'a>, serde_json::Error> {
    let is_going = |pod: &Pod| pod.metadata.deletion_timestamp.is_some();
    let mut stale = Vec::new();
    for pod in pods {
        if is_stale(target, &serde_json::to_value(pod)?) && !is_going(pod) {
            stale.push(pod);
        }
    }
    let serves = |pod: &Pod| {
        let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
        let is_ready = |condition: &PodCondition| condition.type_ == "Ready" && condition.status == "True";
        !is_going(pod) && conditions.is_some_and(|conditions| conditions.iter().any(is_ready))
    };
    // One that does not serve is missed by nobody.
    let idle = stale.iter().find(|pod| !serves(pod));
    Ok(match (idle, stale.first()) {
        (_, None) => Turn::None,
        (Some(pod), _) => Turn::Of(pod),
        (None, Some(pod)) if pods.iter().all(serves) => Turn::Of(pod),
        (None, Some(_)) => Turn::Later,
    })
}
