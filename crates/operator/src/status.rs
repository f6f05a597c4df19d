//! Writes the status of an object when it differs, on the version that it was decided on.

use std::fmt::Debug;

use k8s_openapi::NamespaceResourceScope;
use kube::api::PostParams;
use kube::{Api, Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, is_missing};

/// Replaces the status of `object`, which has the new one in it already.
pub(crate) async fn write<K>(client: &Client, object: &K) -> Result<(), Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    K: Clone + Debug + DeserializeOwned + Serialize,
{
    let meta = object.meta();
    let (namespace, name) =
        (meta.namespace.as_deref().unwrap_or_default(), meta.name.as_deref().unwrap_or_default());
    let what = format!("the status of {} {namespace}/{name}", K::kind(&()));
    let api: Api<K> = Api::namespaced(client.clone(), namespace);
    match api.replace_status(name, &PostParams::default(), object).await {
        Ok(_) => Ok(()),
        // It is gone; nobody will read its status.
        Err(error) if is_missing(&error) => Ok(()),
        Err(error) => Err(Error::of("write", what)(error)),
    }
}
