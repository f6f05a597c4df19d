//! Takes out of a cluster what the operator put into it. It ends, and may be run again.
//!
//! First [`stop`], while an operator that ran would make it all anew, then [`clean_up`]. What installs the operator is
//! deleted by whoever installed it.

mod made;
mod workloads;

use std::time::Duration;

use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration,
};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::core::ClusterResourceScope;
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::admission::registration::NAME as WEBHOOKS;
use crate::error::{Error, is_missing};
use crate::snapshots::registration::NAME as API_SERVICE;

/// Pause between two looks at something that takes its time.
const PACE: Duration = Duration::from_secs(1);

/// Why it did not come to its end. Whatever else could be done was done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UninstallError {
    /// The API server refuses, or does not answer.
    #[error("{0}")]
    Api(String),
    /// Pods of the operator are still there.
    #[error(
        "the pods of Deployment {namespace}/{deployment} did not end in {waited:?}; `kubectl describe pods --namespace \
         {namespace}` says what holds them; then uninstall again"
    )]
    PodsStayed {
        /// Namespace of the operator.
        namespace: String,
        /// Its Deployment.
        deployment: String,
        /// How long they had.
        waited: Duration,
    },
    /// Some of what was to be done could not be.
    #[error("{} objects could not be cleaned up; mend what is said of each and uninstall again:\n{}", .0.len(), .0.join("\n"))]
    Partly(Vec<String>),
}

impl From<Error> for UninstallError {
    fn from(error: Error) -> Self {
        UninstallError::Api(error.to_string())
    }
}

/// What was cleaned up.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Cleaned {
    /// Workloads that lost their container.
    pub workloads: usize,
    /// Pods that were evicted, since nobody else replaces them.
    pub pods: usize,
    /// CronJobs, Jobs, Roles, RoleBindings and ServiceAccounts that were deleted.
    pub objects: usize,
    /// Repositories that lost our finalizers.
    pub repositories: usize,
}

/// Stops the operator and takes its registrations away: it is not there to answer, so the API server must not ask.
///
/// The pods go first, or they make their registrations again. `patience` is how long they may take.
///
/// # Errors
/// The API server refuses or does not answer, or the pods do not end.
pub async fn stop(
    client: &Client,
    namespace: &str,
    deployment: &str,
    patience: Duration,
) -> Result<(), UninstallError> {
    let api: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    let title = format!("Deployment {namespace}/{deployment}");
    let scale = Patch::Merge(json!({ "spec": { "replicas": 0 } }));
    match api.patch(deployment, &PatchParams::default(), &scale).await {
        Ok(found) => {
            tracing::info!(
                "{title} is scaled to 0; waiting until its pods are gone, for {patience:?} at most"
            );
            let found = serde_json::to_value(&found)
                .map_err(|source| Error::Json { object: title.clone(), source })?;
            let end = Instant::now() + patience;
            loop {
                let pods = cluster::pods::of(client, namespace, "Deployment", &found).await;
                if pods.map_err(Error::of("list", format!("the pods of {title}")))?.is_empty() {
                    break;
                }
                if Instant::now() >= end {
                    return Err(UninstallError::PodsStayed {
                        namespace: namespace.to_owned(),
                        deployment: deployment.to_owned(),
                        waited: patience,
                    });
                }
                sleep(PACE).await;
            }
        }
        Err(error) if is_missing(&error) => tracing::info!("there is no {title}"),
        Err(error) => return Err(Error::of("scale", title)(error).into()),
    }
    delete::<MutatingWebhookConfiguration>(client, WEBHOOKS).await?;
    delete::<ValidatingWebhookConfiguration>(client, WEBHOOKS).await?;
    // Kubernetes deletes no namespace while a registered API has nobody to answer for it.
    delete::<APIService>(client, API_SERVICE).await?;
    Ok(())
}

/// Takes our containers out of all workloads, gives those that an offline backup has scaled down their replicas back,
/// deletes what was made for them, and takes our finalizers off Repositories. No data in a storage is touched.
///
/// What fails keeps nothing else from being done. `patience` is how long the pods of ReplicaSets and
/// ReplicationControllers, which are evicted one by one, may take.
///
/// # Errors
/// Something could not be done.
pub async fn clean_up(client: &Client, patience: Duration) -> Result<Cleaned, UninstallError> {
    let mut failures = Vec::new();
    let mut cleaned = Cleaned::default();
    // CronJobs first: they would begin another offline backup.
    cleaned.objects += made::delete_jobs(client, &mut failures).await;
    let end = Instant::now() + patience;
    workloads::clean(client, end, &mut cleaned, &mut failures).await;
    // Sidecars need their rights until they are gone.
    cleaned.objects += made::delete_rights(client, &mut failures).await;
    cleaned.repositories += made::free_repositories(client, &mut failures).await;
    if failures.is_empty() {
        Ok(cleaned)
    } else {
        Err(UninstallError::Partly(failures.iter().map(ToString::to_string).collect()))
    }
}

async fn delete<K>(client: &Client, name: &str) -> Result<(), Error>
where
    K: Resource<DynamicType = (), Scope = ClusterResourceScope> + Clone + std::fmt::Debug + DeserializeOwned,
{
    let kind = K::kind(&());
    match Api::<K>::all(client.clone()).delete(name, &DeleteParams::default()).await {
        Ok(_) => {
            tracing::info!("deleted {kind} {name}");
            Ok(())
        }
        Err(error) if is_missing(&error) => Ok(()),
        Err(error) => Err(Error::of("delete", format!("{kind} {name}"))(error)),
    }
}
