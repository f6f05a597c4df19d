//! What a Restic makes of a workload: the container, the volumes it needs, the pull secrets.

use k8s_openapi::api::core::v1::{Container, VolumeMount};
use serde_json::{Value, json};

use super::settings::Settings;
use super::target::Target;
use super::{pod, security};
use crate::handoff::Backup;
use crate::objects::restic::{BackupType, Restic};
use crate::rules::names;

/// Everything of ours in a pod template.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pieces {
    /// In `initContainers`, otherwise in `containers`.
    pub(super) offline: bool,
    /// The container named `stash`.
    pub(super) container: Value,
    /// In the order in which they are added.
    pub(super) volumes: Vec<Value>,
    /// Names, none twice.
    pub(super) pull_secrets: Vec<String>,
}

/// The pieces for one workload.
///
/// Only what a pod has to be made anew for is in them. What the container watches in its Restic by itself (schedule,
/// file groups, retention, `paused`, a remote backend) is not, so that a change of it restarts no pod.
///
/// The volume with the pod's labels of 0.8.3 is gone: labels are no longer part of the metrics, where they made
/// a group of each roll-out.
pub(super) fn pieces(target: Target<'_>, restic: &Restic, settings: &Settings) -> Pieces {
    let spec = &restic.spec;
    let offline = spec.backup_type == Some(BackupType::Offline);
    let (scratch, scratch_mount) = pod::scratch();
    let (secret, secret_mount) = pod::secret(&spec.backend.storage_secret_name);
    let (token, token_mount) = pod::token();
    let mut volumes = vec![json!(scratch), json!(secret), json!(token)];
    let mut mounts = vec![scratch_mount, secret_mount, token_mount];
    // Read-only whatever the Restic says, and nothing else of it, as in 0.8.3: a backup must not change its source.
    mounts.extend(spec.volume_mounts.iter().map(|mount| VolumeMount {
        name: mount.name.clone(),
        mount_path: mount.mount_path.clone(),
        sub_path: mount.sub_path.clone(),
        read_only: Some(true),
        ..VolumeMount::default()
    }));
    if let Some(local) = &spec.backend.local {
        volumes.push(json!(local.volume_source.volume(names::VOLUME_LOCAL)));
        mounts.push(pod::volume_mount(names::VOLUME_LOCAL, local));
    }
    let arguments = Backup {
        restic: restic.metadata.name.as_deref().unwrap_or_default(),
        kind: target.kind,
        workload: target.name(),
        scheduled: !offline,
        pushgateway_url: &settings.pushgateway_url,
        jitter: settings.jitter,
        check_interval: settings.check_interval,
        log_flags: &settings.log_flags,
    }
    .arguments();
    let container = Container {
        name: names::CONTAINER.to_owned(),
        image: Some(settings.image.reference(restic.metadata.annotations.as_ref())),
        image_pull_policy: settings.image_pull_policy.clone(),
        args: Some(arguments),
        env: Some(pod::environment()),
        resources: Some(spec.resources.clone()).filter(|resources| *resources != Default::default()),
        security_context: Some(security::reader(spec, target.pod_spec().unwrap_or(&Value::Null))),
        termination_message_policy: Some(pod::TERMINATION_MESSAGE.to_owned()),
        volume_mounts: Some(mounts),
        ..Container::default()
    };
    let mut pull_secrets: Vec<String> = Vec::new();
    for secret in &spec.image_pull_secrets {
        if !secret.name.is_empty() && !pull_secrets.contains(&secret.name) {
            pull_secrets.push(secret.name.clone());
        }
    }
    Pieces { offline, container: json!(container), volumes, pull_secrets }
}
