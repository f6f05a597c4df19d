//! Every name, label, annotation and finalizer, in one place, so that writer and reader cannot disagree.
//!
//! The values are those of Stash 0.8.3: objects made by it stay usable. Where Kubernetes limits the length of a
//! generated name or of a label value, [`bounded`] shortens it the same way every time.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::objects::workload::{Workload, WorkloadKind};
use crate::report::SessionIdentity;

/// Label of everything Stash creates, with [`APP`] as value.
pub const LABEL_APP: &str = "app";
/// Value of [`LABEL_APP`].
pub const APP: &str = "stash";
/// Label: name of the Restic; on Repositories, Snapshots and Jobs.
pub const LABEL_RESTIC: &str = "restic";
/// Label: name of the Recovery, on its Job.
pub const LABEL_RECOVERY: &str = "recovery";
/// Label: what a Job does; one of the `OPERATION_` values.
pub const LABEL_OPERATION: &str = "operation";
/// Label of Snapshots: name of their Repository.
pub const LABEL_REPOSITORY: &str = "repository";
/// Label of Repositories and Snapshots: CamelCase kind of the workload.
pub const LABEL_WORKLOAD_KIND: &str = "workload-kind";
/// Label of Repositories and Snapshots: name of the workload.
pub const LABEL_WORKLOAD_NAME: &str = "workload-name";
/// Label of Repositories and Snapshots of a StatefulSet: the pod.
pub const LABEL_POD_NAME: &str = "pod-name";
/// Label of Repositories and Snapshots of a DaemonSet: the node.
pub const LABEL_NODE_NAME: &str = "node-name";

/// [`LABEL_OPERATION`] of the scale-down CronJob.
pub const OPERATION_SCALE_DOWN: &str = "scale-down";
/// [`LABEL_OPERATION`] of a check Job.
pub const OPERATION_CHECK: &str = "check";
/// [`LABEL_OPERATION`] of a recovery Job.
pub const OPERATION_RECOVERY: &str = "recovery";
/// The same label of a Job that forgets snapshots.
pub const OPERATION_FORGET: &str = "forget";
/// Label of the ConfigMaps that hold catalogues of snapshots.
pub const LABEL_CATALOGUE: &str = "stash.appscode.com/catalogue";

/// Prefix of Stash's annotations (it is not the API group).
pub const ANNOTATION_PREFIX: &str = "restic.appscode.com/";
/// Annotation of a workload: the Restic that was injected.
pub const ANNOTATION_LAST_APPLIED: &str = "restic.appscode.com/last-applied-configuration";
/// Annotation of a Restic: overrides the image tag of its containers. Of a workload: the operator's tag.
pub const ANNOTATION_TAG: &str = "restic.appscode.com/tag";
/// Annotation of a pod template: changes whenever the injected container has to.
pub const ANNOTATION_RESOURCE_HASH: &str = "restic.appscode.com/resource-hash";
/// Annotation of a workload: the offline backup cycle that is under way, or the last one that ended.
pub const ANNOTATION_OFFLINE_CYCLE: &str = "restic.appscode.com/offline-cycle";
/// Annotation of a workload that is scaled down for an offline backup: its replicas before.
pub const ANNOTATION_OLD_REPLICA: &str = "old-replica";

/// Finalizer of Repositories.
pub const FINALIZER_REPOSITORY: &str = "stash.appscode.com/repository";
/// The finalizer that 0.8.3 set; still honoured and removed.
pub const FINALIZER_REPOSITORY_LEGACY: &str = "stash";

/// Name of the injected container, and of the container of every Job.
pub const CONTAINER: &str = "stash";
/// Volume for temporary files and the cache, at `/tmp`.
pub const VOLUME_SCRATCH: &str = "stash-scratchdir";
/// Volume with the pod's labels, at `/etc/stash`. 0.8.3 and sidecars written by hand have it; nothing reads it now.
pub const VOLUME_POD_INFO: &str = "stash-podinfo";
/// Volume of a local backend.
pub const VOLUME_LOCAL: &str = "stash-local";
/// Volume with the storage Secret, at [`MOUNT_SECRET`].
pub const VOLUME_SECRET: &str = "stash-secret";
/// Volume with a token of the pod's ServiceAccount, at [`MOUNT_TOKEN`].
pub const VOLUME_TOKEN: &str = "stash-token";
/// Volume names that a Restic may not mount.
pub const RESERVED_VOLUMES: [&str; 5] =
    [VOLUME_SCRATCH, VOLUME_POD_INFO, VOLUME_SECRET, VOLUME_TOKEN, VOLUME_LOCAL];
/// Where [`VOLUME_SCRATCH`] is mounted.
pub const MOUNT_SCRATCH: &str = "/tmp";
/// Where [`VOLUME_POD_INFO`] is mounted.
pub const MOUNT_POD_INFO: &str = "/etc/stash";
/// Where [`VOLUME_SECRET`] is mounted: one file a key.
pub const MOUNT_SECRET: &str = "/var/run/secrets/stash";
/// Where every client looks for the token of its ServiceAccount.
pub const MOUNT_TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// ClusterRole of 0.8.3's sidecars.
pub const CLUSTER_ROLE_SIDECAR: &str = "stash-sidecar";
/// Role of the scale-down Job, one per namespace.
pub const ROLE_SCALE_DOWN: &str = "stash-scaledownjob";

/// Longest name of a CronJob: its Jobs get eleven characters more.
pub const MAX_CRON_JOB: usize = 52;
/// Longest name of a Job: it becomes a label value of its pods.
pub const MAX_JOB: usize = 63;
/// Longest label value.
pub const MAX_LABEL_VALUE: usize = 63;
/// Longest name of an object.
pub const MAX_NAME: usize = 253;
/// Longest name of a Repository that we generate, so that the names of its Snapshots fit as well.
pub const MAX_REPOSITORY: usize = MAX_NAME - SNAPSHOT_SUFFIX;

/// `-` and eight hexadecimal digits.
const SNAPSHOT_SUFFIX: usize = 9;

/// Name of the Repository of a workload: `deployment.<name>`, `statefulset.<pod>`, `daemonset.<name>.<node>`,
/// `host.<restic>`.
#[must_use]
pub fn repository(workload: &Workload) -> String {
    let kind = workload.kind().lowercase();
    let name = match (workload.pod().or(workload.restic()), workload.node()) {
        (Some(inner), _) => format!("{kind}.{inner}"),
        (None, Some(node)) => format!("{kind}.{}.{node}", workload.name()),
        (None, None) => format!("{kind}.{}", workload.name()),
    };
    bounded(&name, MAX_REPOSITORY)
}

/// The folder of a workload below the prefix of its backend (AUTO): `deployment/<name>`, `statefulset/<pod>`,
/// `daemonset/<name>/<node>`, `host/<hostname>/<restic>`.
#[must_use]
pub fn auto_prefix(workload: &Workload) -> String {
    let kind = workload.kind().lowercase();
    match (workload.pod(), workload.node().or(workload.restic())) {
        (Some(pod), _) => format!("{kind}/{pod}"),
        (None, Some(inner)) => format!("{kind}/{}/{inner}", workload.name()),
        (None, None) => format!("{kind}/{}", workload.name()),
    }
}

/// Hostname of the workload's restic snapshots: its name, or the pod, or the node.
#[must_use]
pub fn snapshot_hostname(workload: &Workload) -> &str {
    workload.pod().or(workload.node()).unwrap_or(workload.name())
}

/// Labels of the workload's Repository.
#[must_use]
pub fn repository_labels(workload: &Workload, restic: &str) -> BTreeMap<String, String> {
    identity(workload, restic).map(|(label, value)| (label.to_owned(), label_value(value))).collect()
}

/// Annotations of the workload's Repository: the full value of every label that could not hold it. Usually empty.
#[must_use]
pub fn repository_annotations(workload: &Workload, restic: &str) -> BTreeMap<String, String> {
    identity(workload, restic)
        .filter(|(_, value)| label_value(value) != *value)
        .map(|(label, value)| (full_value_annotation(label), value.to_owned()))
        .collect()
}

fn identity<'a>(
    workload: &'a Workload,
    restic: &'a str,
) -> impl Iterator<Item = (&'static str, &'a str)> + use<'a> {
    [
        (LABEL_RESTIC, Some(restic)),
        (LABEL_WORKLOAD_KIND, Some(workload.kind().as_str())),
        (LABEL_WORKLOAD_NAME, Some(workload.name())),
        (LABEL_POD_NAME, workload.pod()),
        (LABEL_NODE_NAME, workload.node()),
    ]
    .into_iter()
    .filter_map(|(label, value)| Some((label, value?)))
}

/// Annotation that holds the full value of a label whose value had to be shortened.
#[must_use]
pub fn full_value_annotation(label: &str) -> String {
    format!("{ANNOTATION_PREFIX}{label}")
}

/// Labels of a Snapshot: those of its Repository, and `repository`.
#[must_use]
pub fn snapshot_labels(
    repository: &str,
    repository_labels: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut labels = repository_labels.clone();
    labels.insert(LABEL_REPOSITORY.to_owned(), label_value(repository));
    labels
}

/// Name of a Snapshot: `<repository>-<first 8 hexadecimal digits of the id>`.
#[must_use]
pub fn snapshot(repository: &str, id: &str) -> String {
    format!("{repository}-{}", id.get(..8).unwrap_or(id))
}

/// Not the name of a Snapshot.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{0}` is not the name of a Snapshot: it has to be `<repository>-<8 hexadecimal digits>`")]
pub struct SnapshotNameError(pub String);

/// Repository and the first eight digits of the snapshot's id: the inverse of [`snapshot`].
///
/// # Errors
/// The name does not end in `-` and eight hexadecimal digits.
pub fn parse_snapshot(name: &str) -> Result<(&str, &str), SnapshotNameError> {
    name.rsplit_once('-')
        .filter(|(repository, id)| {
            !repository.is_empty() && id.len() == 8 && id.bytes().all(|c| c.is_ascii_hexdigit())
        })
        .ok_or_else(|| SnapshotNameError(name.to_owned()))
}

/// Object that the pods of a workload elect their leader with: `lock-<kind>-<name>`.
#[must_use]
pub fn leader_lock(workload: &Workload) -> String {
    let name = format!("lock-{}-{}", workload.kind().lowercase(), workload.name().to_lowercase());
    bounded(&name, MAX_NAME)
}

/// Role and RoleBinding of a workload's sidecar. It has the kind in it, because workloads of two kinds may share a
/// name.
#[must_use]
pub fn sidecar_role_binding(kind: WorkloadKind, name: &str) -> String {
    bounded(&format!("{}-{name}-stash-sidecar", kind.lowercase()), MAX_NAME)
}

/// RoleBinding that 0.8.3 made for a workload's sidecar.
#[must_use]
pub fn legacy_sidecar_role_binding(workload_name: &str) -> String {
    format!("{workload_name}-stash-sidecar")
}

/// CronJob that scales down the workloads of an offline Restic, its ServiceAccount and RoleBinding.
#[must_use]
pub fn scale_down_cron_job(restic: &str) -> String {
    bounded(&format!("stash-scaledown-cron-{restic}"), MAX_CRON_JOB)
}

/// Job that checks a Repository, its ServiceAccount and RoleBinding. (0.8.3 named it by the Restic, and so checked one
/// of its repositories only.)
#[must_use]
pub fn check_job(repository: &str) -> String {
    bounded(&format!("stash-check-{repository}"), MAX_JOB)
}

/// Jobs that forget snapshots of a Repository: the beginning of their names, their ServiceAccount and RoleBinding.
#[must_use]
pub fn forget_job(repository: &str) -> String {
    // Five random characters and a hyphen follow.
    bounded(&format!("stash-forget-{repository}"), MAX_JOB - 6)
}

/// ConfigMap with the catalogue of a Repository.
#[must_use]
pub fn catalogue(repository: &str) -> String {
    bounded(&format!("stash-catalogue-{repository}"), MAX_NAME)
}

/// Job that serves a Recovery, its ServiceAccount and RoleBinding.
#[must_use]
pub fn recovery_job(recovery: &str) -> String {
    bounded(&format!("stash-recovery-{recovery}"), MAX_JOB)
}

/// Volume of the recovery Job for entry `index` of `recoveredVolumes`.
#[must_use]
pub fn recovered_volume(index: usize) -> String {
    format!("vol-{index}")
}

/// Role that may read one Repository, in the Repository's namespace.
#[must_use]
pub fn repo_reader_role(repository: &str) -> String {
    format!("appscode:stash:repo-reader:{repository}")
}

/// RoleBinding of a Job to [`repo_reader_role`], in the Repository's namespace.
#[must_use]
pub fn repo_reader_role_binding(job: &str, job_namespace: &str) -> String {
    format!("{job}:{job_namespace}:repo-reader")
}

/// Metric label `filegroup` of a path: `/source/data` is `|source|data`.
#[must_use]
pub fn file_group_label(path: &str) -> String {
    path.replace('/', "|")
}

/// Metric label `job`: `<namespace>-<name of the Restic or Recovery>`.
#[must_use]
pub fn metrics_job(namespace: &str, config: &str) -> String {
    format!("{namespace}-{config}").replace('/', "|")
}

/// Labels that name the group of a session's metrics in the gateway. Nothing in them changes when pods are
/// replaced, and each Repository has its own, so no two pushers overwrite one another.
#[must_use]
pub fn grouping_key(identity: &SessionIdentity) -> BTreeMap<String, String> {
    [
        ("job", metrics_job(&identity.namespace, &identity.config)),
        ("namespace", identity.namespace.clone()),
        ("kind", identity.kind.replace('/', "|")),
        ("app", identity.app.replace('/', "|")),
        ("stash_config", identity.config.clone()),
        ("repository", identity.repository.clone()),
        ("session", identity.session.as_str().to_owned()),
    ]
    .into_iter()
    .map(|(label, value)| (label.to_owned(), value))
    .collect()
}

/// The name when it fits; otherwise its beginning, `-` and eight hexadecimal digits of the SHA-256 of the whole:
/// the same each time, and different for names that begin alike.
#[must_use]
pub fn bounded(name: &str, max: usize) -> String {
    if name.len() <= max { name.to_owned() } else { shortened(name, name, max) }
}

/// The text as a label value: unchanged when it is one, otherwise with every foreign character replaced by `-`,
/// and with the hash of [`bounded`] so that different texts stay different.
#[must_use]
pub fn label_value(text: &str) -> String {
    if is_label_value(text) {
        return text.to_owned();
    }
    let clean: String =
        text.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' }).collect();
    shortened(clean.trim_start_matches(['-', '_', '.']), text, MAX_LABEL_VALUE)
}

fn shortened(text: &str, whole: &str, max: usize) -> String {
    let cut = text.floor_char_boundary(max.saturating_sub(SNAPSHOT_SUFFIX));
    let mut short = text.get(..cut).unwrap_or_default().trim_end_matches(['-', '_', '.']).to_owned();
    if !short.is_empty() {
        short.push('-');
    }
    for byte in Sha256::digest(whole).iter().take(4) {
        // Writing to a String cannot fail.
        let _ = write!(short, "{byte:02x}");
    }
    short
}

/// Empty, or at most 63 letters, digits, `-`, `_` and `.`, with a letter or digit at both ends.
#[must_use]
pub fn is_label_value(text: &str) -> bool {
    text.is_empty() || is_qualified_name(text)
}

/// A label key: an optional DNS-1123 subdomain and `/`, then a name of at most 63 characters.
#[must_use]
pub fn is_label_key(text: &str) -> bool {
    match text.split_once('/') {
        Some((prefix, name)) => is_dns_subdomain(prefix) && is_qualified_name(name),
        None => is_qualified_name(text),
    }
}

fn is_qualified_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    let at_end = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    bytes.len() <= MAX_LABEL_VALUE
        && at_end(bytes.first())
        && at_end(bytes.last())
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
}

/// The form of an object's name: at most 253 lower-case letters, digits, `-` and `.`, with a letter or digit at
/// both ends of each part between dots.
#[must_use]
pub fn is_dns_subdomain(text: &str) -> bool {
    let alphanumeric = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.len() <= MAX_NAME
        && text.split('.').all(|part| {
            let bytes = part.as_bytes();
            bytes.first().is_some_and(alphanumeric)
                && bytes.last().is_some_and(alphanumeric)
                && bytes.iter().all(|byte| alphanumeric(byte) || *byte == b'-')
        })
}

#[cfg(test)]
mod tests;
