//! What installs the operator: deleted by name, and in the namespace of Prometheus by name and label, since nobody says
//! any more which namespace that was.

use std::fmt::Debug;

use ::install::names;
use anyhow::Result;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Secret, Service, ServiceAccount};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use k8s_openapi::{ClusterResourceScope, NamespaceResourceScope};
use kube::api::{ApiResource, DeleteParams, DynamicObject, ListParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;

use super::answered;

/// Deletes it all; whatever is gone already is no failure.
pub(super) async fn delete_installed(client: &Client, namespace: &str) -> Result<()> {
    of_namespace::<Deployment>(client, namespace, names::OPERATOR).await?;
    of_namespace::<Service>(client, namespace, names::OPERATOR).await?;
    of_namespace::<RoleBinding>(client, namespace, names::OPERATOR).await?;
    of_namespace::<Role>(client, namespace, names::OPERATOR).await?;
    of_namespace::<Lease>(client, namespace, names::OPERATOR).await?;
    of_namespace::<ServiceAccount>(client, namespace, names::OPERATOR).await?;
    for name in [names::OPERATOR, names::AUTH_DELEGATOR] {
        of_cluster::<ClusterRoleBinding>(client, name).await?;
    }
    of_cluster::<ClusterRole>(client, names::OPERATOR).await?;
    delete_monitoring(client, &Kept::default()).await
}

/// Namespaces where something stays that is told to Prometheus.
#[derive(Debug, Default)]
pub(in crate::commands) struct Kept<'a> {
    /// ServiceMonitors.
    pub(in crate::commands) monitors: Vec<&'a str>,
    /// The right to publish the authority.
    pub(in crate::commands) authorities: Vec<&'a str>,
    /// Secrets that hold one.
    pub(in crate::commands) secrets: Vec<&'a str>,
}

/// Deletes what is told to Prometheus in every other namespace.
pub(in crate::commands) async fn delete_monitoring(client: &Client, kept: &Kept<'_>) -> Result<()> {
    elsewhere::<RoleBinding>(client, names::CA, &kept.authorities).await?;
    elsewhere::<Role>(client, names::CA, &kept.authorities).await?;
    elsewhere::<Secret>(client, names::CERTIFICATE_SECRET, &kept.secrets).await?;
    service_monitors(client, &kept.monitors).await
}

pub(super) async fn of_cluster<K>(client: &Client, name: &str) -> Result<()>
where
    K: Resource<DynamicType = (), Scope = ClusterResourceScope> + Clone + Debug + DeserializeOwned,
{
    let title = format!("{} {name}", K::kind(&()));
    delete(&Api::<K>::all(client.clone()), name, &title).await
}

async fn of_namespace<K>(client: &Client, namespace: &str, name: &str) -> Result<()>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
{
    let title = format!("{} {namespace}/{name}", K::kind(&()));
    delete(&Api::<K>::namespaced(client.clone(), namespace), name, &title).await
}

async fn elsewhere<K>(client: &Client, name: &str, kept: &[&str]) -> Result<()>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
{
    let ours = ListParams::default().labels("app=stash").fields(&format!("metadata.name={name}"));
    let found = Api::<K>::all(client.clone()).list_metadata(&ours).await;
    for object in answered(&format!("list {}", K::plural(&())), found)?.items {
        let namespace = object.namespace().unwrap_or_default();
        if !kept.contains(&namespace.as_str()) {
            of_namespace::<K>(client, &namespace, name).await?;
        }
    }
    Ok(())
}

/// Their labels are the user's, and their kind may not be there.
async fn service_monitors(client: &Client, kept: &[&str]) -> Result<()> {
    let kind = GroupVersionKind::gvk("monitoring.coreos.com", "v1", "ServiceMonitor");
    let resource = ApiResource::from_gvk(&kind);
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
    let ours = ListParams::default().fields(&format!("metadata.name={}", names::SERVICE_MONITOR));
    let found = match api.list_metadata(&ours).await {
        Err(kube::Error::Api(status)) if status.code == 404 => return Ok(()),
        found => answered("list servicemonitors", found)?,
    };
    for object in found.items {
        let namespace = object.namespace().unwrap_or_default();
        if kept.contains(&namespace.as_str()) {
            continue;
        }
        let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), &namespace, &resource);
        let title = format!("ServiceMonitor {namespace}/{}", names::SERVICE_MONITOR);
        delete(&api, names::SERVICE_MONITOR, &title).await?;
    }
    Ok(())
}

async fn delete<K: Clone + Debug + DeserializeOwned>(api: &Api<K>, name: &str, title: &str) -> Result<()> {
    match api.delete(name, &DeleteParams::background()).await {
        Ok(_) => tracing::info!("deleted {title}"),
        Err(kube::Error::Api(status)) if status.code == 404 => {}
        Err(error) => return answered(&format!("delete {title}"), Err(error)),
    }
    Ok(())
}
