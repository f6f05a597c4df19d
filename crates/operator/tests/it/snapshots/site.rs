//! A served API of Snapshots, and as much of a cluster as a deletion needs: Repositories, and Jobs to be made.

use std::sync::{Arc, Mutex};

use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use domain::catalogue::{Catalogue, Record, config_map};
use domain::objects::repository::Repository;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use operator::snapshots::{Index, Kept, Snapshots, router};
use serde_json::{Value, json};

use crate::server::{Connection, Running, injected, within};

pub(crate) const ROOT: &str = "/apis/repositories.stash.appscode.com/v1alpha1";

/// What the cluster holds.
#[derive(Default)]
pub(crate) struct Cluster {
    pub(crate) repositories: Vec<Repository>,
    pub(crate) jobs: Vec<Job>,
    /// What is answered to whoever makes a Job.
    pub(crate) refuses: Option<Value>,
}

pub(crate) struct Site {
    pub(crate) running: Running,
    pub(crate) index: Arc<Index>,
    pub(crate) cluster: Arc<Mutex<Cluster>>,
}

/// One answer.
pub(crate) struct Answer {
    pub(crate) code: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) json: Value,
}

impl Answer {
    /// The names of a list.
    pub(crate) fn names(&self) -> Vec<String> {
        assert_eq!(self.code, 200, "{}", self.json);
        let name = |item: &Value| item["metadata"]["name"].as_str().unwrap().to_owned();
        self.json["items"].as_array().unwrap().iter().map(name).collect()
    }

    pub(crate) fn refused(&self) -> (u16, &str) {
        assert_eq!(self.json["kind"], "Status", "{}", self.json);
        assert_eq!(self.json["code"], self.code.as_u16());
        (self.code.as_u16(), self.json["reason"].as_str().unwrap())
    }

    pub(crate) fn warnings(&self) -> Vec<&str> {
        self.headers.get_all("warning").iter().map(|value| value.to_str().unwrap()).collect()
    }
}

impl Site {
    /// With two Repositories of namespace `demo` and one of `shop`, two snapshots each.
    pub(crate) async fn start() -> Self {
        let site = Self::empty().await;
        for (namespace, name, app) in [
            ("demo", "deployment.db", "db"),
            ("demo", "deployment.web", "web"),
            ("shop", "deployment.web", "web"),
        ] {
            let repository = repository(namespace, name, app);
            site.add(&repository, &catalogue(&repository, 2));
        }
        site.index.is_filled();
        site
    }

    pub(crate) async fn empty() -> Self {
        let cluster = Arc::new(Mutex::new(Cluster::default()));
        let client = client(&cluster).await;
        let index = Arc::new(Index::new(Timestamp::now()));
        let running = Running::start_with(None, |stop| {
            router(Snapshots {
                index: Arc::clone(&index),
                client,
                settings: Arc::new(injected()),
                stop: stop.clone(),
            })
        })
        .await;
        Self { running, index, cluster }
    }

    pub(crate) fn add(&self, repository: &Repository, list: &Catalogue) {
        self.cluster.lock().unwrap().repositories.push(repository.clone());
        self.index.saw_repository(None, Some(repository));
        self.list(repository, list);
    }

    /// What whoever works in a repository leaves.
    pub(crate) fn list(&self, repository: &Repository, list: &Catalogue) {
        self.index.saw_catalogue(None, Some(&Kept::from(config_map(repository, list).unwrap())));
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], "").await
    }

    pub(crate) async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&'static str, &str)],
        body: &str,
    ) -> Answer {
        let bundle = self.running.bundle.borrow().clone();
        let mut connection = self.running.connect(&bundle).await.unwrap();
        let answer = connection.begin(request(method, path, headers, body)).await;
        let (head, body) = answer.into_parts();
        let body = within(body.collect()).await.unwrap().to_bytes();
        let json = serde_json::from_slice(&body).unwrap_or_else(|_| json!(String::from_utf8_lossy(&body)));
        Answer { code: head.status, headers: head.headers, json }
    }

    /// Begins a watch, which is read line by line.
    pub(crate) async fn watch(&self, path: &str, headers: &[(&'static str, &str)]) -> Lines {
        let bundle = self.running.bundle.borrow().clone();
        let mut connection = self.running.connect(&bundle).await.unwrap();
        let answer = connection.begin(request("GET", path, headers, "")).await;
        assert_eq!(answer.status(), 200);
        Lines { body: answer.into_body(), read: Vec::new(), _connection: connection }
    }
}

fn request(
    method: &str,
    path: &str,
    headers: &[(&'static str, &str)],
    body: &str,
) -> Request<http_body_util::Full<axum::body::Bytes>> {
    let mut request = Request::builder().method(method).uri(path).header("host", "test");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(http_body_util::Full::new(body.to_owned().into())).unwrap()
}

pub(crate) struct Lines {
    body: hyper::body::Incoming,
    read: Vec<u8>,
    _connection: Connection,
}

impl Lines {
    /// The next event; none at the end.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.read.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).unwrap());
            }
            let frame = within(self.body.frame()).await?.unwrap();
            self.read.extend_from_slice(&frame.into_data().unwrap());
        }
    }

    /// The next events, as what happened to whom.
    pub(crate) async fn told(&mut self, count: usize) -> Vec<(String, String)> {
        let mut told = Vec::new();
        for _ in 0..count {
            let event = self.next().await.unwrap();
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            told.push((text(&event["type"]), text(&event["object"]["metadata"]["name"])));
        }
        told
    }
}

pub(crate) fn repository(namespace: &str, name: &str, app: &str) -> Repository {
    serde_json::from_value(json!({
        "apiVersion": "stash.appscode.com/v1alpha1", "kind": "Repository",
        "metadata": {
            "name": name, "namespace": namespace, "uid": "1",
            "labels": {
                "restic": "nightly", "workload-kind": "Deployment",
                "workload-name": name.split_once('.').unwrap().1, "app": app,
            },
        },
        "spec": {"backend": {"storageSecretName": "s", "s3": {"bucket": "b"}}},
    }))
    .unwrap()
}

/// The id of a snapshot; no two begin alike.
pub(crate) fn id(repository: &Repository, number: usize) -> String {
    let metadata = &repository.metadata;
    let text = format!("{:?}{:?}{number}", metadata.namespace, metadata.name);
    // FNV-1a.
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}").repeat(4)
}

pub(crate) fn catalogue(repository: &Repository, count: usize) -> Catalogue {
    let record = |number: usize| Record {
        id: id(repository, number),
        time: Timestamp::from_second(1_700_000_000 + i64::try_from(number).unwrap() * 3600).unwrap(),
        tree: "f".repeat(64),
        paths: vec!["/data".into(), "/logs".into()],
        hostname: "host-0".into(),
        username: "root".into(),
        uid: 0,
        gid: 7,
        tags: if number == 0 { vec!["t1".into(), "t2".into()] } else { Vec::new() },
        size: (number == 0).then_some(1536),
    };
    Catalogue { listed: Timestamp::UNIX_EPOCH, left_out: 0, records: (0..count).map(record).collect() }
}

type Shared = State<Arc<Mutex<Cluster>>>;

async fn client(cluster: &Arc<Mutex<Cluster>>) -> kube::Client {
    let stash = "/apis/stash.appscode.com/v1alpha1/namespaces/{namespace}";
    let app = Router::new()
        .route(&format!("{stash}/repositories/{{name}}"), get(read))
        .route("/apis/batch/v1/namespaces/{namespace}/jobs", post(make))
        .fallback(async || refused(404, "NotFound", "there is no such thing"))
        .with_state(Arc::clone(cluster));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    kube::Client::try_from(kube::Config::new(format!("http://{address}").parse().unwrap())).unwrap()
}

async fn read(State(cluster): Shared, Path((namespace, name)): Path<(String, String)>) -> Response {
    let cluster = cluster.lock().unwrap();
    let found = cluster.repositories.iter().find(|known| {
        known.metadata.namespace.as_ref() == Some(&namespace) && known.metadata.name.as_ref() == Some(&name)
    });
    found.map_or_else(|| refused(404, "NotFound", "not found"), |known| Json(known).into_response())
}

async fn make(State(cluster): Shared, RawQuery(query): RawQuery, Json(mut job): Json<Job>) -> Response {
    let mut cluster = cluster.lock().unwrap();
    if let Some(refusal) = &cluster.refuses {
        let code = u16::try_from(refusal["code"].as_u64().unwrap()).unwrap();
        return (StatusCode::from_u16(code).unwrap(), Json(refusal)).into_response();
    }
    let prefix = job.metadata.generate_name.clone().unwrap();
    job.metadata.name = Some(format!("{prefix}{:05}", cluster.jobs.len()));
    job.metadata.creation_timestamp = Some(Time("2026-05-01T00:00:00Z".parse().unwrap()));
    if !query.unwrap_or_default().contains("dryRun=All") {
        cluster.jobs.push(job.clone());
    }
    Json(job).into_response()
}

pub(crate) fn refusal(code: u16, reason: &str, message: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code,
    })
}

fn refused(code: u16, reason: &str, message: &str) -> Response {
    (StatusCode::from_u16(code).unwrap(), Json(refusal(code, reason, message))).into_response()
}
