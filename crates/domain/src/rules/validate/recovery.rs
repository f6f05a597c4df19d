//! What is refused in a Recovery.

use super::backend::volume;
use super::container::{Mounts, resources, security_context};
use super::{Mode, Refusal, name_fits_a_label};
use crate::objects::recovery::{Recovery, RecoverySpec};
use crate::objects::workload::WorkloadKind;
use crate::rules::names::parse_snapshot;
use crate::rules::prefix::is_within;

/// Everything that is refused in a Recovery.
#[must_use]
pub fn recovery(recovery: &Recovery, mode: Mode) -> Vec<Refusal> {
    let spec = &recovery.spec;
    let mut refusals = Vec::new();
    if spec.paths.is_empty() {
        refusals.push(Refusal::new("spec.paths", "is empty", "list the file-group paths to restore"));
    }
    if spec.recovered_volumes.is_empty() {
        refusals.push(Refusal::new(
            "spec.recoveredVolumes",
            "is empty",
            "list the volumes to restore into, each mounted at the path that was backed up or above it",
        ));
    }
    repository(spec, &mut refusals);
    paths(spec, &mut refusals);
    let mut mounts = Mounts::new();
    for (index, spec) in spec.recovered_volumes.iter().enumerate() {
        let field = format!("spec.recoveredVolumes[{index}]");
        // What is wrong with subPath is wrong with the volume.
        mounts.add(&field, &spec.mount_path, "", &mut refusals);
        volume(&field, spec, mode, &mut refusals);
    }
    resources(&spec.resources, &mut refusals);
    security_context(spec.security_context.as_ref(), &mut refusals);
    if spec.active_deadline_seconds.is_some_and(|seconds| seconds < 1) {
        refusals.push(Refusal::new(
            "spec.activeDeadlineSeconds",
            "leaves no time",
            "use 1 or more seconds, or leave it out",
        ));
    }
    name_fits_a_label("Recovery", recovery.metadata.name.as_deref(), &mut refusals);
    refusals
}

fn repository(spec: &RecoverySpec, refusals: &mut Vec<Refusal>) {
    let name = spec.repository.name.as_deref().unwrap_or_default();
    let begins = |kind: WorkloadKind| {
        name.strip_prefix(kind.lowercase()).is_some_and(|rest| rest.len() > 1 && rest.starts_with('.'))
    };
    if name.is_empty() {
        refusals.push(Refusal::new(
            "spec.repository.name",
            "is missing",
            "name the Repository to restore from",
        ));
    } else if !WorkloadKind::ALL.into_iter().any(begins) {
        let kinds = WorkloadKind::ALL.map(|kind| format!("{}.", kind.lowercase())).join(", ");
        refusals.push(Refusal::new(
            "spec.repository.name",
            format!("`{name}` is not the name of a Repository"),
            format!("use a name that begins with one of {kinds}"),
        ));
    }
    if spec.repository.namespace.as_deref().unwrap_or_default().is_empty() {
        refusals.push(Refusal::new(
            "spec.repository.namespace",
            "is missing",
            "name the namespace of the Repository",
        ));
    }
    let belongs = |snapshot| parse_snapshot(snapshot).is_ok_and(|(repository, _)| repository == name);
    if !spec.snapshot.is_empty() && !belongs(&spec.snapshot) {
        refusals.push(Refusal::new(
            "spec.snapshot",
            format!("`{}` is not a Snapshot of Repository `{name}`", spec.snapshot),
            format!("use `{name}-` and the first eight hexadecimal digits of the snapshot's id, or leave it out for the latest"),
        ));
    }
}

/// What is restored where no volume is mounted would be lost with the Job's container.
fn paths(spec: &RecoverySpec, refusals: &mut Vec<Refusal>) {
    for (index, path) in spec.paths.iter().enumerate() {
        let field = format!("spec.paths[{index}]");
        if !path.starts_with('/') {
            refusals.push(Refusal::new(
                field,
                if path.is_empty() { "is missing".to_owned() } else { format!("`{path}` is relative") },
                "name the absolute path of a file group",
            ));
            continue;
        }
        let mut mounts = spec
            .recovered_volumes
            .iter()
            .map(|volume| &volume.mount_path)
            .filter(|mount| mount.starts_with('/'));
        let reached = mounts.any(|mount| is_within(path, mount) || is_within(mount, path));
        if !reached && !spec.recovered_volumes.is_empty() {
            refusals.push(Refusal::new(
                field,
                format!("no volume is mounted at `{path}` or above it, so the data would be lost"),
                "set the mountPath of one of spec.recoveredVolumes to this path or to a parent of it",
            ));
        }
    }
}
