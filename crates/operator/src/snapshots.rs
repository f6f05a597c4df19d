//! The API of Snapshots: `repositories.stash.appscode.com/v1alpha1`, behind the aggregator of the API server.
//!
//! It answers from what it knows: [`Index`] holds the catalogues that sidecars and Jobs leave ([`domain::catalogue`]), so
//! that no backend is asked and none can hold up a list. A deletion is a Job that forgets the snapshot, and the Snapshot
//! is there, marked as being deleted, until that Job has rewritten the catalogue.
//!
//! Who asks, whether they may, and how many at once is decided before a request comes here.

mod answer;
mod delete;
mod discovery;
mod index;
mod kept;
mod openapi;
mod query;
mod read;
pub mod registration;
mod show;
mod stream;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get};
use domain::decide::settings::Settings;
use domain::objects::{SNAPSHOT_GROUP, VERSION};
use http::HeaderMap;
use kube::Client;
use tokio_util::sync::CancellationToken;

pub use index::Index;
pub use kept::Kept;

pub(crate) use crate::error::is_about_its_namespace;
use answer::Refused;

/// What the API of Snapshots knows.
#[derive(Clone)]
pub struct Snapshots {
    /// All Snapshots.
    pub index: Arc<Index>,
    /// The API server, which is asked to make Jobs.
    pub client: Client,
    /// What is in those Jobs.
    pub settings: Arc<Settings>,
    /// The end of the process, at which watches end.
    pub stop: CancellationToken,
}

/// Snapshots, the discovery of them and their description, at the paths where an API server has them.
pub fn router(snapshots: Snapshots) -> Router {
    let version = format!("/apis/{SNAPSHOT_GROUP}/{VERSION}");
    let of_all = get(list_all).fallback(refuse_method);
    let of_namespace = get(list).delete(delete::collection).fallback(refuse_method);
    let single = get(read::one).delete(delete::one).fallback(refuse_method);
    Router::new()
        .route("/apis", get(discovery::groups))
        .route("/apis/", get(discovery::groups))
        .route(&format!("/apis/{SNAPSHOT_GROUP}"), get(discovery::group))
        .route(&format!("/apis/{SNAPSHOT_GROUP}/"), get(discovery::group))
        .route(&version, get(discovery::resources))
        .route(&format!("{version}/"), get(discovery::resources))
        .route(&format!("{version}/snapshots"), of_all)
        .route(&format!("{version}/namespaces/{{namespace}}/snapshots"), of_namespace)
        .route(&format!("{version}/namespaces/{{namespace}}/snapshots/{{name}}"), single)
        .route("/apis/{*rest}", any(refuse_path))
        .merge(openapi::router())
        .with_state(snapshots)
}

async fn refuse_method() -> Response {
    Refused::method().into_response()
}

async fn refuse_path() -> Response {
    Refused::no_such_path().into_response()
}

async fn list_all(
    State(snapshots): State<Snapshots>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    read::many(&snapshots, None, query.as_deref(), &headers)
}

async fn list(
    State(snapshots): State<Snapshots>,
    Path(namespace): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    read::many(&snapshots, Some(&namespace), query.as_deref(), &headers)
}
