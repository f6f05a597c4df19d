//! What users write and see: the custom resources, the backends inside them, the workloads they select.

pub mod backend;
pub mod recovery;
pub mod repository;
pub mod restic;
pub mod snapshot;
pub mod volume_source;
pub mod workload;

/// API group of [`restic::Restic`], [`recovery::Recovery`] and [`repository::Repository`].
pub const GROUP: &str = "stash.appscode.com";
/// API group of [`snapshot::Snapshot`].
pub const SNAPSHOT_GROUP: &str = "repositories.stash.appscode.com";
/// The one version of both groups.
pub const VERSION: &str = "v1alpha1";
