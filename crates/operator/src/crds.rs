//! The custom resource definitions: made or brought up to date at each start, and waited for.

use std::time::Duration;

use domain::crds::crds;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Patch, PatchParams};
use kube::runtime::conditions::is_crd_established;
use kube::runtime::wait::await_condition;
use kube::{Api, Client, ResourceExt as _};

use crate::error::Error;
use crate::owned::FIELD_MANAGER;

/// The API server serves a new definition within moments.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why the definitions are not in force.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CrdError {
    /// The API server refused.
    #[error(transparent)]
    Api(#[from] Error),
    /// It took them and does not serve them.
    #[error("the API server does not serve {0}: see its conditions with `kubectl describe crd {0}`")]
    NotServed(String),
}

/// Applies the definitions and waits until they are served.
pub(crate) async fn apply(client: &Client) -> Result<(), CrdError> {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    for crd in crds() {
        let name = crd.name_any();
        let what = format!("CustomResourceDefinition {name}");
        let parameters = PatchParams::apply(FIELD_MANAGER).force();
        api.patch(&name, &parameters, &Patch::Apply(&crd)).await.map_err(Error::of("write", what))?;
        let served = await_condition(api.clone(), &name, is_crd_established());
        match tokio::time::timeout(PATIENCE, served).await {
            Ok(Ok(_)) => tracing::debug!(crd = name, "in force"),
            _ => return Err(CrdError::NotServed(name)),
        }
    }
    Ok(())
}
