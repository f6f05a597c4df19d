//! `Backend`: where a repository lives. One field per storage, exactly one of them set.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::volume_source::VolumeSource;

/// Where the repository lives, and the name of the Secret (same namespace) with `RESTIC_PASSWORD` and the
/// storage's credentials.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Backend {
    /// Secret with `RESTIC_PASSWORD`, the keys of the storage and optionally `CA_CERT_DATA`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub storage_secret_name: String,
    /// Any volume Kubernetes can mount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<LocalSpec>,
    /// Amazon S3 and everything that speaks its protocol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3: Option<S3Spec>,
    /// Google Cloud Storage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gcs: Option<GcsSpec>,
    /// Azure Blob Storage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub azure: Option<AzureSpec>,
    /// OpenStack Swift.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub swift: Option<SwiftSpec>,
    /// Backblaze B2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub b2: Option<B2Spec>,
    /// A restic REST server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rest: Option<RestServerSpec>,
}

/// A volume and where it is mounted. Also the type of `Recovery.spec.recoveredVolumes`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LocalSpec {
    /// Where the volume is mounted in the `stash` container.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub mount_path: String,
    /// A folder inside the volume.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sub_path: String,
    /// The volume: one of the sources of Kubernetes, at the same level.
    #[serde(flatten)]
    pub volume_source: VolumeSource,
}

/// `s3:<endpoint>/<bucket>/<prefix>`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct S3Spec {
    /// `s3.amazonaws.com`, `nyc3.digitaloceanspaces.com`, `http://host:port`, `https://host`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub endpoint: String,
    /// Bucket; created when it is absent.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub bucket: String,
    /// Folder inside the bucket.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefix: String,
}

/// `gs:<bucket>:/<prefix>`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GcsSpec {
    /// Bucket; created when it is absent.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub bucket: String,
    /// Folder inside the bucket.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefix: String,
}

/// `azure:<container>:/<prefix>`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AzureSpec {
    /// Blob container.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub container: String,
    /// Folder inside the container.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefix: String,
}

/// `swift:<container>:/<prefix>`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SwiftSpec {
    /// Object container.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub container: String,
    /// Folder inside the container.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefix: String,
}

/// `b2:<bucket>:/<prefix>`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct B2Spec {
    /// Bucket.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub bucket: String,
    /// Folder inside the bucket.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefix: String,
}

/// `rest:<url>`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RestServerSpec {
    /// Address of the server, with the path of the repository; no user or password in it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub url: String,
}

/// The storages, in the order in which 0.8.3 preferred them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Storage<'a> {
    /// A mounted volume.
    Local(&'a LocalSpec),
    /// S3 and compatible.
    S3(&'a S3Spec),
    /// Google Cloud Storage.
    Gcs(&'a GcsSpec),
    /// Azure Blob Storage.
    Azure(&'a AzureSpec),
    /// OpenStack Swift.
    Swift(&'a SwiftSpec),
    /// Backblaze B2.
    B2(&'a B2Spec),
    /// A restic REST server.
    Rest(&'a RestServerSpec),
}

impl Storage<'_> {
    /// The field of [`Backend`] that holds it.
    #[must_use]
    pub fn field(&self) -> &'static str {
        match self {
            Storage::Local(_) => "local",
            Storage::S3(_) => "s3",
            Storage::Gcs(_) => "gcs",
            Storage::Azure(_) => "azure",
            Storage::Swift(_) => "swift",
            Storage::B2(_) => "b2",
            Storage::Rest(_) => "rest",
        }
    }
}

impl Backend {
    /// Every storage that is set. A valid backend has exactly one.
    #[must_use]
    pub fn storages(&self) -> Vec<Storage<'_>> {
        [
            self.local.as_ref().map(Storage::Local),
            self.s3.as_ref().map(Storage::S3),
            self.gcs.as_ref().map(Storage::Gcs),
            self.azure.as_ref().map(Storage::Azure),
            self.swift.as_ref().map(Storage::Swift),
            self.b2.as_ref().map(Storage::B2),
            self.rest.as_ref().map(Storage::Rest),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// The storage that is used: the first that is set.
    #[must_use]
    pub fn storage(&self) -> Option<Storage<'_>> {
        self.storages().into_iter().next()
    }
}
