//! The commands against as much of an API server as they need: what they write, what they leave, what they refuse.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::render::{by_command, by_key, file, owned, parsed, text};
use crate::kit::PROGRAM;

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/// Path → object.
type Objects = BTreeMap<String, Value>;

#[derive(Clone, Default)]
struct Cluster {
    objects: Arc<Mutex<Objects>>,
    minor: &'static str,
    /// Refuses every write, as to somebody who may not.
    refuses: bool,
}

impl Cluster {
    fn new() -> Self {
        Self { minor: "34+", ..Self::default() }
    }

    fn with(self, path: &str, object: Value) -> Self {
        self.objects.lock().unwrap().insert(path.to_owned(), object);
        self
    }

    fn objects(&self) -> Objects {
        self.objects.lock().unwrap().clone()
    }

    /// Serves it, and runs the program against it in this folder.
    async fn run(&self, folder: &Path, arguments: &[&str]) -> Output {
        let app = Router::new().fallback(answer).with_state(self.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move { axum::serve(listener, app).await });
        let mut command = Command::new(PROGRAM);
        command.args(arguments).arg(format!("--master=http://{address}")).current_dir(folder);
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        server.abort();
        output
    }

    async fn succeeds(&self, folder: &Path, arguments: &[&str]) -> String {
        let output = self.run(folder, arguments).await;
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stderr)
    }

    async fn fails(&self, arguments: &[&str]) -> String {
        let output = self.run(Path::new("."), arguments).await;
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stderr)
    }
}

async fn answer(State(cluster): State<Cluster>, method: Method, uri: Uri, body: Bytes) -> Response {
    let path = uri.path().to_owned();
    if path == "/version" {
        return Json(json!({
            "major": "1", "minor": cluster.minor, "gitVersion": "", "gitCommit": "", "gitTreeState": "",
            "buildDate": "", "goVersion": "", "compiler": "", "platform": "",
        }))
        .into_response();
    }
    let mut objects = cluster.objects.lock().unwrap();
    if method != Method::GET && cluster.refuses {
        return refusal(403, "Forbidden", "you may not write");
    }
    if method == Method::GET {
        return match objects.get(&path) {
            Some(object) => Json(object).into_response(),
            None => list(&objects, &path, uri.query().unwrap_or_default()),
        };
    }
    if method == Method::DELETE {
        return match objects.remove(&path) {
            Some(object) => Json(object).into_response(),
            None => refusal(404, "NotFound", "there is none"),
        };
    }
    let mut object: Value = serde_json::from_slice(&body).unwrap();
    let path = match method {
        Method::POST => format!("{path}/{}", object["metadata"]["name"].as_str().unwrap()),
        _ => path,
    };
    // A merge patch does not say what the object is.
    if object["kind"].is_null() {
        let Some(there) = objects.get(&path).cloned() else {
            return refusal(404, "NotFound", "there is none");
        };
        object = there;
    }
    if object["kind"] == "Deployment" {
        object["metadata"]["generation"] = json!(1);
        object["status"] =
            json!({ "observedGeneration": 1, "updatedReplicas": 1, "availableReplicas": 1, "replicas": 1 });
    }
    objects.insert(path, object.clone());
    Json(object).into_response()
}

/// Of one namespace or of all, of one name or of every name. A kind that is not defined has no list.
fn list(objects: &Objects, path: &str, query: &str) -> Response {
    let Some((root, plural)) = path.rsplit_once('/') else { return refusal(404, "NotFound", "no path") };
    let ours = root.contains("stash.appscode.com") || root.contains("monitoring.coreos.com");
    let group = root.split('/').nth(2).unwrap_or_default();
    let is_defined = !ours || objects.contains_key(&format!("{DEFINITIONS}/{plural}.{group}"));
    let is_collection =
        plural.ends_with('s') && !["/namespaces", "/clusterroles"].iter().any(|end| root.ends_with(end));
    if !is_defined || !is_collection || path.contains(DEFINITIONS) {
        return refusal(404, "NotFound", "there is none");
    }
    let name = query.split('&').find_map(|pair| pair.strip_prefix("fieldSelector=metadata.name%3D"));
    let items: Vec<&Value> = objects
        .iter()
        .filter(|(path, _)| path.starts_with(&format!("{root}/")) && path.rsplit('/').nth(1) == Some(plural))
        .filter(|(path, _)| name.is_none_or(|name| path.rsplit('/').next() == Some(name)))
        .map(|(_, object)| object)
        .collect();
    Json(json!({ "apiVersion": "v1", "kind": "List", "metadata": {}, "items": items })).into_response()
}

fn refusal(code: u16, reason: &str, message: &str) -> Response {
    let status = json!({
        "apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code,
    });
    (StatusCode::from_u16(code).unwrap(), Json(status)).into_response()
}

const MONITORED: [&str; 5] = [
    "--namespace=stash",
    "--monitoring-agent=prometheus.io/coreos-operator",
    "--monitoring-backup",
    "--monitoring-operator",
    "--prometheus-namespace=monitoring",
];

fn install<'a>(flags: &[&'a str]) -> Vec<&'a str> {
    [&["install"], flags].concat()
}

/// With the Prometheus operator's kind.
fn cluster_with_monitors() -> Cluster {
    let name = "servicemonitors.monitoring.coreos.com";
    Cluster::new().with(&format!("{DEFINITIONS}/{name}"), json!({ "metadata": { "name": name } }))
}

#[tokio::test(flavor = "multi_thread")]
async fn installing_writes_what_a_dry_run_prints_and_the_namespaces() {
    let cluster = cluster_with_monitors();
    let said = cluster.succeeds(Path::new("."), &install(&MONITORED)).await;
    let mut written = cluster.objects();
    for namespace in ["stash", "monitoring"] {
        assert!(written.remove(&format!("/api/v1/namespaces/{namespace}")).is_some(), "{namespace}");
    }
    written.retain(|path, _| !path.starts_with(DEFINITIONS));
    let written = written.into_values().map(|mut object| {
        object.as_object_mut().unwrap().shift_remove("status");
        object["metadata"].as_object_mut().unwrap().shift_remove("generation");
        object
    });
    assert_eq!(by_key(written.collect()), by_key(by_command(&owned(&MONITORED))));
    assert!(said.contains("Stash is installed"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_monitoring_no_longer_needs_goes_and_the_rest_stays() {
    let cluster = used().await;
    let there = |wanted: &[&str]| {
        let objects = cluster.objects();
        let of_monitoring = |path: &&String| {
            ["servicemonitors/", "/stash-operator-ca", "secrets/"].iter().any(|part| path.contains(part))
        };
        let found: Vec<String> = objects.keys().filter(of_monitoring).map(|path| place(path)).collect();
        assert_eq!(found, wanted);
    };
    let own = "stash secrets/stash-apiserver-cert";
    let monitored = |namespace: &str| {
        [
            "secrets/stash-apiserver-cert",
            "servicemonitors/stash-servicemonitor",
            "rolebindings/stash-operator-ca",
            "roles/stash-operator-ca",
        ]
        .map(|rest| format!("{namespace} {rest}"))
    };
    let all = monitored("monitoring");
    there(&[&all[0], own, &all[1], &all[2], &all[3]]);
    // The same again changes nothing.
    cluster.succeeds(Path::new("."), &install(&MONITORED)).await;
    there(&[&all[0], own, &all[1], &all[2], &all[3]]);
    let mut moved = MONITORED;
    moved[4] = "--prometheus-namespace=watch";
    cluster.succeeds(Path::new("."), &install(&moved)).await;
    let all = monitored("watch");
    there(&[own, &all[1], &all[2], &all[3]]);
    cluster.succeeds(Path::new("."), &install(&["--namespace=stash"])).await;
    there(&[own]);
}

/// Namespace, and kind and name, of a path.
fn place(path: &str) -> String {
    let (_, rest) = path.split_once("/namespaces/").unwrap();
    rest.replacen('/', " ", 1)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_installed_is_refused_before_anything_is_written() {
    let old = Cluster { minor: "28", ..Cluster::new() };
    assert!(old.fails(&["install"]).await.contains("1.29"));
    let without_monitors = Cluster::new();
    assert!(without_monitors.fails(&install(&MONITORED)).await.contains("Prometheus operator"));
    let forbidding = Cluster { refuses: true, ..Cluster::new() };
    let said = forbidding.fails(&["install"]).await;
    assert!(said.contains("Namespace kube-system") && said.contains("cluster administrator"), "{said}");
    for cluster in [old, without_monitors, forbidding] {
        assert!(cluster.objects().is_empty());
    }
}

/// What is there when Stash has been used.
async fn used() -> Cluster {
    let cluster = cluster_with_monitors();
    cluster.succeeds(Path::new("."), &install(&MONITORED)).await;
    let named = |name: &str, namespace: &str| json!({ "metadata": { "name": name, "namespace": namespace, "labels": { "app": "stash" } } });
    let mut cluster = cluster;
    for namespace in ["stash", "monitoring"] {
        let secret = "stash-apiserver-cert";
        let path = format!("/api/v1/namespaces/{namespace}/secrets/{secret}");
        cluster = cluster.with(&path, named(secret, namespace));
    }
    let hooks = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";
    let name = "admission.stash.appscode.com";
    cluster = cluster.with(&format!("{hooks}/{name}"), json!({ "metadata": { "name": name } }));
    for (plural, kind) in [("restics", "Restic"), ("repositories", "Repository"), ("recoveries", "Recovery")]
    {
        let name = format!("{plural}.stash.appscode.com");
        cluster = cluster.with(&format!("{DEFINITIONS}/{name}"), json!({ "metadata": { "name": name } }));
        let path = format!("/apis/stash.appscode.com/v1alpha1/namespaces/shop/{plural}/one");
        let mut object = named("one", "shop");
        object["apiVersion"] = json!("stash.appscode.com/v1alpha1");
        object["kind"] = json!(kind);
        cluster = cluster.with(&path, object);
    }
    cluster
}

#[tokio::test(flavor = "multi_thread")]
async fn uninstalling_leaves_what_users_wrote_and_nothing_that_was_installed() {
    let cluster = used().await;
    cluster.succeeds(Path::new("."), &["uninstall", "--namespace=stash"]).await;
    let left: Vec<String> = cluster.objects().into_keys().collect();
    let stays = |path: &String| {
        path.starts_with(DEFINITIONS)
            || path.starts_with("/api/v1/namespaces/stash") && path.matches('/').count() == 4
            || path.starts_with("/apis/stash.appscode.com/")
            || path.contains("clusterroles/appscode:stash:")
            || ["/api/v1/namespaces/monitoring"].contains(&path.as_str())
    };
    assert!(left.iter().all(stays), "{left:#?}");
    assert_eq!(left.iter().filter(|path| path.starts_with("/apis/stash.appscode.com/")).count(), 3);
    // Again: there is nothing to do, and that is no failure.
    cluster.succeeds(Path::new("."), &["uninstall", "--namespace=stash"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn purging_writes_objects_to_files_and_deletes_them_with_their_definitions() {
    let folder = tempfile::tempdir().unwrap();
    let cluster = used().await;
    cluster.succeeds(folder.path(), &["uninstall", "--namespace=stash", "--purge"]).await;
    let left: Vec<String> = cluster.objects().into_keys().collect();
    assert!(
        !left.iter().any(|path| path.contains("stash.appscode.com") || path.contains("appscode:")),
        "{left:#?}"
    );
    for (plural, kind) in [("restics", "Restic"), ("repositories", "Repository"), ("recoveries", "Recovery")]
    {
        let written = std::fs::read_to_string(folder.path().join(format!("{plural}.yaml"))).unwrap();
        let written = &parsed(&written)[0]["items"];
        assert_eq!((&written[0]["kind"], &written[0]["metadata"]["name"]), (&json!(kind), &json!("one")));
    }

    let cluster = used().await;
    let before = cluster.objects();
    let again = cluster.run(folder.path(), &["uninstall", "--namespace=stash", "--purge"]).await;
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).contains("move it away"), "{}", text(&again.stderr));
    assert_eq!(cluster.objects(), before, "nothing is changed when a file would be written over");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_helm_installed_is_left_to_helm_but_for_its_own_jobs() {
    let cluster = used().await;
    let path = "/apis/apps/v1/namespaces/stash/deployments/stash-operator";
    let mut deployment = cluster.objects()[path].clone();
    deployment["metadata"]["labels"]["heritage"] = json!("Helm");
    let cluster = cluster.with(path, deployment);
    let before = cluster.objects();
    for command in ["install", "uninstall"] {
        assert!(cluster.fails(&[command, "--namespace=stash"]).await.contains("Helm installed"));
    }
    assert_eq!(cluster.objects(), before);
    // The Job of the chart stops the operator and takes its registrations away, and nothing else.
    cluster.succeeds(Path::new("."), &["uninstall", "--namespace=stash", "--only=stop"]).await;
    let gone: Vec<&String> = before.keys().filter(|path| !cluster.objects().contains_key(*path)).collect();
    assert_eq!(gone.len(), 1, "{gone:?}");
    assert!(gone[0].ends_with("/admission.stash.appscode.com"), "{gone:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn stash_in_another_namespace_is_named_and_left_alone() {
    let cluster = used().await;
    let before = cluster.objects();
    for command in ["install", "uninstall"] {
        let said = cluster.fails(&[command]).await;
        assert!(said.contains("--namespace=stash"), "{said}");
    }
    assert_eq!(cluster.objects(), before);
}

/// A guide is right when what it says can be done.
#[tokio::test(flavor = "multi_thread")]
async fn every_call_of_the_program_in_the_guide_works() {
    let guide = std::fs::read_to_string(file("docs/guides/install.md")).unwrap();
    let calls: Vec<&str> = guide.lines().filter_map(|line| line.strip_prefix("    stash ")).collect();
    assert!(calls.len() >= 5, "{calls:?}");
    for call in calls {
        let folder = tempfile::tempdir().unwrap();
        let arguments: Vec<&str> = call.split_whitespace().collect();
        used().await.succeeds(folder.path(), &arguments).await;
    }
}
