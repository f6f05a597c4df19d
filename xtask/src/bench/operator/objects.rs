//! What the operator is given: namespaces, in each a Restic with its Secret, and the workloads that it selects.

use serde_json::{Value, json};

/// What all of it is labelled with, where the API server counts and deletes.
pub(super) const LABEL: &str = "stash-bench=true";

const KINDS: [(&str, &str); 5] = [
    ("apps/v1", "Deployment"),
    ("apps/v1", "ReplicaSet"),
    ("v1", "ReplicationController"),
    ("apps/v1", "StatefulSet"),
    ("apps/v1", "DaemonSet"),
];

/// All of it as one list.
pub(super) fn all(prefix: &str, namespaces: usize, workloads: usize) -> String {
    let items: Vec<Value> = (0..namespaces)
        .flat_map(|number| {
            let namespace = format!("{prefix}-{number}");
            let whole = json!({ "apiVersion": "v1", "kind": "Namespace",
                "metadata": { "name": namespace, "labels": { "stash-bench": "true" } } });
            let secret = json!({ "apiVersion": "v1", "kind": "Secret",
                "metadata": { "name": "storage", "namespace": namespace },
                "stringData": { "RESTIC_PASSWORD": "bench" } });
            let own = (0..workloads).map({
                let namespace = namespace.clone();
                move |number| workload(&namespace, number)
            });
            [whole, secret, restic(&namespace)].into_iter().chain(own).collect::<Vec<_>>()
        })
        .collect();
    json!({ "apiVersion": "v1", "kind": "List", "items": items }).to_string()
}

fn restic(namespace: &str) -> Value {
    json!({
        "apiVersion": "stash.appscode.com/v1alpha1",
        "kind": "Restic",
        "metadata": { "name": "all", "namespace": namespace },
        "spec": {
            "selector": { "matchLabels": { "stash-bench": "true" } },
            "schedule": "@daily",
            "fileGroups": [{ "path": "/data", "retentionPolicyName": "last" }],
            "retentionPolicies": [{ "name": "last", "keepLast": 5, "prune": true }],
            "volumeMounts": [{ "name": "data", "mountPath": "/data" }],
            "backend": { "storageSecretName": "storage",
                "local": { "mountPath": "/repository", "persistentVolumeClaim": { "claimName": "repository" } } },
        },
    })
}

/// One without pods: no replicas, or no node to be on.
fn workload(namespace: &str, number: usize) -> Value {
    let (version, kind) = KINDS[number % KINDS.len()];
    let name = format!("{}-{number}", kind.to_lowercase());
    let labels = json!({ "stash-bench": "true", "name": name });
    let selector = json!({ "name": name });
    let is_plain = kind == "ReplicationController";
    let mut spec = json!({
        "selector": if is_plain { selector } else { json!({ "matchLabels": selector }) },
        "template": { "metadata": { "labels": { "name": name } }, "spec": {
            "nodeSelector": { "stash-bench": "no-node" },
            "containers": [{ "name": "app", "image": "stash.test/busybox:1",
                "volumeMounts": [{ "name": "data", "mountPath": "/data" }] }],
            "volumes": [{ "name": "data", "persistentVolumeClaim": { "claimName": "data" } }],
        } },
    });
    if kind != "DaemonSet" {
        spec["replicas"] = 0.into();
    }
    if kind == "StatefulSet" {
        spec["serviceName"] = "none".into();
    }
    json!({ "apiVersion": version, "kind": kind,
        "metadata": { "name": name, "namespace": namespace, "labels": labels }, "spec": spec })
}
