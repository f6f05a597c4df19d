//! Our image in standalone mode as a pod: the objects come from a ConfigMap and a Secret, everything it writes goes to
//! volumes, its root is read-only.

use anyhow::Result;
use e2e::pod::{restricted_container, restricted_pod};
use e2e::{Namespace, image};
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret};
use serde_json::json;

/// The password of the repositories of these tests.
pub(crate) const PASSWORD: &str = "correct-horse";

/// Where restic finds the repository below the mount of the claim `repository`, by the rules of standalone mode.
pub(crate) const REPOSITORY: &str = "/repository/host/pod/web";

pub(crate) const PORT: u16 = 56789;

/// The objects as files, and the claims `source` and `repository`.
pub(crate) async fn prepare(space: &Namespace, schedule: &str) -> Result<()> {
    let restic = json!({
        "apiVersion": "stash.appscode.com/v1alpha1",
        "kind": "Restic",
        "metadata": { "name": "web" },
        "spec": {
            "schedule": schedule,
            "fileGroups": [{ "path": "/source", "retentionPolicyName": "last" }],
            "retentionPolicies": [{ "name": "last", "keepLast": 3, "prune": true }],
            "backend": { "storageSecretName": "web", "local": { "hostPath": { "path": "/repository" } } },
        },
    });
    space
        .create::<ConfigMap>(json!({
            "metadata": { "name": "objects" },
            "data": { "restic.json": restic.to_string() },
        }))
        .await?;
    let secret = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": { "name": "web" },
        "stringData": { "RESTIC_PASSWORD": PASSWORD },
    });
    space
        .create::<Secret>(json!({
            "metadata": { "name": "objects" },
            "stringData": { "secret.json": secret.to_string() },
        }))
        .await?;
    space.volume("source").await?;
    space.volume("repository").await
}

/// Starts the pod; `arguments` go after the folder, `cpu` is how much of a processor it gets.
pub(crate) async fn start(space: &Namespace, name: &str, arguments: &[&str], cpu: &str) -> Result<Pod> {
    let address = format!("0.0.0.0:{PORT}");
    let fixed =
        ["standalone", "/objects", "--status-dir=/status", "--host-name=pod", "--listen-address", &address];
    let all = [&fixed[..], arguments].concat();
    let claim = |name: &str| json!({ "name": name, "persistentVolumeClaim": { "claimName": name } });
    space
        .create::<Pod>(json!({
            "metadata": {
                "name": name,
                "annotations": { "prometheus.io/scrape": "true", "prometheus.io/port": PORT.to_string() },
            },
            "spec": {
                "restartPolicy": "Never",
                "securityContext": restricted_pod(),
                "automountServiceAccountToken": false,
                "containers": [{
                    "name": "stash",
                    "image": image::STASH,
                    "imagePullPolicy": "IfNotPresent",
                    "args": all,
                    "ports": [{ "containerPort": PORT }],
                    "resources": { "limits": { "cpu": cpu, "memory": "512Mi" } },
                    "securityContext": restricted_container(),
                    "volumeMounts": [
                        { "name": "objects", "mountPath": "/objects", "readOnly": true },
                        { "name": "source", "mountPath": "/source", "readOnly": true },
                        { "name": "repository", "mountPath": "/repository" },
                        { "name": "status", "mountPath": "/status" },
                    ],
                }],
                "volumes": [
                    { "name": "objects", "projected": { "sources": [
                        { "configMap": { "name": "objects" } },
                        { "secret": { "name": "objects" } },
                    ] } },
                    claim("source"),
                    claim("repository"),
                    { "name": "status", "emptyDir": {} },
                ],
            },
        }))
        .await
}

/// Runs restic's own program on the repository and returns what it says.
pub(crate) async fn restic(space: &Namespace, name: &str, arguments: &[&str]) -> Result<String> {
    let command = [&["/usr/bin/restic", "--no-cache"], arguments].concat();
    let environment = [("RESTIC_PASSWORD", PASSWORD), ("RESTIC_REPOSITORY", REPOSITORY)];
    let claims = [("repository", "/repository")];
    let pod = e2e::pod::program(name, image::RESTIC, &command, &environment, &claims);
    space.create::<Pod>(pod).await?;
    space.pod_succeeded(name).await
}
