//! Applications with data, and what backs them up and brings them back: the objects that a user of Stash writes.
//!
//! Namespaces of tests have the *restricted* standard, so a Recovery says whom it restores as: the user that all pods of
//! the tests are.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::image;
use crate::namespace::Namespace;
use crate::object::named;
use crate::pod::{restricted_container, restricted_pod};
use crate::tree;
use crate::wait;

/// The five kinds, by their names.
pub const KINDS: [&str; 5] =
    ["Deployment", "ReplicaSet", "ReplicationController", "StatefulSet", "DaemonSet"];

/// The claim with the application's data.
pub const DATA: &str = "data";
/// The claim with the repositories.
pub const REPOSITORY: &str = "repository";
/// The storage Secret.
pub const SECRET: &str = "storage";
/// Its password.
pub const PASSWORD: &str = "correct-horse-battery";
/// Where the repositories are mounted.
const MOUNT: &str = "/repository";
/// The container of Stash.
pub const CONTAINER: &str = "stash";

/// An application that mounts the claim `data` and does nothing with it. Labels of the workload are `app: <name>`.
pub fn workload(kind: &str, name: &str, replicas: i32) -> Value {
    let labels = json!({ "app": name });
    // A Deployment adopts every ReplicaSet that its selector matches.
    let pods = json!({ "app": name, "of": kind });
    let selector =
        if kind == "ReplicationController" { pods.clone() } else { json!({ "matchLabels": pods }) };
    let mut spec = json!({
        "selector": selector,
        "template": { "metadata": { "labels": pods }, "spec": {
            "terminationGracePeriodSeconds": 1,
            "securityContext": restricted_pod(),
            "containers": [{
                "name": "app",
                "image": image::SHELL,
                "imagePullPolicy": "IfNotPresent",
                "command": ["/bin/sh", "-c", "trap exit TERM; while :; do sleep 0.5; done"],
                "securityContext": restricted_container(),
                "volumeMounts": [{ "name": "data", "mountPath": tree::MOUNT }],
            }],
            "volumes": [{ "name": "data", "persistentVolumeClaim": { "claimName": DATA } }],
        } },
    });
    if kind != "DaemonSet" {
        spec["replicas"] = replicas.into();
    }
    if kind == "StatefulSet" {
        spec["serviceName"] = name.into();
    }
    json!({ "kind": kind, "metadata": { "name": name, "labels": labels }, "spec": spec })
}

/// A Restic that backs up the files of [`tree`] of the workloads with the label `app: <app>`, into the claim
/// `repository`, and keeps the last hundred snapshots.
pub fn restic(name: &str, app: &str, backup_type: &str, schedule: &str) -> Value {
    json!({
        "kind": "Restic",
        "metadata": { "name": name },
        "spec": {
            "selector": { "matchLabels": { "app": app } },
            "type": backup_type,
            "schedule": schedule,
            "fileGroups": [{ "path": tree::PATH, "retentionPolicyName": "last" }],
            "retentionPolicies": [{ "name": "last", "keepLast": 100, "prune": true }],
            "volumeMounts": [{ "name": "data", "mountPath": tree::MOUNT }],
            "backend": {
                "storageSecretName": SECRET,
                "local": { "mountPath": MOUNT, "persistentVolumeClaim": { "claimName": REPOSITORY } },
            },
        },
    })
}

/// A Recovery of the newest snapshot into the claim `data`.
pub fn recovery(name: &str, space: &Namespace, repository: &str) -> Value {
    json!({
        "kind": "Recovery",
        "metadata": { "name": name },
        "spec": {
            "repository": { "name": repository, "namespace": space.name },
            "paths": [tree::PATH],
            "recoveredVolumes": [{ "mountPath": tree::MOUNT, "persistentVolumeClaim": { "claimName": DATA } }],
            "securityContext": restricted(),
        },
    })
}

/// The user of all pods of the tests, for a container that a namespace of tests lets in.
pub fn restricted() -> Value {
    let (mut context, pod) = (restricted_container(), restricted_pod());
    for field in ["runAsNonRoot", "runAsUser", "runAsGroup", "seccompProfile"] {
        context[field] = pod[field].clone();
    }
    context
}

/// Name of the Repository of a workload, its first pod's when it has several.
pub fn repository(kind: &str, name: &str, node: &str) -> String {
    let lower = kind.to_lowercase();
    match kind {
        "StatefulSet" => format!("{lower}.{name}-0"),
        "DaemonSet" => format!("{lower}.{name}.{node}"),
        _ => format!("{lower}.{name}"),
    }
}

/// The container of Stash in a workload, and whether it is an init container.
pub fn injected(workload: &Value) -> Option<(&Value, bool)> {
    let spec = &workload["spec"]["template"]["spec"];
    let side = named(&spec["containers"], CONTAINER).map(|container| (container, false));
    side.or_else(|| named(&spec["initContainers"], CONTAINER).map(|container| (container, true)))
}

impl Namespace {
    /// The claims `data`, filled, and `repository`, and the Secret. Returns what the data is.
    pub async fn prepare(&self) -> Result<String> {
        self.volume(DATA).await?;
        self.volume(REPOSITORY).await?;
        self.storage_secret().await?;
        self.fill_tree(DATA, 1).await
    }

    /// The storage Secret.
    pub async fn storage_secret(&self) -> Result<()> {
        let secret = json!({
            "kind": "Secret",
            "metadata": { "name": SECRET },
            "stringData": { "RESTIC_PASSWORD": PASSWORD },
        });
        self.put(secret).await.map(drop)
    }

    /// The one node's name.
    pub async fn node(&self) -> Result<String> {
        use k8s_openapi::api::core::v1::Node;
        let nodes: kube::Api<Node> = kube::Api::all(self.cluster.client.clone());
        let list = nodes.list(&Default::default()).await.context("listing nodes")?;
        let name = list.items.into_iter().find_map(|node| node.metadata.name);
        name.context("the cluster has no node")
    }

    /// Makes a Restic and waits until the operator knows it: the webhook goes by what it knows.
    pub async fn put_restic(&self, restic: Value) -> Result<()> {
        let made = self.put(restic).await?;
        let name = made["metadata"]["name"].as_str().unwrap_or_default();
        let is_known = |restic: &Value| restic["status"]["observedGeneration"].is_number();
        self.until("Restic", name, "is known to the operator", is_known).await.map(drop)
    }

    /// Waits until a workload has the container of Stash, as an init container or not, and returns the workload.
    pub async fn is_injected(&self, kind: &str, name: &str, init: bool) -> Result<Value> {
        let is_so = |workload: &Value| injected(workload).is_some_and(|(_, is_init)| is_init == init);
        self.until(kind, name, "has the container of Stash", is_so).await
    }

    /// Waits until it has none.
    pub async fn is_clean(&self, kind: &str, name: &str) -> Result<Value> {
        let is_so = |workload: &Value| {
            let template = workload["spec"]["template"].to_string();
            let ours = workload["metadata"]["annotations"].to_string() + &template;
            injected(workload).is_none()
                && !ours.contains("restic.appscode.com")
                && !template.contains("stash-")
        };
        self.until(kind, name, "has nothing of Stash", is_so).await
    }

    /// Waits until a Repository has so many good backups, and returns it.
    pub async fn backed_up(&self, repository: &str, count: i64) -> Result<Value> {
        let is_so = |object: &Value| object["status"]["backupCount"].as_i64() >= Some(count);
        self.until("Repository", repository, &format!("has {count} good backups"), is_so).await
    }

    /// Waits until a Recovery has ended, and returns it.
    pub async fn recovered(&self, name: &str) -> Result<Value> {
        let is_final =
            |object: &Value| matches!(object["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
        self.until("Recovery", name, "has ended", is_final).await
    }

    /// The pods of an application that are not going.
    pub async fn pods_of(&self, app: &str) -> Result<Vec<Value>> {
        let pods = self.list("Pod", &format!("app={app}")).await?;
        Ok(pods.into_iter().filter(|pod| pod["metadata"]["deletionTimestamp"].is_null()).collect())
    }

    /// Waits until so many pods of an application are ready and no other is left.
    pub async fn pods_ready(&self, app: &str, count: usize) -> Result<Vec<Value>> {
        wait::until(&format!("{count} pods of {app} to be ready"), wait::PATIENCE, async || {
            let pods = self.list("Pod", &format!("app={app}")).await?;
            let is_ready = |pod: &Value| {
                let conditions = pod["status"]["conditions"].as_array();
                conditions
                    .into_iter()
                    .flatten()
                    .any(|known| known["type"] == "Ready" && known["status"] == "True")
            };
            Ok((pods.len() == count && pods.iter().all(is_ready)).then_some(pods))
        })
        .await
    }

    /// restic's own program at a repository: its folder as `Repository.status` and the workload's kind have it.
    pub async fn restic_at(&self, folder: &str, arguments: &[&str]) -> Result<String> {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("restic-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let command = [&["/usr/bin/restic", "--no-cache"], arguments].concat();
        let path = format!("{MOUNT}/{folder}");
        let environment = [("RESTIC_PASSWORD", PASSWORD), ("RESTIC_REPOSITORY", path.as_str())];
        let pod = crate::pod::program(&name, image::RESTIC, &command, &environment, &[(REPOSITORY, MOUNT)]);
        self.create::<k8s_openapi::api::core::v1::Pod>(pod).await?;
        let said = self.pod_succeeded(&name).await?;
        self.kill_pod(&name).await?;
        Ok(said)
    }

    /// Lets restic read everything in a repository.
    pub async fn restic_checks(&self, folder: &str) -> Result<()> {
        let said = self.restic_at(folder, &["check", "--read-data"]).await?;
        anyhow::ensure!(said.contains("no errors were found"), "{said}");
        Ok(())
    }
}

/// The folder of a workload's repository below the claim.
pub fn folder(kind: &str, name: &str, node: &str) -> String {
    let lower = kind.to_lowercase();
    match kind {
        "StatefulSet" => format!("{lower}/{name}-0"),
        "DaemonSet" => format!("{lower}/{name}/{node}"),
        _ => format!("{lower}/{name}"),
    }
}
