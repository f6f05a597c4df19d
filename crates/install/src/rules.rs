//! The rights of the operator and of users, each with its reason.

use serde_json::{Value, json};

use crate::names;

/// What the operator may do wherever it acts. The API server lets nobody give away what he has not: every right that a
/// Role of a sidecar or Job holds stands here, and `escalate` and `bind` do not.
#[must_use]
pub fn operator() -> Value {
    let kinds: Vec<String> =
        ["restics", "recoveries", "repositories"].map(|plural| format!("{plural}.{}", names::GROUP)).into();
    json!([
        // Our own kinds are defined by the operator, so that an upgrade is one step. Creating cannot be limited by name.
        of("apiextensions.k8s.io", &["customresourcedefinitions"], &["create"]),
        named(
            "apiextensions.k8s.io",
            &["customresourcedefinitions"],
            &kinds,
            &["get", "list", "watch", "patch"]
        ),
        // What users write is read. Repositories are written for their finalizer; to create them, and to patch what
        // sidecars patch, is needed to pass that right on to them.
        of(names::GROUP, &["restics", "recoveries"], &["get", "list", "watch"]),
        of(names::GROUP, &["repositories"], &["get", "list", "watch", "create", "patch"]),
        of(
            names::GROUP,
            &["restics/status", "recoveries/status", "repositories/status"],
            &["get", "update", "patch"],
        ),
        // Workloads get their container, and their replicas in an offline backup.
        of(
            "apps",
            &["deployments", "replicasets", "statefulsets", "daemonsets"],
            &["get", "list", "watch", "update", "patch"],
        ),
        of("", &["replicationcontrollers"], &["get", "list", "watch", "update", "patch"]),
        // Pods are looked at (has the backup ended? what did a failed Job say?), and replaced by eviction, which a
        // PodDisruptionBudget holds up. They are never deleted, and nothing is executed in them.
        of("", &["pods"], &["get", "list", "watch"]),
        of("", &["pods/eviction"], &["create"]),
        // Labels of namespaces, for Repositories that choose by them who may restore.
        of("", &["namespaces"], &["get"]),
        // The storage Secret: is it there? For a recovery from another namespace it is copied while the Recovery runs,
        // where the Repository allows it. Secrets are not listed and not watched.
        of("", &["secrets"], &["get", "create", "delete"]),
        // Catalogues: what snapshots a repository holds, written by whoever works in it. The operator reads them, and
        // asks for those with their label alone, by which rights cannot be limited. To create and patch them is to be
        // passed on to sidecars and Jobs, each for its own by name. One more is read:
        // kube-system/extension-apiserver-authentication says whose certificates the cluster believes, so that we
        // believe the same.
        of("", &["configmaps"], &["get", "list", "watch", "create", "patch"]),
        // Jobs of Recoveries, of checks and of deleted Snapshots, CronJobs of offline backups. They go with their
        // owners, or when Stash is uninstalled. A Job that forgets snapshots is patched to begin when its turn has come.
        of("batch", &["jobs", "cronjobs"], &["get", "list", "watch", "create", "patch", "delete"]),
        // Who those Jobs run as, and the Roles of sidecars and Jobs.
        of("", &["serviceaccounts"], &["get", "list", "watch", "create", "patch", "delete"]),
        of(
            "rbac.authorization.k8s.io",
            &["roles", "rolebindings"],
            &["get", "list", "watch", "create", "patch", "delete"],
        ),
        // The Leases by which the replicas of the operator, and the pods of a workload, elect one of them. The latter
        // is to be passed on to sidecars.
        of("coordination.k8s.io", &["leases"], &["create", "get", "update", "patch"]),
        // What happened is told on the objects it happened to.
        of("events.k8s.io", &["events"], &["create", "patch"]),
        // The registration of our API, by which Snapshots are read.
        named(
            "apiregistration.k8s.io",
            &["apiservices"],
            &[names::API_SERVICE.to_owned()],
            &["get", "list", "watch", "create", "patch", "delete"],
        ),
        // Our two webhook configurations.
        of(
            "admissionregistration.k8s.io",
            &["mutatingwebhookconfigurations", "validatingwebhookconfigurations"],
            &["create"],
        ),
        named(
            "admissionregistration.k8s.io",
            &["mutatingwebhookconfigurations", "validatingwebhookconfigurations"],
            &[names::WEBHOOKS.to_owned()],
            &["get", "list", "watch", "patch", "delete"],
        ),
    ])
}

/// What it may change in its own namespace alone: the certificates of its server, which it renews.
#[must_use]
pub fn own_namespace(certificate_secret: &str) -> Value {
    json!([named("", &["secrets"], &[certificate_secret.to_owned()], &["get", "list", "watch", "update"])])
}

/// What it may do in the namespace of Prometheus: publish the authority of its server in a Secret of this name.
#[must_use]
pub fn prometheus_namespace(certificate_secret: &str) -> Value {
    json!([
        // Creating cannot be limited by name.
        of("", &["secrets"], &["create"]),
        named("", &["secrets"], &[certificate_secret.to_owned()], &["get", "patch", "delete"]),
    ])
}

/// What comes with the roles `admin` and `edit`.
#[must_use]
pub fn user_edit() -> Value {
    json!([
        of(names::GROUP, &["restics", "recoveries", "repositories"], &["*"]),
        of(
            "repositories.stash.appscode.com",
            &["snapshots"],
            &["delete", "deletecollection", "get", "list", "watch"],
        ),
    ])
}

/// What comes with the role `view`.
#[must_use]
pub fn user_view() -> Value {
    json!([
        of(names::GROUP, &["restics", "recoveries", "repositories"], &["get", "list", "watch"]),
        of("repositories.stash.appscode.com", &["snapshots"], &["get", "list", "watch"]),
    ])
}

fn of(group: &str, resources: &[&str], verbs: &[&str]) -> Value {
    json!({ "apiGroups": [group], "resources": resources, "verbs": verbs })
}

fn named(group: &str, resources: &[&str], these: &[String], verbs: &[&str]) -> Value {
    json!({ "apiGroups": [group], "resources": resources, "resourceNames": these, "verbs": verbs })
}
