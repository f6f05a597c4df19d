//! `Snapshot`: one snapshot of a Repository, as the aggregated API and `stash snapshots` show it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One snapshot of a restic repository, as whoever worked in it last has seen it. To delete it is to forget the
/// snapshot, for which there is no way back.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// `repositories.stash.appscode.com/v1alpha1`.
    pub api_version: String,
    /// `Snapshot`.
    pub kind: String,
    /// Name `<repository>-<8 hex digits>`, uid the full id, the Repository's labels and `repository`.
    pub metadata: ObjectMeta,
    /// What restic knows of it.
    pub status: SnapshotStatus,
}

/// What restic knows of a snapshot.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "com.appscode.stash.repositories.v1alpha1.SnapshotStatus")]
pub struct SnapshotStatus {
    /// Id of the root tree.
    pub tree: String,
    /// Paths it holds.
    #[serde(default)]
    pub paths: Vec<String>,
    /// Host it was made on.
    #[serde(default)]
    pub hostname: String,
    /// User it was made by.
    #[serde(default)]
    pub username: String,
    /// Numeric user, 0 when unknown.
    #[serde(default)]
    pub uid: i64,
    /// Numeric group, 0 when unknown.
    #[serde(default)]
    pub gid: i64,
    /// Its tags. 0.8.3 wrote `Tags`; that is still read.
    #[serde(default, alias = "Tags", skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}
