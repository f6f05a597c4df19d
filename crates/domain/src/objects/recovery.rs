//! `Recovery`: which snapshot to bring back, into which volumes; and how far that has come.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    LocalObjectReference, ObjectReference, ResourceRequirements, SecurityContext, Toleration,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube_derive::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::backend::LocalSpec;
use super::restic::{generation, int_or_string, is_default};

/// Restores paths of a Repository, once.
#[derive(CustomResource, Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "stash.appscode.com",
    version = "v1alpha1",
    kind = "Recovery",
    plural = "recoveries",
    singular = "recovery",
    shortname = "rec",
    category = "storage",
    category = "appscode",
    category = "all",
    namespaced,
    status = "RecoveryStatus",
    derive = "PartialEq",
    derive = "Default",
    printcolumn = r#"{"name":"Repository-Namespace","type":"string","jsonPath":".spec.repository.namespace"}"#,
    printcolumn = r#"{"name":"Repository-Name","type":"string","jsonPath":".spec.repository.name"}"#,
    printcolumn = r#"{"name":"Snapshot","type":"string","jsonPath":".spec.snapshot"}"#,
    printcolumn = r#"{"name":"Phase","type":"string","jsonPath":".status.phase"}"#,
    printcolumn = r#"{"name":"Progress","type":"string","jsonPath":".status.progress"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#,
    crates(
        kube_core = "::kube_core",
        k8s_openapi = "::k8s_openapi",
        schemars = "::schemars",
        serde = "::serde",
        serde_json = "::serde_json"
    )
)]
pub struct RecoverySpec {
    /// The Repository to read from; `name` and `namespace` are used, and both are needed.
    #[serde(default)]
    pub repository: ObjectReference,
    /// Name of a Snapshot, `<repository>-<8 hex digits>`; none takes the latest of each path.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub snapshot: String,
    /// Paths to restore, as they were backed up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
    /// Volumes to restore into. Data returns to the path it was backed up from, so one of them has to be mounted
    /// at that path or above it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recovered_volumes: Vec<LocalSpec>,
    /// Pull secrets of the `stash` image.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub image_pull_secrets: Vec<LocalObjectReference>,
    /// Node labels of the Job; ignored for a DaemonSet's Repository, whose node is known.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub node_selector: BTreeMap<String, String>,
    /// Taints of nodes that the Job tolerates; a DaemonSet's Repository needs none, since its Job tolerates all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tolerations: Vec<Toleration>,
    /// Resources of the `stash` container.
    #[serde(default, skip_serializing_if = "is_default")]
    pub resources: ResourceRequirements,
    /// Security context of the `stash` container, taken as it is. Without it the container runs as root with the
    /// capabilities to give files back to their owners, and no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_context: Option<SecurityContext>,
    /// Seconds after which the Job is stopped and the Recovery has failed; none waits for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub active_deadline_seconds: Option<i64>,
}

/// How far a Recovery has come. `Succeeded` and `Failed` are final.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum RecoveryPhase {
    /// Not started; the condition says what it waits for.
    #[default]
    Pending,
    /// Data is being restored.
    Running,
    /// Every path was restored.
    Succeeded,
    /// At least one path was not.
    Failed,
    /// The state cannot be told.
    Unknown,
}

impl RecoveryPhase {
    /// Nothing happens any more without a new request.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, RecoveryPhase::Succeeded | RecoveryPhase::Failed)
    }
}

/// What the recovery did.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RecoveryStatus {
    /// How far it has come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<RecoveryPhase>,
    /// How much is restored, while it runs: `40%`, of several paths `40% of path 2/3`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub progress: String,
    /// One entry per path.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stats: Vec<RestoreStats>,
    /// Generation of the spec that this status speaks of.
    #[serde(default, deserialize_with = "generation", skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "int_or_string")]
    pub observed_generation: Option<i64>,
    /// When the restore began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Time>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion_time: Option<Time>,
    /// `Complete`, with reason and message.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}

/// What happened to one path.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RestoreStats {
    /// The path, as in the spec.
    #[serde(default)]
    pub path: String,
    /// Its own phase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<RecoveryPhase>,
    /// How long it took, as a Go duration (`3.02s`).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub duration: String,
    /// Name of the Snapshot it came from.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub snapshot: String,
    /// Bytes written.
    #[serde(default, skip_serializing_if = "is_default")]
    pub bytes: u64,
    /// Files written.
    #[serde(default, skip_serializing_if = "is_default")]
    pub files: u64,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub error: String,
}
