//! What snapshots a repository holds, left beside its Repository for the API of Snapshots.

use domain::catalogue::{self, Catalogue, CatalogueError, Record};
use domain::objects::repository::Repository;
use engine::SnapshotInfo;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};

/// Owner of its fields, whoever writes it: the newest list is the right one.
const FIELD_MANAGER: &str = "stash";

/// Why a catalogue was not written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteError {
    /// The API refuses or does not answer.
    #[error("cannot write the ConfigMap {object} with the list of snapshots: {source}")]
    Api {
        /// Namespace and name.
        object: String,
        /// What it said.
        source: Box<kube::Error>,
    },
    /// It cannot be packed: a defect of ours.
    #[error(transparent)]
    Content(#[from] CatalogueError),
}

impl WriteError {
    /// Whether another attempt would end the same way.
    pub(crate) fn is_definite(&self) -> bool {
        match self {
            WriteError::Api { source, .. } => cluster::connect::is_definite(source),
            WriteError::Content(_) => true,
        }
    }
}

/// The snapshots that were listed just now.
pub(crate) fn of(snapshots: Vec<SnapshotInfo>) -> Catalogue {
    let record = |snapshot: SnapshotInfo| Record {
        id: snapshot.id,
        time: snapshot.time,
        tree: snapshot.tree,
        paths: snapshot.paths,
        hostname: snapshot.hostname,
        username: snapshot.username,
        uid: snapshot.uid,
        gid: snapshot.gid,
        tags: snapshot.tags,
        size: snapshot.size,
    };
    let records = snapshots.into_iter().map(record).collect();
    Catalogue { listed: Timestamp::now(), left_out: 0, records }
}

/// Writes a catalogue, unless a newer one is there: two may work in a repository at once, and the API may have been away.
pub(crate) async fn write(
    client: &Client,
    repository: &Repository,
    catalogue: &Catalogue,
) -> Result<(), WriteError> {
    let object = catalogue::config_map(repository, catalogue)?;
    let namespace = object.metadata.namespace.as_deref().unwrap_or_default();
    let name = object.metadata.name.as_deref().unwrap_or_default();
    let failed = |source| WriteError::Api { object: format!("{namespace}/{name}"), source: Box::new(source) };
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let there = api.get_metadata_opt(name).await.map_err(failed)?;
    let listed = there.as_ref().and_then(|there| catalogue::listed_at(&there.metadata));
    // What is said to be listed in the future is the word of a wrong clock, which must not last.
    if listed.is_some_and(|listed| listed > catalogue.listed && listed <= Timestamp::now()) {
        return Ok(());
    }
    let parameters = PatchParams::apply(FIELD_MANAGER).force();
    api.patch(name, &parameters, &Patch::Apply(&object)).await.map_err(failed)?;
    Ok(())
}
