//! What the API server would refuse in the container that Stash adds. Refused here, it is an error of the Restic;
//! refused there, the whole workload could not be written any more.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{ResourceRequirements, SecurityContext};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::Refusal;
use super::backend::mount_path;
use crate::rules::names::{MOUNT_POD_INFO, MOUNT_SCRATCH, MOUNT_SECRET, MOUNT_TOKEN};
use crate::rules::prefix::components;
use crate::rules::quantity::billionths;

/// Paths that Stash mounts itself, or did.
const OWN_MOUNTS: [&str; 4] = [MOUNT_SCRATCH, MOUNT_POD_INFO, MOUNT_SECRET, MOUNT_TOKEN];

/// The mounts of a container: every path is mounted once.
pub(super) struct Mounts<'a>(BTreeSet<Vec<&'a str>>);

impl<'a> Mounts<'a> {
    /// Those of Stash itself.
    pub(super) fn new() -> Self {
        Mounts(OWN_MOUNTS.into_iter().map(components).collect())
    }

    /// One more, of the field `field`.
    pub(super) fn add(&mut self, field: &str, path: &'a str, sub_path: &str, refusals: &mut Vec<Refusal>) {
        mount_path(field, path, refusals);
        if path.contains(':') {
            refusals.push(Refusal::new(
                format!("{field}.mountPath"),
                format!("`{path}` has a colon, which Kubernetes refuses"),
                "choose a path without one",
            ));
        }
        if path.starts_with('/') && !self.0.insert(components(path)) {
            refusals.push(Refusal::new(
                format!("{field}.mountPath"),
                format!("`{path}` is already a mount of the stash container"),
                format!("choose a path that is neither one of {} nor mounted twice", OWN_MOUNTS.join(", ")),
            ));
        }
        if sub_path.starts_with('/') || sub_path.split('/').any(|folder| folder == "..") {
            refusals.push(Refusal::new(
                format!("{field}.subPath"),
                format!("`{sub_path}` leaves the volume"),
                "name a folder inside the volume, without a leading `/` and without `..`",
            ));
        }
    }
}

/// Amounts of resources: readable, of known resources, and no request above its limit.
pub(super) fn resources(resources: &ResourceRequirements, refusals: &mut Vec<Refusal>) {
    let none = BTreeMap::new();
    let limits = resources.limits.as_ref().unwrap_or(&none);
    let requests = resources.requests.as_ref().unwrap_or(&none);
    for (kind, amounts) in [("limits", limits), ("requests", requests)] {
        for (name, Quantity(text)) in amounts {
            let field = format!("spec.resources.{kind}[{name}]");
            let known = ["cpu", "memory", "ephemeral-storage"].contains(&name.as_str());
            if !known && !name.starts_with("hugepages-") && !name.contains('/') {
                refusals.push(Refusal::new(
                    field.clone(),
                    "is no resource of a container",
                    "use cpu, memory, ephemeral-storage, hugepages-<size> or <domain>/<name>",
                ));
            }
            let amount = billionths(text);
            if amount.is_none_or(|amount| amount < 0) {
                refusals.push(Refusal::new(
                    field,
                    format!("`{text}` is no amount"),
                    "write for example 250m or 64Mi",
                ));
            } else if kind == "requests"
                && let Some(Quantity(limit)) = limits.get(name)
                && billionths(limit).is_some_and(|limit| amount > Some(limit))
            {
                refusals.push(Refusal::new(
                    field,
                    format!("`{text}` is more than the limit `{limit}`"),
                    "request at most the limit",
                ));
            }
        }
    }
}

/// A security context that contradicts itself.
pub(super) fn security_context(context: Option<&SecurityContext>, refusals: &mut Vec<Refusal>) {
    let Some(context) = context else { return };
    for (name, id) in [("runAsUser", context.run_as_user), ("runAsGroup", context.run_as_group)] {
        if id.is_some_and(|id| !(0..=i64::from(i32::MAX)).contains(&id)) {
            refusals.push(Refusal::new(
                format!("spec.securityContext.{name}"),
                "is no id",
                format!("use a number from 0 to {}", i32::MAX),
            ));
        }
    }
    let adds_admin = context.capabilities.as_ref().and_then(|capabilities| capabilities.add.as_ref());
    let adds_admin = adds_admin.is_some_and(|add| add.iter().any(|name| name == "CAP_SYS_ADMIN"));
    if context.allow_privilege_escalation == Some(false) && (context.privileged == Some(true) || adds_admin) {
        refusals.push(Refusal::new(
            "spec.securityContext.allowPrivilegeEscalation",
            "is false, but the container is privileged",
            "remove one of the two",
        ));
    }
    if context.run_as_non_root == Some(true) && context.run_as_user == Some(0) {
        refusals.push(Refusal::new(
            "spec.securityContext.runAsUser",
            "is root, but runAsNonRoot is true",
            "choose another user, or remove runAsNonRoot",
        ));
    }
}
