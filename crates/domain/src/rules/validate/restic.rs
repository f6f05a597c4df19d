//! What is refused in a Restic.

use std::collections::BTreeSet;

use jiff::{Timestamp, tz::TimeZone};

use super::backend::backend;
use super::container::{Mounts, resources, security_context};
use super::{Mode, Refusal, name_fits_a_label};
use crate::objects::backend::Storage;
use crate::objects::restic::{BackupType, Restic, ResticSpec, RetentionPolicy};
use crate::rules::names::{self, RESERVED_VOLUMES};
use crate::rules::prefix::{components, is_within};
use crate::rules::schedule::Schedule;
use crate::rules::select;

/// Everything that is refused in a Restic. `now` tells whether its schedule ever fires again.
#[must_use]
pub fn restic(restic: &Restic, mode: Mode, now: Timestamp) -> Vec<Refusal> {
    let spec = &restic.spec;
    let mut refusals = Vec::new();
    policy_references(spec, &mut refusals);
    schedule(spec, now, &mut refusals);
    if spec.backend.storage_secret_name.is_empty() {
        refusals.push(Refusal::new(
            "spec.backend.storageSecretName",
            "is missing",
            "name the Secret with RESTIC_PASSWORD and the storage's credentials",
        ));
    }
    backend("spec.backend", &spec.backend, mode, &mut refusals);
    repository_outside_its_sources(spec, mode, &mut refusals);
    file_groups(spec, &mut refusals);
    selector(spec, mode, &mut refusals);
    if let Some(BackupType::Other(other)) = &spec.backup_type {
        refusals.push(Refusal::new("spec.type", format!("`{other}` is unknown"), "use online or offline"));
    }
    policies(spec, &mut refusals);
    name_fits_a_label("Restic", restic.metadata.name.as_deref(), &mut refusals);
    volume_mounts(spec, mode, &mut refusals);
    resources(&spec.resources, &mut refusals);
    security_context(spec.security_context.as_ref(), &mut refusals);
    image_tag(restic, &mut refusals);
    refusals
}

/// A tag that no registry can have would leave every pod of the workload waiting for its image.
fn image_tag(restic: &Restic, refusals: &mut Vec<Refusal>) {
    let annotations = restic.metadata.annotations.iter().flatten();
    for (_, tag) in annotations.filter(|(name, _)| *name == names::ANNOTATION_TAG) {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if tag.len() > 128 || !tag.starts_with(word) || !tag.chars().all(|c| word(c) || ".-".contains(c)) {
            refusals.push(Refusal::new(
                format!("metadata.annotations[{}]", names::ANNOTATION_TAG),
                format!("`{tag}` cannot be the tag of an image"),
                "use at most 128 letters, digits, `_`, `.` and `-`, or remove the annotation",
            ));
        }
    }
}

fn policy_references(spec: &ResticSpec, refusals: &mut Vec<Refusal>) {
    for (index, group) in spec.file_groups.iter().enumerate() {
        let wanted = &group.retention_policy_name;
        if !wanted.is_empty() && !spec.retention_policies.iter().any(|policy| policy.name == *wanted) {
            refusals.push(Refusal::new(
                format!("spec.fileGroups[{index}].retentionPolicyName"),
                format!("retention policy `{wanted}` is not found"),
                "add it to spec.retentionPolicies, or correct the name",
            ));
        }
    }
}

fn schedule(spec: &ResticSpec, now: Timestamp, refusals: &mut Vec<Refusal>) {
    const FIELD: &str = "spec.schedule";
    const EXAMPLE: &str = "write for example `@every 1h` or `30 2 * * *`";
    if spec.schedule.trim().is_empty() {
        refusals.push(Refusal::new(FIELD, "is missing", EXAMPLE));
        return;
    }
    let schedule = match Schedule::parse(&spec.schedule) {
        Ok(schedule) => schedule,
        Err(error) => {
            refusals.push(Refusal::new(FIELD, format!("is invalid: {error}"), EXAMPLE));
            return;
        }
    };
    if schedule.next_after(now, &TimeZone::UTC).is_none() {
        refusals.push(Refusal::new(
            FIELD,
            format!("`{}` never fires", spec.schedule),
            "name a day that exists in some month",
        ));
    }
    if spec.backup_type == Some(BackupType::Offline)
        && let Err(error) = schedule.kubernetes_cron()
    {
        refusals.push(Refusal::new(
            FIELD,
            format!("cannot be the schedule of a CronJob, which an offline backup needs: {error}"),
            "write five cron fields or a descriptor such as @daily, or back up online",
        ));
    }
}

/// A repository inside a path that is backed up would back up itself.
fn repository_outside_its_sources(spec: &ResticSpec, mode: Mode, refusals: &mut Vec<Refusal>) {
    let Some(Storage::Local(local)) = spec.backend.storage() else { return };
    let host_path = local.volume_source.host_path.as_ref();
    let (field, folder) = match (mode, host_path) {
        (Mode::Cluster, _) => ("mountPath", local.mount_path.clone()),
        (Mode::Standalone, Some(volume)) => ("hostPath.path", format!("{}/{}", volume.path, local.sub_path)),
        (Mode::Standalone, None) => return,
    };
    if !folder.starts_with('/') {
        return;
    }
    for (index, group) in spec.file_groups.iter().enumerate() {
        if group.path.starts_with('/') && is_within(&folder, &group.path) {
            refusals.push(Refusal::new(
                format!("spec.backend.local.{field}"),
                format!(
                    "`{folder}` is inside `{}`, the path of file group {index}: the repository would back up itself",
                    group.path
                ),
                "put the repository beside what is backed up, or back up a narrower path",
            ));
        }
    }
}

fn file_groups(spec: &ResticSpec, refusals: &mut Vec<Refusal>) {
    if spec.file_groups.is_empty() {
        refusals.push(Refusal::new("spec.fileGroups", "is empty", "list at least one path to back up"));
    }
    let mut seen = BTreeSet::new();
    for (index, group) in spec.file_groups.iter().enumerate() {
        let field = format!("spec.fileGroups[{index}].path");
        let path = &group.path;
        if path.is_empty() {
            refusals.push(Refusal::new(field, "is missing", "name an absolute path"));
        } else if !path.starts_with('/') {
            refusals.push(Refusal::new(field, format!("`{path}` is relative"), "name an absolute path"));
        } else if !seen.insert(components(path)) {
            refusals.push(Refusal::new(
                field,
                format!("`{path}` is listed twice"),
                "list each path once: its snapshots and metrics are told apart by it",
            ));
        }
    }
}

fn selector(spec: &ResticSpec, mode: Mode, refusals: &mut Vec<Refusal>) {
    let absent = spec.selector == Default::default();
    if !(absent && mode == Mode::Standalone)
        && let Err(problems) = select::selector("spec.selector", &spec.selector)
    {
        refusals.extend(problems);
    }
}

fn policies(spec: &ResticSpec, refusals: &mut Vec<Refusal>) {
    for (index, policy) in spec.retention_policies.iter().enumerate() {
        for (name, count) in counts(policy) {
            if count < 0 {
                refusals.push(Refusal::new(
                    format!("spec.retentionPolicies[{index}].{name}"),
                    format!("is {count}"),
                    "use 0 for `no rule`, or the number of snapshots to keep",
                ));
            }
        }
    }
    let mut seen = BTreeSet::new();
    for (index, policy) in spec.retention_policies.iter().enumerate() {
        let field = format!("spec.retentionPolicies[{index}].name");
        if policy.name.is_empty() {
            refusals.push(Refusal::new(field, "is missing", "name it, so that file groups can refer to it"));
        } else if !seen.insert(&policy.name) {
            refusals.push(Refusal::new(
                field,
                format!("`{}` is used twice", policy.name),
                "give each policy a name of its own",
            ));
        }
    }
}

fn counts(policy: &RetentionPolicy) -> [(&'static str, i64); 6] {
    [
        ("keepLast", policy.keep_last),
        ("keepHourly", policy.keep_hourly),
        ("keepDaily", policy.keep_daily),
        ("keepWeekly", policy.keep_weekly),
        ("keepMonthly", policy.keep_monthly),
        ("keepYearly", policy.keep_yearly),
    ]
}

/// The mounts become part of a pod that Kubernetes must accept, beside those that Stash adds.
fn volume_mounts(spec: &ResticSpec, mode: Mode, refusals: &mut Vec<Refusal>) {
    let mut mounts = Mounts::new();
    if let Some(local) =
        spec.backend.local.as_ref().filter(|local| mode == Mode::Cluster && local.mount_path.starts_with('/'))
    {
        // Its other rules are with the backend.
        mounts.add("spec.backend.local", &local.mount_path, "", refusals);
    }
    for (index, mount) in spec.volume_mounts.iter().enumerate() {
        let field = format!("spec.volumeMounts[{index}]");
        if RESERVED_VOLUMES.contains(&mount.name.as_str()) {
            refusals.push(Refusal::new(
                format!("{field}.name"),
                format!("`{}` is a volume of Stash itself", mount.name),
                "mount a volume of the workload, under another name",
            ));
        } else if mount.name.is_empty() {
            refusals.push(Refusal::new(
                format!("{field}.name"),
                "is missing",
                "name a volume of the workload",
            ));
        }
        mounts.add(&field, &mount.mount_path, mount.sub_path.as_deref().unwrap_or_default(), refusals);
    }
}
