//! Storage Secrets: whether they exist, and the copy for a Recovery of another namespace. Nothing of them is kept.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};

use crate::error::Error;

/// Whether a Secret exists. Only its metadata is asked for.
pub(crate) async fn exists(client: &Client, namespace: &str, name: &str) -> Result<bool, Error> {
    let api: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let found = api.get_metadata_opt(name).await;
    Ok(found.map_err(Error::of("read", format!("Secret {namespace}/{name}")))?.is_some())
}

/// What a Secret holds; `None` when it does not exist.
pub(crate) async fn data(
    client: &Client,
    namespace: &str,
    name: &str,
) -> Result<Option<BTreeMap<String, ByteString>>, Error> {
    let api: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let found = api.get_opt(name).await;
    let found = found.map_err(Error::of("read", format!("Secret {namespace}/{name}")))?;
    Ok(found.map(|secret| secret.data.unwrap_or_default()))
}
