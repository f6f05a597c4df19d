//! Uninstalling: what is taken out, what stays, in which order, and what a failure keeps.

use std::time::Duration;

use operator::uninstall::{Cleaned, UninstallError, clean_up, stop};
use serde_json::{Value, json};

use crate::fake_cluster::FakeCluster;

const APPS: &str = "/apis/apps/v1";
const BATCH: &str = "/apis/batch/v1";
const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";
const STASH: &str = "/apis/stash.appscode.com/v1alpha1";
const PATIENCE: Duration = Duration::from_secs(30);

/// A workload with a sidecar, and with these annotations besides.
fn injected(name: &str, replicas: i32, annotations: &Value) -> Value {
    let mut object = json!({
        "metadata": {
            "name": name, "namespace": "shop", "uid": name,
            "annotations": { "restic.appscode.com/last-applied-configuration": "{\"metadata\":{\"name\":\"nightly\"}}" },
        },
        "spec": {
            "replicas": replicas,
            "selector": { "matchLabels": { "of": name } },
            "template": {
                "metadata": { "labels": { "of": name }, "annotations": { "restic.appscode.com/resource-hash": "1" } },
                "spec": { "containers": [{ "name": "app" }, { "name": "stash" }] },
            },
        },
    });
    for (key, value) in annotations.as_object().unwrap() {
        object["metadata"]["annotations"][key] = value.clone();
    }
    object
}

fn labelled(namespace: &str, name: &str, labels: Value) -> Value {
    json!({ "metadata": { "name": name, "namespace": namespace, "labels": labels } })
}

/// A cluster with one workload of each sort, what was made for them, and what is none of ours.
async fn full() -> FakeCluster {
    let cluster = FakeCluster::start().await;
    let mark = json!({ "tick": "1", "phase": "ScalingDown", "since": "2026-01-01T00:00:00Z" }).to_string();
    let cycle = json!({ "old-replica": "3", "restic.appscode.com/offline-cycle": mark });
    cluster.add(APPS, "deployments", injected("offline", 0, &cycle));
    cluster.add(APPS, "statefulsets", injected("set", 2, &json!({})));
    cluster.add(APPS, "replicasets", injected("bare", 1, &json!({})));
    let mut by_hand = injected("by-hand", 1, &json!({}));
    by_hand["metadata"]["annotations"] = json!({});
    by_hand["spec"]["template"]["metadata"]["annotations"] = json!({});
    cluster.add(APPS, "deployments", by_hand);
    cluster.add(
        "/api/v1",
        "pods",
        json!({ "metadata": {
            "name": "bare-1", "namespace": "shop", "uid": "p1", "labels": { "of": "bare" },
            "annotations": { "restic.appscode.com/resource-hash": "1" },
            "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "bare", "uid": "bare" }],
        } }),
    );
    let ours = json!({ "app": "stash", "restic": "nightly" });
    let installed = json!({ "app": "stash" });
    for (root, plural) in [
        (BATCH, "cronjobs"),
        (BATCH, "jobs"),
        (RBAC, "roles"),
        (RBAC, "rolebindings"),
        ("/api/v1", "serviceaccounts"),
    ] {
        let mut made = labelled("shop", "made", ours.clone());
        let mut kept = labelled("stash", "stash-operator", installed.clone());
        if plural == "rolebindings" {
            for binding in [&mut made, &mut kept] {
                binding["roleRef"] =
                    json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "x" });
            }
        }
        cluster.add(root, plural, made);
        cluster.add(root, plural, kept);
    }
    let mut old = labelled("shop", "web-stash-sidecar", json!({}));
    old["roleRef"] =
        json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "stash-sidecar" });
    cluster.add(RBAC, "rolebindings", old);
    let mut repository = labelled("shop", "deployment.web", json!({}));
    repository["metadata"]["finalizers"] =
        json!(["of.somebody/else", "stash", "stash.appscode.com/repository"]);
    repository["spec"] = json!({ "wipeOut": true });
    cluster.add(STASH, "repositories", repository);
    cluster
}

fn of_shop(cluster: &FakeCluster, plural: &str, name: &str) -> Value {
    cluster.get(&format!("{APPS}/namespaces/shop/{plural}/{name}")).unwrap()
}

#[tokio::test]
async fn nothing_of_ours_is_left_and_everything_else_stays() {
    let cluster = full().await;
    let cleaned = clean_up(&cluster.client(), PATIENCE).await.unwrap();
    assert_eq!(cleaned, Cleaned { workloads: 3, pods: 1, objects: 6, repositories: 1 });
    for (plural, name, replicas) in
        [("deployments", "offline", 3), ("statefulsets", "set", 2), ("replicasets", "bare", 1)]
    {
        let workload = of_shop(&cluster, plural, name);
        assert_eq!(workload["spec"]["replicas"], replicas, "{name}");
        assert_eq!(workload["spec"]["template"]["spec"]["containers"], json!([{ "name": "app" }]), "{name}");
        assert_eq!(workload["metadata"].get("annotations"), None, "{workload}");
        assert_eq!(workload["spec"]["template"]["metadata"].get("annotations"), None, "{workload}");
    }
    // A sidecar that a user wrote is the user's.
    let by_hand = of_shop(&cluster, "deployments", "by-hand");
    assert_eq!(by_hand["spec"]["template"]["spec"]["containers"].as_array().unwrap().len(), 2);
    let left: Vec<String> = cluster.content().objects.keys().cloned().collect();
    for name in ["/made", "bare-1", "web-stash-sidecar"] {
        assert!(!left.iter().any(|path| path.ends_with(name)), "{name} is left: {left:?}");
    }
    assert_eq!(left.iter().filter(|path| path.ends_with("/stash-operator")).count(), 5, "what installs us");
    let repository = cluster.get(&format!("{STASH}/namespaces/shop/repositories/deployment.web")).unwrap();
    assert_eq!(repository["metadata"]["finalizers"], json!(["of.somebody/else"]));
}

#[tokio::test]
async fn cron_jobs_go_before_replicas_come_back_and_rights_after_sidecars_are_gone() {
    let cluster = full().await;
    clean_up(&cluster.client(), PATIENCE).await.unwrap();
    let order = [
        cluster.place(&format!("DELETE {BATCH}/namespaces/shop/cronjobs/made")),
        cluster.place(&format!("PATCH {APPS}/namespaces/shop/deployments/offline")),
        cluster.place(&format!("PUT {APPS}/namespaces/shop/deployments/offline")),
        cluster.place("POST /api/v1/namespaces/shop/pods/bare-1/eviction"),
        cluster.place(&format!("DELETE {RBAC}/namespaces/shop/rolebindings/made")),
        cluster.place(&format!("DELETE {RBAC}/namespaces/shop/roles/made")),
    ];
    assert!(order.is_sorted(), "{order:?}");
}

#[tokio::test]
async fn a_second_run_finds_nothing_to_do() {
    let cluster = full().await;
    clean_up(&cluster.client(), PATIENCE).await.unwrap();
    let before = cluster.writes().len();
    assert_eq!(clean_up(&cluster.client(), PATIENCE).await.unwrap(), Cleaned::default());
    assert_eq!(cluster.writes().len(), before);
}

#[tokio::test]
async fn a_workload_that_somebody_else_changes_is_read_and_written_again() {
    let cluster = full().await;
    let put = format!("PUT {APPS}/namespaces/shop/statefulsets/set");
    cluster.content().refused.insert(put, (409, 2));
    assert_eq!(clean_up(&cluster.client(), PATIENCE).await.unwrap().workloads, 3);
}

#[tokio::test]
async fn what_is_refused_is_named_and_keeps_nothing_else_from_being_done() {
    let cluster = full().await;
    let put = format!("PUT {APPS}/namespaces/shop/deployments/offline");
    let role = format!("DELETE {RBAC}/namespaces/shop/roles/made");
    cluster.content().refused.extend([(put, (403, 9)), (role, (403, 9))]);
    let error = clean_up(&cluster.client(), PATIENCE).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("Deployment shop/offline") && text.contains("Role shop/made"), "{text}");
    assert!(matches!(error, UninstallError::Partly(failures) if failures.len() == 2));
    assert_eq!(of_shop(&cluster, "statefulsets", "set")["metadata"].get("annotations"), None);
    assert_eq!(cluster.get("/api/v1/namespaces/shop/serviceaccounts/made"), None);
}

/// A cluster with an operator that has one pod.
async fn with_operator() -> FakeCluster {
    let cluster = FakeCluster::start().await;
    cluster.add(
        APPS,
        "deployments",
        json!({
            "metadata": { "name": "stash-operator", "namespace": "stash", "uid": "d" },
            "spec": { "replicas": 1, "selector": { "matchLabels": { "app": "stash" } }, "template": {} },
        }),
    );
    let pod = |name: &str, kind: &str, owner: &str| {
        json!({ "metadata": {
            "name": name, "namespace": "stash", "labels": { "app": "stash" },
            "ownerReferences": [{ "apiVersion": "apps/v1", "kind": kind, "name": owner, "uid": "r" }],
        } })
    };
    cluster.add("/api/v1", "pods", pod("operator", "ReplicaSet", "stash-operator-7d9"));
    let hooks = "/apis/admissionregistration.k8s.io/v1";
    for plural in ["mutatingwebhookconfigurations", "validatingwebhookconfigurations"] {
        cluster.add(hooks, plural, json!({ "metadata": { "name": "admission.stash.appscode.com" } }));
    }
    cluster.add(
        "/apis/apiregistration.k8s.io/v1",
        "apiservices",
        json!({ "metadata": { "name": "v1alpha1.repositories.stash.appscode.com" } }),
    );
    cluster
}

#[tokio::test]
async fn the_operator_is_gone_before_its_registrations_are() {
    let cluster = with_operator().await;
    cluster.content().pods_go_after = Some(2);
    stop(&cluster.client(), "stash", "stash-operator", PATIENCE).await.unwrap();
    let asked = cluster.content().asked.clone();
    let first = asked.iter().position(|asked| asked.starts_with("DELETE ")).unwrap();
    let lists = asked.iter().filter(|asked| asked.ends_with("/pods")).count();
    assert_eq!(lists, 3, "it was waited for");
    assert!(asked.iter().rposition(|asked| asked.ends_with("/pods")).unwrap() < first, "{asked:?}");
    let left: Vec<String> = cluster.content().objects.keys().cloned().collect();
    assert_eq!(left, [format!("{APPS}/namespaces/stash/deployments/stash-operator")]);
    let deployment = cluster.get(&left[0]).unwrap();
    assert_eq!(deployment["spec"]["replicas"], 0);
}

#[tokio::test]
async fn an_operator_whose_pods_stay_keeps_its_registrations() {
    let cluster = with_operator().await;
    let error = stop(&cluster.client(), "stash", "stash-operator", Duration::ZERO).await.unwrap_err();
    assert!(matches!(error, UninstallError::PodsStayed { .. }), "{error}");
    assert!(cluster.writes().iter().all(|asked| !asked.starts_with("DELETE ")));
}

#[tokio::test]
async fn without_an_operator_its_registrations_go_all_the_same() {
    let cluster = with_operator().await;
    cluster.content().objects.retain(|path, _| !path.contains("/namespaces/"));
    stop(&cluster.client(), "stash", "stash-operator", PATIENCE).await.unwrap();
    stop(&cluster.client(), "stash", "stash-operator", PATIENCE).await.unwrap();
    assert!(cluster.content().objects.is_empty());
}

/// Whether a rule of the ClusterRole that ships allows a request.
fn is_allowed(rules: &[Value], asked: &str) -> bool {
    let (method, path) = asked.split_once(' ').unwrap();
    let mut parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let group = if parts[0] == "api" { "" } else { parts[1] };
    parts.drain(..if parts[0] == "api" { 2 } else { 3 });
    if parts[0] == "namespaces" {
        parts.drain(..2);
    }
    let name = parts.get(1).copied();
    let resource = parts.get(2).map_or(parts[0].to_owned(), |below| format!("{}/{below}", parts[0]));
    let verb = match (method, name) {
        ("GET", None) => "list",
        ("GET", Some(_)) => "get",
        ("PUT", _) => "update",
        ("PATCH", _) => "patch",
        ("POST", _) => "create",
        ("DELETE", _) => "delete",
        other => panic!("{other:?}"),
    };
    let has = |list: &Value, wanted: &str| list.as_array().unwrap().iter().any(|entry| entry == wanted);
    rules.iter().any(|rule| {
        has(&rule["apiGroups"], group)
            && has(&rule["resources"], &resource)
            && has(&rule["verbs"], verb)
            && (rule["resourceNames"].is_null() || name.is_some_and(|name| has(&rule["resourceNames"], name)))
    })
}

#[tokio::test]
async fn the_rights_of_the_operator_are_enough() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/operator.yaml");
    let manifest: Vec<Value> = serde_saphyr::from_multiple(&std::fs::read_to_string(file).unwrap()).unwrap();
    let role = manifest
        .iter()
        .find(|object| object["kind"] == "ClusterRole" && object["metadata"]["name"] == "stash-operator")
        .unwrap();
    let rules = role["rules"].as_array().unwrap();
    let (full, operator) = (full().await, with_operator().await);
    clean_up(&full.client(), PATIENCE).await.unwrap();
    operator.content().pods_go_after = Some(0);
    stop(&operator.client(), "stash", "stash-operator", PATIENCE).await.unwrap();
    for cluster in [full, operator] {
        for asked in &cluster.content().asked {
            assert!(is_allowed(rules, asked), "the operator may not {asked}");
        }
    }
    assert!(!is_allowed(rules, "DELETE /apis/apps/v1/namespaces/shop/deployments/web"));
    assert!(!is_allowed(rules, "DELETE /apis/apiregistration.k8s.io/v1/apiservices/v1.other"));
}
