//! `Repository`: one restic repository, and what the last session did to it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector, Time};
use kube_derive::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::backend::Backend;
use super::restic::{generation, int_or_string, is_default};

/// Stands for one restic repository. Written by the backup process; by hand to restore from an old one.
#[derive(CustomResource, Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "stash.appscode.com",
    version = "v1alpha1",
    kind = "Repository",
    plural = "repositories",
    singular = "repository",
    shortname = "repo",
    category = "storage",
    category = "appscode",
    category = "all",
    namespaced,
    status = "RepositoryStatus",
    derive = "PartialEq",
    derive = "Default",
    printcolumn = r#"{"name":"Last-Backup","type":"date","format":"date-time","jsonPath":".status.lastBackupTime"}"#,
    printcolumn = r#"{"name":"Last-Successful-Backup","type":"date","format":"date-time","jsonPath":".status.lastSuccessfulBackupTime"}"#,
    printcolumn = r#"{"name":"Result","type":"string","jsonPath":".status.lastResult"}"#,
    printcolumn = r#"{"name":"Backup-Count","type":"integer","jsonPath":".status.backupCount"}"#,
    printcolumn = r#"{"name":"Snapshots","type":"integer","jsonPath":".status.snapshotCount"}"#,
    printcolumn = r#"{"name":"Size","type":"string","jsonPath":".status.size"}"#,
    printcolumn = r#"{"name":"Integrity","type":"string","jsonPath":".status.integrity"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#,
    crates(
        kube_core = "::kube_core",
        k8s_openapi = "::k8s_openapi",
        schemars = "::schemars",
        serde = "::serde",
        serde_json = "::serde_json"
    )
)]
pub struct RepositorySpec {
    /// The Restic's backend, with the workload's own prefix resolved into `prefix` or `subPath`.
    #[serde(default)]
    pub backend: Backend,
    /// Delete the repository's objects from the storage together with this object. Not for `local` and `b2`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub wipe_out: bool,
    /// Who may restore from it; without it, Recoveries of its own namespace only.
    #[serde(default, skip_serializing_if = "is_default")]
    pub usage_policy: UsagePolicy,
}

/// Who may restore from a Repository.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UsagePolicy {
    /// The namespaces whose Recoveries may read it. They get a copy of its storage Secret while they run.
    #[serde(default, skip_serializing_if = "is_default")]
    pub allowed_namespaces: AllowedNamespaces,
}

/// A choice of namespaces.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AllowedNamespaces {
    /// `Same` (default): its own; `All`: every one; `Selector`: its own and those that `selector` matches.
    #[serde(default, skip_serializing_if = "is_default")]
    pub from: NamespaceSource,
    /// Labels of the namespaces, for `Selector`; an empty one selects none.
    #[serde(default, skip_serializing_if = "is_default")]
    pub selector: LabelSelector,
}

/// How namespaces are chosen.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum NamespaceSource {
    /// The namespace of the Repository.
    #[default]
    Same,
    /// All of the cluster.
    All,
    /// By their labels.
    Selector,
}

/// What the sessions did to this repository.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryStatus {
    /// Start of the first successful session since this object exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_backup_time: Option<Time>,
    /// Start of the last session, whatever its result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_backup_time: Option<Time>,
    /// Start of the last session that succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_successful_backup_time: Option<Time>,
    /// How long the last session took, as a Go duration (`3.02s`).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub last_backup_duration: String,
    /// Successful sessions since this object exists.
    #[serde(default, skip_serializing_if = "is_default")]
    pub backup_count: i64,
    /// Generation of the spec that this status speaks of.
    #[serde(default, deserialize_with = "generation", skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "int_or_string")]
    pub observed_generation: Option<i64>,
    /// `Succeeded`, `Incomplete`, `Failed` or `Cancelled`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub last_result: String,
    /// Why the last session did not succeed: the value of the metric label `reason`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub last_failure_reason: String,
    /// The same for people: what failed, on which object, what to do.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub last_error: String,
    /// Bytes in the storage, as people read them (`1.2 GiB`).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub size: String,
    /// The same as a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
    /// Snapshots in the repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot_count: Option<u64>,
    /// `Unknown` until the first check, then `Ok` or `Damaged`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub integrity: String,
    /// When it was last checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_check_time: Option<Time>,
    /// When the next session is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_backup_time: Option<Time>,
    /// `Ready`: the last session succeeded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}
