//! As much of an API server as one Secret needs: versions, refusals of writes that come too late, and a watch.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use futures_util::StreamExt as _;
use http::StatusCode;
use k8s_openapi::api::core::v1::Secret;
use operator::certificates::Content;
use serde_json::{Value, json};
use tokio::sync::watch;

pub(crate) struct ApiServer {
    address: std::net::SocketAddr,
    stored: Arc<Stored>,
}

struct Stored {
    secret: Mutex<(u64, Option<Secret>)>,
    changed: watch::Sender<u64>,
}

impl ApiServer {
    pub(crate) async fn start() -> Self {
        let stored = Arc::new(Stored { secret: Mutex::default(), changed: watch::channel(0).0 });
        let app = Router::new()
            .route("/api/v1/namespaces/stash/secrets", get(list).post(create))
            .route("/api/v1/namespaces/stash/secrets/stash-apiserver-cert", get(read).put(replace))
            .with_state(Arc::clone(&stored));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, stored }
    }

    pub(crate) fn client(&self) -> kube::Client {
        let config = kube::Config::new(format!("http://{}", self.address).parse().unwrap());
        kube::Client::try_from(config).unwrap()
    }

    /// How often the Secret was written.
    pub(crate) fn writes(&self) -> u64 {
        self.stored.secret.lock().unwrap().0
    }

    pub(crate) fn secret(&self, key: &str) -> String {
        let stored = self.stored.secret.lock().unwrap();
        String::from_utf8(stored.1.as_ref().unwrap().data.as_ref().unwrap()[key].0.clone()).unwrap()
    }

    /// Writes the Secret as somebody else would, whatever was there.
    pub(crate) fn put(&self, content: &Content) {
        let mut data = BTreeMap::new();
        content.write(&mut data);
        let mut secret = Secret { data: Some(data), ..Secret::default() };
        secret.metadata.name = Some("stash-apiserver-cert".into());
        secret.metadata.namespace = Some("stash".into());
        self.stored.write(secret);
    }
}

impl Stored {
    fn write(&self, secret: Secret) -> Response {
        let mut stored = self.secret.lock().unwrap();
        store(&self.changed, &mut stored, secret)
    }
}

fn store(changed: &watch::Sender<u64>, stored: &mut (u64, Option<Secret>), mut secret: Secret) -> Response {
    stored.0 += 1;
    secret.metadata.resource_version = Some(stored.0.to_string());
    stored.1 = Some(secret.clone());
    changed.send_replace(stored.0);
    Json(secret).into_response()
}

async fn read(State(stored): State<Arc<Stored>>) -> Response {
    match &stored.secret.lock().unwrap().1 {
        Some(secret) => Json(secret).into_response(),
        None => refused(404, "NotFound"),
    }
}

async fn create(State(stored): State<Arc<Stored>>, Json(secret): Json<Secret>) -> Response {
    let mut there = stored.secret.lock().unwrap();
    if there.1.is_some() {
        return refused(409, "AlreadyExists");
    }
    store(&stored.changed, &mut there, secret)
}

async fn replace(State(stored): State<Arc<Stored>>, Json(secret): Json<Secret>) -> Response {
    let mut there = stored.secret.lock().unwrap();
    let version = there.1.as_ref().and_then(|there| there.metadata.resource_version.clone());
    if version.is_none() || version != secret.metadata.resource_version {
        return refused(409, "Conflict");
    }
    store(&stored.changed, &mut there, secret)
}

async fn list(State(stored): State<Arc<Stored>>, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let value = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    if value("watch").is_none() {
        let there = stored.secret.lock().unwrap();
        let items: Vec<Value> = there.1.iter().map(|secret| json!(secret)).collect();
        return Json(json!({
            "apiVersion": "v1",
            "kind": "SecretList",
            "metadata": {"resourceVersion": there.0.to_string()},
            "items": items,
        }))
        .into_response();
    }
    let begin: u64 = value("resourceVersion").unwrap().parse().unwrap();
    let changes = futures_util::stream::unfold((stored.changed.subscribe(), begin, stored), async |state| {
        let (mut changed, seen, stored) = state;
        let version = *changed.wait_for(|version| *version > seen).await.ok()?;
        let secret = stored.secret.lock().unwrap().1.clone();
        let line = format!("{}\n", json!({"type": "MODIFIED", "object": secret}));
        Some((Ok::<_, std::io::Error>(line), (changed, version, stored)))
    });
    Body::from_stream(changes.boxed()).into_response()
}

fn refused(code: u16, reason: &str) -> Response {
    let status = json!({
        "apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure",
        "message": reason, "reason": reason, "code": code,
    });
    (StatusCode::from_u16(code).unwrap(), Json(status)).into_response()
}
