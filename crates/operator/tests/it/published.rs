//! The authorities in the namespace of Prometheus: kept as they are, and never beside a private key.

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use operator::certificates::{CaBundle, Published};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::server::within;

/// As much of an API server as this Secret needs. `allowed` says whether the namespace is there.
struct There {
    secret: Mutex<Option<Value>>,
    log: watch::Sender<Vec<&'static str>>,
    allowed: Mutex<bool>,
}

impl There {
    async fn start(secret: Option<Value>, allowed: bool) -> (Arc<Self>, kube::Client) {
        let there = Arc::new(Self {
            secret: Mutex::new(secret),
            log: watch::channel(Vec::new()).0,
            allowed: Mutex::new(allowed),
        });
        let app = Router::new()
            .route(
                "/api/v1/namespaces/monitoring/secrets/stash-apiserver-cert",
                get(read).patch(apply).delete(delete),
            )
            .with_state(Arc::clone(&there));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = kube::Config::new(format!("http://{}", listener.local_addr().unwrap()).parse().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        (there, kube::Client::try_from(config).unwrap())
    }

    fn did(&self, what: &'static str) {
        self.log.send_modify(|log| log.push(what));
    }

    /// Waits until this was done so often.
    async fn has(&self, what: &'static str, times: usize) {
        let mut log = self.log.subscribe();
        let _ = within(log.wait_for(|log| log.iter().filter(|did| **did == what).count() >= times))
            .await
            .unwrap();
    }

    fn data(&self, key: &str) -> Option<String> {
        let secret = self.secret.lock().unwrap();
        let text = secret.as_ref()?["data"][key].as_str()?.to_owned();
        Some(String::from_utf8(STANDARD.decode(text).unwrap()).unwrap())
    }
}

async fn read(State(there): State<Arc<There>>) -> Response {
    there.did("get");
    match &*there.secret.lock().unwrap() {
        Some(secret) => Json(secret).into_response(),
        None => refused(404, "NotFound"),
    }
}

async fn apply(State(there): State<Arc<There>>, body: String) -> Response {
    if !*there.allowed.lock().unwrap() {
        there.did("refused");
        return refused(404, "NotFound");
    }
    let mut wanted: Value = serde_json::from_str(&body).unwrap();
    let mut secret = there.secret.lock().unwrap();
    if let Some(old) = secret.as_ref() {
        if old["type"] != wanted["type"] {
            return refused(422, "Invalid");
        }
        // Applying leaves the keys of others.
        for (key, value) in old["data"].as_object().into_iter().flatten() {
            if wanted["data"].get(key).is_none() {
                wanted["data"][key] = value.clone();
            }
        }
    }
    *secret = Some(wanted.clone());
    drop(secret);
    there.did("apply");
    Json(wanted).into_response()
}

async fn delete(State(there): State<Arc<There>>) -> Response {
    let gone = there.secret.lock().unwrap().take();
    there.did("delete");
    Json(gone).into_response()
}

fn refused(code: u16, reason: &str) -> Response {
    let status = json!({
        "apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure",
        "message": reason, "reason": reason, "code": code,
    });
    (StatusCode::from_u16(code).unwrap(), Json(status)).into_response()
}

fn publish(client: kube::Client, bundle: watch::Receiver<CaBundle>) {
    let published = Published::new(client, "monitoring", "stash-apiserver-cert");
    tokio::spawn(async move { published.run(bundle, &CancellationToken::new()).await });
}

fn old(secret_type: &str, key: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": secret_type,
        "metadata": { "name": "stash-apiserver-cert", "namespace": "monitoring", "uid": "1" },
        "data": { "tls.crt": STANDARD.encode("OLD"), key: STANDARD.encode("OLD KEY") },
    })
}

#[tokio::test]
async fn the_authorities_are_there_without_a_key_and_follow_a_change() {
    let (there, client) = There::start(None, true).await;
    let (bundle, seen) = watch::channel(CaBundle::new("FIRST".into()));
    publish(client, seen);
    there.has("apply", 1).await;
    for key in ["ca.crt", "tls.crt"] {
        assert_eq!(there.data(key).as_deref(), Some("FIRST"));
    }
    assert_eq!(there.data("tls.key"), None);
    assert_eq!(there.secret.lock().unwrap().as_ref().unwrap()["metadata"]["labels"]["app"], "stash");

    bundle.send_replace(CaBundle::new("SECOND".into()));
    there.has("apply", 2).await;
    assert_eq!(there.data("ca.crt").as_deref(), Some("SECOND"));

    // The same once more is looked at and not written.
    bundle.send_replace(CaBundle::new("SECOND".into()));
    there.has("get", 3).await;
    bundle.send_replace(CaBundle::new("THIRD".into()));
    there.has("apply", 3).await;
    assert_eq!(there.data("ca.crt").as_deref(), Some("THIRD"));
}

#[tokio::test]
async fn the_private_key_that_an_earlier_version_copied_goes() {
    for (secret_type, key) in [("kubernetes.io/tls", "tls.key"), ("Opaque", "tls.key")] {
        let (there, client) = There::start(Some(old(secret_type, key)), true).await;
        let (_bundle, seen) = watch::channel(CaBundle::new("NEW".into()));
        publish(client, seen);
        there.has("apply", 1).await;
        assert_eq!(there.data("tls.crt").as_deref(), Some("NEW"));
        assert_eq!(there.data("tls.key"), None, "{secret_type}");
    }
}

#[tokio::test]
async fn a_namespace_that_comes_later_is_waited_for() {
    let (there, client) = There::start(None, false).await;
    let (_bundle, seen) = watch::channel(CaBundle::new("NEW".into()));
    publish(client, seen);
    there.has("refused", 1).await;
    *there.allowed.lock().unwrap() = true;
    there.has("apply", 1).await;
    assert_eq!(there.data("ca.crt").as_deref(), Some("NEW"));
}
