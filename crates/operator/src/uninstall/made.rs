//! What the operator made for others: deleted. Repositories: freed of our finalizers, so that they can be deleted when
//! nobody is there to do so.

use domain::decide::uninstall::{finalizers_left, is_binding_of_old_release, is_made_for_others};
use domain::objects::repository::Repository;
use domain::rules::names;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use kube::{Api, Client, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::error::{Error, is_missing};

/// Somebody else changes the Repository at the same time: a sidecar that is about to end.
const TRIES: usize = 10;

/// CronJobs of offline backups, and Jobs of every kind.
pub(super) async fn delete_jobs(client: &Client, failures: &mut Vec<Error>) -> usize {
    delete_all::<CronJob>(client, failures).await + delete_all::<Job>(client, failures).await
}

/// Who sidecars and Jobs ran as, and what they might do.
pub(super) async fn delete_rights(client: &Client, failures: &mut Vec<Error>) -> usize {
    delete_all::<RoleBinding>(client, failures).await
        + delete_old_bindings(client, failures).await
        + delete_all::<Role>(client, failures).await
        + delete_all::<ServiceAccount>(client, failures).await
}

async fn delete_all<K>(client: &Client, failures: &mut Vec<Error>) -> usize
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + DeserializeOwned,
{
    let ours = ListParams::default().labels(&format!("{}={}", names::LABEL_APP, names::APP));
    let listed = match Api::<K>::all(client.clone()).list_metadata(&ours).await {
        Ok(listed) => listed,
        Err(error) => {
            failures.push(Error::of("list", K::plural(&()))(error));
            return 0;
        }
    };
    let mut deleted = 0;
    for object in listed.items.iter().filter(|object| is_made_for_others(object.labels())) {
        let namespace = object.namespace().unwrap_or_default();
        deleted += delete::<K>(client, &namespace, &object.name_any(), failures).await;
    }
    deleted
}

async fn delete_old_bindings(client: &Client, failures: &mut Vec<Error>) -> usize {
    let listed = match Api::<RoleBinding>::all(client.clone()).list(&ListParams::default()).await {
        Ok(listed) => listed,
        Err(error) => {
            failures.push(Error::of("list", "rolebindings")(error));
            return 0;
        }
    };
    let mut deleted = 0;
    for binding in listed.items {
        let (name, role) = (binding.name_any(), &binding.role_ref);
        if is_binding_of_old_release(&name, &role.kind, &role.name) {
            let namespace = binding.namespace().unwrap_or_default();
            deleted += delete::<RoleBinding>(client, &namespace, &name, failures).await;
        }
    }
    deleted
}

async fn delete<K>(client: &Client, namespace: &str, name: &str, failures: &mut Vec<Error>) -> usize
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + DeserializeOwned,
{
    let title = format!("{} {namespace}/{name}", K::kind(&()));
    // Pods of a Job go with it.
    match Api::<K>::namespaced(client.clone(), namespace).delete(name, &DeleteParams::background()).await {
        Ok(_) => {
            tracing::info!("deleted {title}");
            1
        }
        Err(error) if is_missing(&error) => 0,
        Err(error) => {
            failures.push(Error::of("delete", title)(error));
            0
        }
    }
}

/// Takes our finalizers off all Repositories.
pub(super) async fn free_repositories(client: &Client, failures: &mut Vec<Error>) -> usize {
    let listed = match Api::<Repository>::all(client.clone()).list_metadata(&ListParams::default()).await {
        Ok(listed) => listed,
        // The kind is not defined, so there are none.
        Err(error) if is_missing(&error) => return 0,
        Err(error) => {
            failures.push(Error::of("list", "repositories")(error));
            return 0;
        }
    };
    let mut freed = 0;
    for object in listed.items {
        let namespace = object.namespace().unwrap_or_default();
        match free(client, &namespace, &object.name_any()).await {
            Ok(is_freed) => freed += usize::from(is_freed),
            Err(error) => failures.push(error),
        }
    }
    freed
}

async fn free(client: &Client, namespace: &str, name: &str) -> Result<bool, Error> {
    let api: Api<Repository> = Api::namespaced(client.clone(), namespace);
    let title = format!("Repository {namespace}/{name}");
    for _ in 0..TRIES {
        let Some(object) = api.get_metadata_opt(name).await.map_err(Error::of("read", title.clone()))? else {
            return Ok(false);
        };
        let Some(left) = finalizers_left(object.finalizers()) else { return Ok(false) };
        // On the version that was seen, since a list is replaced as a whole.
        let patch =
            json!({ "metadata": { "finalizers": left, "resourceVersion": object.resource_version() } });
        match api.patch_metadata(name, &PatchParams::default(), &Patch::Merge(&patch)).await {
            Ok(_) => {
                tracing::info!("{title} can be deleted without an operator now");
                return Ok(true);
            }
            Err(error) if is_missing(&error) => return Ok(false),
            Err(error) => {
                let error = Error::of("write", title.clone())(error);
                if !error.is_conflict() {
                    return Err(error);
                }
            }
        }
    }
    Err(Error::Conflict(title))
}
