//! As much of an API server as cleaning up needs: objects of every kind, versions, refusals, evictions; and a record of
//! what was asked.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::{Json, Router};
use http::{Method, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

pub(crate) struct FakeCluster {
    address: std::net::SocketAddr,
    content: Arc<Mutex<Content>>,
}

#[derive(Default)]
pub(crate) struct Content {
    /// By path, as `/apis/apps/v1/namespaces/shop/deployments/web`.
    pub(crate) objects: BTreeMap<String, Value>,
    /// Method and path of each request.
    pub(crate) asked: Vec<String>,
    /// Status that is answered to a request, and how often.
    pub(crate) refused: BTreeMap<String, (u16, usize)>,
    /// Lists of pods until the pods are gone.
    pub(crate) pods_go_after: Option<usize>,
    version: u64,
}

impl FakeCluster {
    pub(crate) async fn start() -> Self {
        let content: Arc<Mutex<Content>> = Arc::default();
        let app = Router::new().fallback(answer).with_state(Arc::clone(&content));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, content }
    }

    pub(crate) fn client(&self) -> kube::Client {
        let mut config = kube::Config::new(format!("http://{}", self.address).parse().unwrap());
        config.default_retry = false;
        kube::Client::try_from(config).unwrap()
    }

    pub(crate) fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap()
    }

    /// Puts an object in its place; `root` is `/apis/apps/v1`.
    pub(crate) fn add(&self, root: &str, plural: &str, object: Value) {
        let mut content = self.content();
        let name = object["metadata"]["name"].as_str().unwrap();
        let path = match object["metadata"]["namespace"].as_str() {
            Some(namespace) => format!("{root}/namespaces/{namespace}/{plural}/{name}"),
            None => format!("{root}/{plural}/{name}"),
        };
        content.store(path, object);
    }

    pub(crate) fn get(&self, path: &str) -> Option<Value> {
        self.content().objects.get(path).cloned()
    }

    /// Where the first request is that begins so.
    pub(crate) fn place(&self, beginning: &str) -> usize {
        let content = self.content();
        let place = content.asked.iter().position(|asked| asked.starts_with(beginning));
        place.unwrap_or_else(|| panic!("nobody asked `{beginning}`:\n{}", content.asked.join("\n")))
    }

    pub(crate) fn writes(&self) -> Vec<String> {
        let content = self.content();
        content.asked.iter().filter(|asked| !asked.starts_with("GET ")).cloned().collect()
    }
}

impl Content {
    fn store(&mut self, path: String, mut object: Value) -> Value {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.objects.insert(path, object.clone());
        object
    }

    fn list(&mut self, path: &str, query: &str) -> Response {
        let plural = path.rsplit('/').next().unwrap();
        if plural == "pods" && self.pods_go_after.take_if(|left| *left == 0).is_some() {
            self.objects.retain(|path, _| !path.contains("/pods/"));
        }
        self.pods_go_after = self.pods_go_after.map(|left| left - 1);
        // `/apis/apps/v1/deployments` is of all namespaces.
        let root = path.strip_suffix(plural).unwrap();
        let wanted: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes())
            .filter(|(key, _)| key == "labelSelector")
            .flat_map(|(_, value)| value.split(',').map(str::to_owned).collect::<Vec<_>>())
            .filter_map(|pair| pair.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned())))
            .collect();
        let items: Vec<Value> = self
            .objects
            .iter()
            .filter(|(path, _)| path.starts_with(root) && path.rsplit('/').nth(1) == Some(plural))
            .map(|(_, object)| object.clone())
            .filter(|object| wanted.iter().all(|(key, value)| object["metadata"]["labels"][key] == **value))
            .collect();
        Json(json!({
            "apiVersion": "v1", "kind": "List", "metadata": { "resourceVersion": "1" }, "items": items,
        }))
        .into_response()
    }

    fn write(&mut self, path: &str, change: &Value, is_whole: bool) -> Response {
        let Some(there) = self.objects.get(path) else { return refusal(404, "NotFound") };
        let version = &change["metadata"]["resourceVersion"];
        if !version.is_null() && *version != there["metadata"]["resourceVersion"] {
            return refusal(409, "Conflict");
        }
        let mut object = there.clone();
        if is_whole {
            object = change.clone();
        } else {
            json_patch::merge(&mut object, change);
        }
        Json(self.store(path.to_owned(), object)).into_response()
    }
}

async fn answer(State(content): State<Arc<Mutex<Content>>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body: Bytes = body.collect().await.unwrap().to_bytes();
    let (path, query) = (head.uri.path().to_owned(), head.uri.query().unwrap_or_default().to_owned());
    let asked = format!("{} {path}", head.method);
    let mut content = content.lock().unwrap();
    content.asked.push(asked.clone());
    if let Some((code, left)) = content.refused.get_mut(&asked).filter(|(_, left)| *left > 0) {
        *left -= 1;
        return refusal(*code, if *code == 409 { "Conflict" } else { "Forbidden" });
    }
    let change = || serde_json::from_slice::<Value>(&body).unwrap();
    match head.method {
        Method::GET => match content.objects.get(&path) {
            Some(object) => Json(object).into_response(),
            None if is_collection(&path) => content.list(&path, &query),
            None => refusal(404, "NotFound"),
        },
        Method::PATCH => content.write(&path, &change(), false),
        Method::PUT => content.write(&path, &change(), true),
        Method::POST => {
            let pod = path.strip_suffix("/eviction").unwrap();
            content.objects.remove(pod);
            Json(json!({ "apiVersion": "v1", "kind": "Status", "status": "Success" })).into_response()
        }
        Method::DELETE => match content.objects.remove(&path) {
            Some(object) => Json(object).into_response(),
            None => refusal(404, "NotFound"),
        },
        _ => refusal(405, "MethodNotAllowed"),
    }
}

/// Whether a path names no single object.
fn is_collection(path: &str) -> bool {
    let after_version =
        path.trim_start_matches('/').split('/').skip(if path.starts_with("/api/") { 2 } else { 3 });
    matches!(after_version.collect::<Vec<_>>().as_slice(), [_] | ["namespaces", _, _])
}

fn refusal(code: u16, reason: &str) -> Response {
    let status = json!({
        "apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure",
        "message": format!("refused: {reason}"), "reason": reason, "code": code,
    });
    (StatusCode::from_u16(code).unwrap(), Json(status)).into_response()
}
