//! `--purge`: our own objects are written to files, then deleted with their definitions.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use ::install::names;
use anyhow::{Context as _, Result, bail, ensure};
use k8s_openapi::api::rbac::v1::ClusterRole;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ApiResource, DeleteParams, DynamicObject, ListParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client, ResourceExt as _};
use tokio::time::{Instant, sleep};

use super::answered;
use super::installed::of_cluster;

const PACE: Duration = Duration::from_secs(1);

/// Writes all objects of each kind to `<plural>.yaml` in `folder`. Nothing that is there is written over.
pub(super) async fn write(client: &Client, folder: &Path) -> Result<()> {
    for (plural, _) in names::KINDS {
        let file = folder.join(format!("{plural}.yaml"));
        ensure!(!file.exists(), "{} is there already; move it away, then uninstall again", file.display());
    }
    for (plural, kind) in names::KINDS {
        let Some(objects) = list(client, (plural, kind)).await? else { continue };
        let mut items = Vec::new();
        for object in &objects {
            items.push(serde_json::to_value(object).with_context(|| format!("reading {plural}"))?);
        }
        let whole = serde_json::json!({ "apiVersion": "v1", "kind": "List", "items": items });
        let text = ::install::document(&whole)?;
        let file = folder.join(format!("{plural}.yaml"));
        std::fs::File::create_new(&file)
            .and_then(|mut opened| opened.write_all(text.as_bytes()))
            .with_context(|| format!("writing {}", file.display()))?;
        tracing::info!("wrote {} {plural} to {}", objects.len(), file.display());
    }
    Ok(())
}

/// Deletes all objects, their definitions, and what users might do with them.
pub(super) async fn delete(client: &Client, patience: Duration) -> Result<()> {
    for (plural, kind) in names::KINDS {
        delete_objects(client, (plural, kind), patience).await?;
        of_cluster::<CustomResourceDefinition>(client, &format!("{plural}.{}", names::GROUP)).await?;
    }
    for name in [names::USER_EDIT, names::USER_VIEW] {
        of_cluster::<ClusterRole>(client, name).await?;
    }
    Ok(())
}

async fn delete_objects(client: &Client, (plural, kind): (&str, &str), patience: Duration) -> Result<()> {
    let resource = resource((plural, kind));
    let end = Instant::now() + patience;
    loop {
        let objects = list(client, (plural, kind)).await?.unwrap_or_default();
        let Some(first) = objects.first() else { return Ok(()) };
        if Instant::now() >= end {
            bail!(
                "{} {plural} are not deleted, {}/{} among them; a finalizer of somebody else may hold them: `kubectl get \
                 {plural}.{} --all-namespaces --output yaml` shows it; then uninstall again",
                objects.len(),
                first.namespace().unwrap_or_default(),
                first.name_any(),
                names::GROUP
            );
        }
        for object in objects.iter().filter(|object| object.metadata.deletion_timestamp.is_none()) {
            let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
            let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), &namespace, &resource);
            match api.delete(&name, &DeleteParams::background()).await {
                Ok(_) => tracing::info!("deleted {} {namespace}/{name}", resource.kind),
                Err(kube::Error::Api(status)) if status.code == 404 => {}
                Err(error) => answered(&format!("delete {} {namespace}/{name}", resource.kind), Err(error))?,
            }
        }
        sleep(PACE).await;
    }
}

/// All objects of a kind; `None` when it is not defined.
async fn list(client: &Client, kind: (&str, &str)) -> Result<Option<Vec<DynamicObject>>> {
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource(kind));
    match api.list(&ListParams::default()).await {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
        listed => Ok(Some(answered(&format!("list {}", kind.0), listed)?.items)),
    }
}

fn resource((plural, kind): (&str, &str)) -> ApiResource {
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(names::GROUP, names::API_VERSION, kind), plural)
}
