//! Random workloads of users, and random Restics that select them.

use domain::objects::restic::Restic;
use domain::objects::workload::WorkloadKind;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value, json};

const VOLUMES: [&str; 4] = ["data", "config", "cache", "logs"];

pub(super) fn kind() -> impl Strategy<Value = WorkloadKind> {
    select(&WorkloadKind::ALL[..5])
}

/// A workload named `web` with the label `app: web`, without anything of ours. Empty lists and maps are left out, as
/// the API server does.
pub(super) fn workload() -> impl Strategy<Value = Value> {
    let names = || btree_map("[a-z]{1,6}(\\.io/[a-z]{1,4})?", "[a-z {}:]{0,9}", 0..3);
    let volumes = subsequence(VOLUMES.to_vec(), 1..=4);
    (
        (names(), names(), option::of(Just(json!({"type": "OnDelete"})))),
        vec(container("app"), 1..4),
        vec(container("init"), 0..3),
        volumes,
        subsequence(vec!["own", "registry", "mirror"], 0..=3),
        option::of(select(vec![json!({}), json!({"runAsNonRoot": true}), json!({"runAsUser": 1000})])),
    )
        .prop_map(|((annotations, pod_annotations, strategy), containers, init, volumes, secrets, context)| {
            let mut pod = Map::new();
            let mut set = |field: &str, value: Value| {
                if value.as_array().is_none_or(|list| !list.is_empty()) {
                    pod.insert(field.to_owned(), value);
                }
            };
            set("initContainers", numbered(init));
            set("containers", numbered(containers));
            let volumes: Vec<Value> =
                volumes.iter().map(|name| json!({"name": name, "configMap": {"name": name}})).collect();
            set("volumes", json!(volumes));
            let secrets: Vec<Value> = secrets.iter().map(|name| json!({ "name": name })).collect();
            set("imagePullSecrets", json!(secrets));
            if let Some(context) = context {
                set("securityContext", context);
            }
            set("fieldOfNewerKubernetes", json!({"a": [1, null]}));
            let mut workload = json!({
                "metadata": {"name": "web", "namespace": "demo", "labels": {"app": "web"}},
                "spec": {"replicas": 3, "template": {"metadata": {"labels": {"app": "web"}}, "spec": pod}},
                "status": {"replicas": 3},
            });
            if !annotations.is_empty() {
                workload["metadata"]["annotations"] = json!(annotations);
            }
            if !pod_annotations.is_empty() {
                workload["spec"]["template"]["metadata"]["annotations"] = json!(pod_annotations);
            }
            if let Some(strategy) = strategy {
                workload["spec"]["updateStrategy"] = strategy;
            }
            workload
        })
}

fn container(name: &'static str) -> impl Strategy<Value = Value> {
    (option::of(select(vec![0, 999, 1000])), subsequence(VOLUMES.to_vec(), 0..=2)).prop_map(
        move |(user, mounts)| {
            let mounts: Vec<Value> = mounts
                .iter()
                .map(|volume| json!({"name": volume, "mountPath": format!("/{volume}")}))
                .collect();
            let mut container = json!({"name": name, "image": "app:1", "volumeMounts": mounts});
            if let Some(user) = user {
                container["securityContext"] = json!({ "runAsUser": user });
            }
            container
        },
    )
}

fn numbered(mut containers: Vec<Value>) -> Value {
    for (index, container) in containers.iter_mut().enumerate() {
        let name = format!("{}{index}", container["name"].as_str().unwrap());
        container["name"] = json!(name);
    }
    json!(containers)
}

/// A valid Restic that selects [`workload`] and mounts what each of them has.
pub(super) fn restic() -> impl Strategy<Value = Restic> {
    let backend = select(vec![
        json!({"storageSecretName": "one", "s3": {"endpoint": "s3.amazonaws.com", "bucket": "b"}}),
        json!({"storageSecretName": "two", "gcs": {"bucket": "b"}}),
        json!({"storageSecretName": "two", "local": {"mountPath": "/repo", "hostPath": {"path": "/repo"}}}),
        json!({"storageSecretName": "two", "local": {"mountPath": "/repo", "subPath": "a", "nfs":
            {"server": "s", "path": "/p", "readOnly": false}}}),
    ]);
    let resources = select(vec![
        json!({}),
        json!({"requests": {"cpu": "0.25", "memory": "1024Mi"}}),
        json!({"limits": {"cpu": "1000m"}}),
    ]);
    (
        select(vec!["first", "second"]),
        1..9_i64,
        select(vec!["online", "offline", ""]),
        any::<bool>(),
        backend,
        resources,
        subsequence(vec!["mirror", "registry", "third"], 0..=3).prop_shuffle(),
        option::of(select(vec![json!({}), json!({"runAsUser": 7})])),
        option::of(select(vec!["0.9.1", "latest"])),
    )
        .prop_map(
            |(name, generation, backup_type, paused, backend, resources, secrets, context, tag)| {
                let mut restic = json!({
                    "apiVersion": "stash.appscode.com/v1alpha1",
                    "kind": "Restic",
                    "metadata": {"name": name, "namespace": "demo", "generation": generation},
                    "spec": {
                        "selector": {"matchLabels": {"app": "web"}},
                        "type": backup_type,
                        "paused": paused,
                        "schedule": "@every 1h",
                        "fileGroups": [{"path": "/source"}],
                        "backend": backend,
                        "resources": resources,
                        "imagePullSecrets":
                            secrets.iter().map(|name| json!({ "name": name })).collect::<Vec<_>>(),
                    },
                });
                if let Some(context) = context {
                    restic["spec"]["securityContext"] = context;
                }
                if let Some(tag) = tag {
                    restic["metadata"]["annotations"] = json!({ "restic.appscode.com/tag": tag });
                }
                serde_json::from_value(restic).unwrap()
            },
        )
}
