//! The ConfigMap that a catalogue is kept in.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{Catalogue, CatalogueError, MAX_PACKED};
use crate::decide::rbac::{self, Owner};
use crate::objects::repository::Repository;
use crate::rules::names;

/// Key of the packed list.
const KEY: &str = "snapshots.json.gz";
/// When it was listed, for those who do not unpack it.
const ANNOTATION_LISTED: &str = "stash.appscode.com/listed-at";

/// The ConfigMap of a Repository, with which it is deleted.
///
/// # Errors
/// See [`Catalogue::encode`].
pub fn config_map(repository: &Repository, catalogue: &Catalogue) -> Result<ConfigMap, CatalogueError> {
    let metadata = &repository.metadata;
    let name = metadata.name.as_deref().unwrap_or_default();
    let (uid, api_version) = (metadata.uid.as_deref().unwrap_or_default(), rbac::stash_api());
    let owner = Owner { api_version: &api_version, kind: "Repository", name, uid };
    let packed = ByteString(catalogue.encode(MAX_PACKED)?);
    Ok(ConfigMap {
        metadata: ObjectMeta {
            name: Some(names::catalogue(name)),
            namespace: metadata.namespace.clone(),
            labels: Some(rbac::labels(&[(names::LABEL_CATALOGUE, "true"), (names::LABEL_REPOSITORY, name)])),
            annotations: Some(BTreeMap::from([(ANNOTATION_LISTED.to_owned(), catalogue.listed.to_string())])),
            owner_references: Some(vec![owner.reference()]),
            ..ObjectMeta::default()
        },
        binary_data: Some(BTreeMap::from([(KEY.to_owned(), packed)])),
        ..ConfigMap::default()
    })
}

/// The catalogue in a ConfigMap.
///
/// # Errors
/// [`CatalogueError`].
pub fn of(object: &ConfigMap) -> Result<Catalogue, CatalogueError> {
    let packed = object.binary_data.as_ref().and_then(|data| data.get(KEY));
    Catalogue::decode(&packed.ok_or(CatalogueError::Missing(KEY))?.0)
}

/// When what the ConfigMap says was listed.
#[must_use]
pub fn listed_at(metadata: &ObjectMeta) -> Option<Timestamp> {
    metadata.annotations.as_ref()?.get(ANNOTATION_LISTED)?.parse().ok()
}

/// The name of the Repository whose catalogue an object of this metadata is. None for one that only looks like it.
#[must_use]
pub fn repository_of(metadata: &ObjectMeta) -> Option<&str> {
    let owners = metadata.owner_references.as_deref().unwrap_or_default();
    let api_version = rbac::stash_api();
    let is_ours = |name: &str| metadata.name.as_deref() == Some(names::catalogue(name).as_str());
    owners
        .iter()
        .filter(|owner| owner.kind == "Repository" && owner.api_version == api_version)
        .map(|owner| owner.name.as_str())
        .find(|name| is_ours(name))
}
