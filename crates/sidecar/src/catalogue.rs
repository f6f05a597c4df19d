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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::extract::State;
    use axum::http::StatusCode;
    use axum::response::{IntoResponse as _, Response};
    use axum::routing::get;
    use axum::{Json, Router};
    use serde_json::{Value, json};

    use super::*;

    type Shared = Arc<Mutex<Option<Value>>>;

    /// As much of an API server as one ConfigMap needs.
    async fn api(there: &Shared) -> Client {
        async fn read(State(there): State<Shared>) -> Response {
            match &*there.lock().unwrap() {
                Some(object) => Json(object.clone()).into_response(),
                None => {
                    let status =
                        json!({"kind": "Status", "status": "Failure", "code": 404, "reason": "NotFound"});
                    (StatusCode::NOT_FOUND, Json(status)).into_response()
                }
            }
        }
        async fn apply(State(there): State<Shared>, body: String) -> Response {
            let object: Value = serde_json::from_str(&body).unwrap();
            *there.lock().unwrap() = Some(object.clone());
            Json(object).into_response()
        }
        let path = "/api/v1/namespaces/shop/configmaps/stash-catalogue-deployment.web";
        let app = Router::new().route(path, get(read).patch(apply)).with_state(Arc::clone(there));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Client::try_from(kube::Config::new(format!("http://{address}").parse().unwrap())).unwrap()
    }

    fn listed(at: Timestamp, records: usize) -> Catalogue {
        let record = |number| Record { id: format!("{number:064x}"), ..Record::default() };
        Catalogue { listed: at, left_out: 0, records: (0..records).map(record).collect() }
    }

    #[tokio::test]
    async fn the_newest_list_stays_whoever_writes_last() {
        let repository: Repository = serde_json::from_value(json!({
            "apiVersion": "stash.appscode.com/v1alpha1", "kind": "Repository",
            "metadata": {"name": "deployment.web", "namespace": "shop", "uid": "1"}, "spec": {},
        }))
        .unwrap();
        let there = Shared::default();
        let client = api(&there).await;
        let count = || {
            let object: ConfigMap = serde_json::from_value(there.lock().unwrap().clone().unwrap()).unwrap();
            catalogue::of(&object).unwrap().records.len()
        };
        let at = |second| Timestamp::from_second(second).unwrap();
        write(&client, &repository, &listed(at(2000), 2)).await.unwrap();
        assert_eq!(count(), 2);
        write(&client, &repository, &listed(at(1000), 1)).await.unwrap();
        assert_eq!(count(), 2, "somebody was slower than another who looked later");
        write(&client, &repository, &listed(at(3000), 3)).await.unwrap();
        assert_eq!(count(), 3);
        write(&client, &repository, &listed(Timestamp::MAX, 4)).await.unwrap();
        write(&client, &repository, &listed(at(4000), 5)).await.unwrap();
        assert_eq!(count(), 5, "a wrong clock does not last");
    }
}
