//! The parts that all our containers have in common: volumes, mounts, environment.
//!
//! Fields that the API server would fill in are filled in here, so that what is read back is what was written.

use k8s_openapi::api::core::v1::{
    ConfigMapProjection, DownwardAPIProjection, DownwardAPIVolumeFile, EmptyDirVolumeSource, EnvVar,
    EnvVarSource, KeyToPath, ObjectFieldSelector, ProjectedVolumeSource, SecretVolumeSource,
    ServiceAccountTokenProjection, Volume, VolumeMount, VolumeProjection,
};

use crate::handoff::env;
use crate::objects::backend::LocalSpec;
use crate::rules::names;

/// What Kubernetes gives files of a volume when nobody says otherwise.
const FILE_MODE: i32 = 0o644;
/// As Kubernetes itself asks for: an hour and a little, renewed well before its end.
const TOKEN_SECONDS: i64 = 3607;

/// Why a container that fails says so: its last lines become the message of its status, where the operator reads
/// them without the right to read logs.
pub(super) const TERMINATION_MESSAGE: &str = "FallbackToLogsOnError";

/// Temporary files and cache.
pub(super) fn scratch() -> (Volume, VolumeMount) {
    let volume = Volume {
        name: names::VOLUME_SCRATCH.to_owned(),
        empty_dir: Some(EmptyDirVolumeSource::default()),
        ..Volume::default()
    };
    (volume, mount(names::VOLUME_SCRATCH, names::MOUNT_SCRATCH))
}

/// The storage Secret. Optional: a pod must start without it, and the session that misses it says so; were it
/// needed, a deleted Secret would keep the application from starting.
pub(super) fn secret(name: &str) -> (Volume, VolumeMount) {
    let volume = Volume {
        name: names::VOLUME_SECRET.to_owned(),
        secret: Some(SecretVolumeSource {
            secret_name: Some(name.to_owned()),
            optional: Some(true),
            default_mode: Some(FILE_MODE),
            items: None,
        }),
        ..Volume::default()
    };
    (volume, VolumeMount { read_only: Some(true), ..mount(names::VOLUME_SECRET, names::MOUNT_SECRET) })
}

/// A token of the pod's ServiceAccount for this container alone. Pods that keep theirs to themselves
/// (`automountServiceAccountToken: false`) can be backed up too; where Kubernetes would mount one, it sees that the
/// place is taken and leaves this one.
pub(super) fn token() -> (Volume, VolumeMount) {
    let sources = vec![
        VolumeProjection {
            service_account_token: Some(ServiceAccountTokenProjection {
                path: "token".to_owned(),
                expiration_seconds: Some(TOKEN_SECONDS),
                audience: None,
            }),
            ..VolumeProjection::default()
        },
        VolumeProjection {
            config_map: Some(ConfigMapProjection {
                name: "kube-root-ca.crt".to_owned(),
                items: Some(vec![KeyToPath {
                    key: "ca.crt".to_owned(),
                    path: "ca.crt".to_owned(),
                    mode: None,
                }]),
                optional: None,
            }),
            ..VolumeProjection::default()
        },
        VolumeProjection {
            downward_api: Some(DownwardAPIProjection {
                items: Some(vec![DownwardAPIVolumeFile {
                    path: "namespace".to_owned(),
                    field_ref: Some(field("metadata.namespace")),
                    ..DownwardAPIVolumeFile::default()
                }]),
            }),
            ..VolumeProjection::default()
        },
    ];
    let volume = Volume {
        name: names::VOLUME_TOKEN.to_owned(),
        projected: Some(ProjectedVolumeSource { sources: Some(sources), default_mode: Some(FILE_MODE) }),
        ..Volume::default()
    };
    (volume, VolumeMount { read_only: Some(true), ..mount(names::VOLUME_TOKEN, names::MOUNT_TOKEN) })
}

/// The mount of a volume that a user described, writable.
pub(super) fn volume_mount(name: &str, spec: &LocalSpec) -> VolumeMount {
    let sub_path = Some(spec.sub_path.clone()).filter(|path| !path.is_empty());
    VolumeMount { sub_path, ..mount(name, &spec.mount_path) }
}

/// What every container of ours is told about its own pod.
pub(super) fn environment() -> Vec<EnvVar> {
    [
        (env::NODE_NAME, "spec.nodeName"),
        (env::POD_NAME, "metadata.name"),
        (env::NAMESPACE, "metadata.namespace"),
    ]
    .into_iter()
    .map(|(name, path)| EnvVar {
        name: name.to_owned(),
        value: None,
        value_from: Some(EnvVarSource { field_ref: Some(field(path)), ..EnvVarSource::default() }),
    })
    .collect()
}

fn field(path: &str) -> ObjectFieldSelector {
    ObjectFieldSelector { api_version: Some("v1".to_owned()), field_path: path.to_owned() }
}

fn mount(name: &str, path: &str) -> VolumeMount {
    VolumeMount { name: name.to_owned(), mount_path: path.to_owned(), ..VolumeMount::default() }
}
