//! `Restic`: what to back up, when, to where, and how long to keep it.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{LocalObjectReference, ResourceRequirements, SecurityContext, VolumeMount};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector, Time};
use kube_derive::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::backend::Backend;

/// Backs up file groups of every workload of its namespace that the selector matches.
#[derive(CustomResource, Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "stash.appscode.com",
    version = "v1alpha1",
    kind = "Restic",
    plural = "restics",
    singular = "restic",
    shortname = "rst",
    category = "storage",
    category = "appscode",
    category = "all",
    namespaced,
    status = "ResticStatus",
    derive = "PartialEq",
    derive = "Default",
    printcolumn = r#"{"name":"Schedule","type":"string","jsonPath":".spec.schedule"}"#,
    printcolumn = r#"{"name":"Paused","type":"boolean","jsonPath":".spec.paused"}"#,
    printcolumn = r#"{"name":"Last-Success","type":"date","format":"date-time","jsonPath":".status.lastSuccessfulBackupTime"}"#,
    printcolumn = r#"{"name":"Next-Run","type":"string","jsonPath":".status.nextBackupTime"}"#,
    printcolumn = r#"{"name":"Ready","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name":"Selector","type":"string","jsonPath":".spec.selector","priority":10}"#,
    printcolumn = r#"{"name":"Backup-Type","type":"string","jsonPath":".spec.type","priority":10}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#,
    crates(
        kube_core = "::kube_core",
        k8s_openapi = "::k8s_openapi",
        schemars = "::schemars",
        serde = "::serde",
        serde_json = "::serde_json"
    )
)]
pub struct ResticSpec {
    /// Selects workloads by their own labels (never their pods'), in the namespace of the Restic. Must select
    /// something: an empty selector would match every workload and is refused.
    #[serde(default, skip_serializing_if = "is_default")]
    pub selector: LabelSelector,
    /// What to back up, in this order. A group that fails does not stop the others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub file_groups: Vec<FileGroup>,
    /// Where the repository lives and the Secret that opens it.
    #[serde(default)]
    pub backend: Backend,
    /// When to back up: five or six cron fields, `@every <duration>` or a descriptor such as `@daily`, optionally
    /// after `TZ=<zone> `.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub schedule: String,
    /// Volumes of the workload that the `stash` container mounts, always read-only, so that it sees the data.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volume_mounts: Vec<VolumeMount>,
    /// Resources of the `stash` container.
    #[serde(default, skip_serializing_if = "is_default")]
    pub resources: ResourceRequirements,
    /// What to keep; file groups refer to these by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retention_policies: Vec<RetentionPolicy>,
    /// `online` (default): a sidecar backs up while the workload runs. `offline`: an init container does, while
    /// the workload is scaled down.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub backup_type: Option<BackupType>,
    /// No sessions while true; nothing else changes.
    #[serde(default, skip_serializing_if = "is_default")]
    pub paused: bool,
    /// Pull secrets of the `stash` image, merged into the pod's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub image_pull_secrets: Vec<LocalObjectReference>,
    /// Security context of the `stash` container, taken as it is. Without it the container runs as the user of the
    /// containers whose volumes it reads, when that is known and not root; otherwise as root with the one
    /// capability to read files of every owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_context: Option<SecurityContext>,
}

/// How the data is kept still while it is read.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
#[schemars(transform = backup_type_schema)]
pub enum BackupType {
    /// A sidecar beside the running workload.
    #[default]
    #[serde(alias = "")]
    Online,
    /// An init container, before the workload starts.
    Offline,
    /// Neither. 0.8.3 stored any text, and one such object must not hide all others from a watch; it is refused
    /// by validation instead.
    #[serde(untagged)]
    Other(String),
}

/// The two values, and the empty text that 0.8.3 took for `online`.
fn backup_type_schema(schema: &mut schemars::Schema) {
    let description = schema.remove("description");
    *schema = schemars::json_schema!({ "type": "string", "enum": ["", "online", "offline"] });
    if let Some(description) = description {
        schema.insert("description".to_owned(), description);
    }
}

/// A directory or file, backed up into snapshots of its own.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FileGroup {
    /// Absolute path inside the `stash` container. Also the metric label `filegroup`, with `/` written as `|`.
    #[serde(default)]
    pub path: String,
    /// Tags of the snapshots.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Name of the entry of `retentionPolicies` that applies after each backup of this group; none keeps all.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub retention_policy_name: String,
}

/// Which snapshots of one host and path to keep. A snapshot stays when any rule keeps it; without any rule
/// (every count 0, no tags) all stay. Semantics are those of `restic forget`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RetentionPolicy {
    /// What file groups refer to.
    #[serde(default)]
    pub name: String,
    /// Keep the newest n snapshots.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(range(min = 0))]
    pub keep_last: i64,
    /// Keep the newest snapshot of each of the newest n hours that have one.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(range(min = 0))]
    pub keep_hourly: i64,
    /// The same by day.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(range(min = 0))]
    pub keep_daily: i64,
    /// The same by ISO week.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(range(min = 0))]
    pub keep_weekly: i64,
    /// The same by month.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(range(min = 0))]
    pub keep_monthly: i64,
    /// The same by year.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(range(min = 0))]
    pub keep_yearly: i64,
    /// Keep every snapshot that has one of these tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keep_tags: Vec<String>,
    /// Free the space of what was forgotten at the end of the session.
    #[serde(default, skip_serializing_if = "is_default")]
    pub prune: bool,
    /// Only say what would be forgotten.
    #[serde(default, skip_serializing_if = "is_default")]
    pub dry_run: bool,
}

/// What the sessions of a Restic did, over all its repositories.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResticStatus {
    /// Generation of the spec that this status speaks of.
    #[serde(default, deserialize_with = "generation", skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "int_or_string")]
    pub observed_generation: Option<i64>,
    /// `Ready`: the spec is valid and scheduled; otherwise the reason says why not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// Start of the newest session, whatever its result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_backup_time: Option<Time>,
    /// Start of the newest session that succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_successful_backup_time: Option<Time>,
    /// When the next session is due; absent while paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_backup_time: Option<Time>,
    /// Ticks of the schedule that fell into a running session, since the process started.
    #[serde(default, skip_serializing_if = "is_default")]
    pub skipped_ticks: u64,
    /// Ticks that were served late (a suspended or overloaded machine), since the process started.
    #[serde(default, skip_serializing_if = "is_default")]
    pub late_ticks: u64,
    /// Repositories this Restic fills, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub repositories: BTreeMap<String, String>,
}

pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Reads a generation as a number, or as the `<generation>$<hash>` that old objects may hold.
pub(crate) fn generation<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Stored {
        Number(i64),
        Text(String),
    }
    Ok(match Option::<Stored>::deserialize(deserializer)? {
        Some(Stored::Number(number)) => Some(number),
        // Nothing ever wrote this text, so one that says nothing is worth no error.
        Some(Stored::Text(text)) => text.split('$').next().and_then(|number| number.parse().ok()),
        None => None,
    })
}

pub(crate) fn int_or_string(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "x-kubernetes-int-or-string": true })
}
