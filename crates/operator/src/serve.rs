//! The HTTPS server of the operator: webhooks, health, version, and whatever else is merged into its router.

mod audit;
mod health;

use std::sync::Arc;
use std::time::Duration;

use apiserver::{ApiServer, Audit, Metrics, Settings, Webhooks};
use axum::routing::get;
use axum::{Json, Router};
use kube::Client;
use tokio_rustls::rustls;
use tokio_rustls::rustls::server::ResolvesServerCert;
use tokio_util::sync::CancellationToken;
use web::{Limits, ListenError, Listener, Server};

use crate::admission;
pub use apiserver::Limits as RequestLimits;
pub use audit::{AuditError, AuditSettings};
pub use health::{Check, Health};

/// How long requests under way have to finish: longer than the API server waits for a webhook.
pub const DRAIN: Duration = Duration::from_secs(15);

/// Why nothing can be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be listened at.
    #[error("{0} (--secure-port)")]
    Listen(#[from] ListenError),
    /// There is no TLS.
    #[error("cannot serve over TLS: {0}")]
    Tls(#[from] rustls::Error),
}

/// `/healthz`, `/livez`, `/readyz` and `/version`; others merge theirs into it.
pub fn router(health: &Health, version: &str) -> Router {
    let version = serde_json::json!({ "version": version });
    health.router().route("/version", get(async move || Json(version)))
}

/// What stands before all routes: who asks, may they, how many at once, what is counted.
#[must_use]
pub fn api_server(client: Client, limits: RequestLimits, audit: Audit, metrics: Metrics) -> ApiServer {
    let webhooks = Webhooks {
        prefix: admission::PREFIX.to_owned(),
        group: "admission.stash.appscode.com".to_owned(),
        version: "v1".to_owned(),
    };
    ApiServer::new(client, Settings { limits, audit, webhooks: Some(webhooks) }, metrics)
}

/// The server before it serves: limits and counts. Clients are asked for a certificate, which the API server's proxy for
/// users has, and its webhooks, the kubelet and Prometheus mostly have not.
///
/// # Errors
///
/// [`ServeError::Tls`].
pub fn server(certificates: Arc<dyn ResolvesServerCert>) -> Result<Server, ServeError> {
    Ok(Server::asking_for_certificates(limits(), certificates)?)
}

/// Listens at the port on all addresses (`--secure-port`, 8443 by default).
///
/// # Errors
///
/// [`ServeError::Listen`].
pub async fn listen(port: u16) -> Result<Listener, ServeError> {
    Ok(Listener::bind(&format!(":{port}")).await?)
}

/// Serves until `stop` is cancelled, and then lets requests under way finish, for [`DRAIN`] at most.
pub async fn serve(server: &Server, listener: Listener, app: Router, stop: &CancellationToken) {
    tracing::info!(address = listener.address(), "serving over TLS");
    let cut = server.serve(vec![listener], app, stop, DRAIN).await;
    if cut > 0 {
        tracing::warn!(connections = cut, "requests that took too long were cut off at the end");
    }
}

/// The API server, the kubelet and Prometheus are few, near and quick.
fn limits() -> Limits {
    const SHORT: Duration = Duration::from_secs(10);
    Limits { header_timeout: SHORT, body_timeout: SHORT, answer_timeout: SHORT, ..Limits::default() }
}
