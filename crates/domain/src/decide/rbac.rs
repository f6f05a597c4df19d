//! What the containers of ours may do at the API: a Role per workload or Job, limited to the objects it needs by
//! their names, and the binding to its ServiceAccount.
//!
//! The sidecar has the ServiceAccount of its pod, so the application can do what it can. Hence no Secret is readable
//! through it (the storage Secret is mounted into our container alone) and nothing can be deleted, scaled or bound.
//! 0.8.3 bound the pod's ServiceAccount to a ClusterRole that could read every Secret of the namespace.
//!
//! RBAC cannot limit `create` by name, but where an object is made by applying it. What remains because of it: to make Leases, Events and Repositories of any
//! name in the own namespace. `list` and `watch` are limited by name when the request selects `metadata.name`.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::{PolicyRule, Role, RoleBinding, RoleRef, Subject};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use super::target::{Target, text};
use crate::objects::workload::{Workload, WorkloadKind};
use crate::objects::{GROUP, VERSION};
use crate::rules::names;

const RBAC: &str = "rbac.authorization.k8s.io";

/// Everything that gives one workload or Job its rights. All of it is of one namespace and has one name, and goes
/// with its owner.
#[derive(Clone, Debug, PartialEq)]
pub struct Access {
    /// For a Job; a workload has its own.
    pub service_account: Option<ServiceAccount>,
    /// The rights.
    pub role: Role,
    /// Gives them to the ServiceAccount.
    pub role_binding: RoleBinding,
}

/// What the objects belong to: they are deleted with it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Owner<'a> {
    /// `apps/v1`.
    pub api_version: &'a str,
    /// CamelCase.
    pub kind: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Its UID. Without one nothing can be owned, so a webhook, which sees objects that have none yet, makes none.
    pub uid: &'a str,
}

impl Owner<'_> {
    /// The reference. Not that of a controller: one object may have only one of these.
    #[must_use]
    pub fn reference(&self) -> OwnerReference {
        OwnerReference {
            api_version: self.api_version.to_owned(),
            kind: self.kind.to_owned(),
            name: self.name.to_owned(),
            uid: self.uid.to_owned(),
            block_owner_deletion: None,
            controller: None,
        }
    }
}

/// API version and resource of a kind of workload; `None` for a host.
#[must_use]
pub fn api_of(kind: WorkloadKind) -> Option<(&'static str, &'static str)> {
    match kind {
        WorkloadKind::Deployment => Some(("apps/v1", "deployments")),
        WorkloadKind::ReplicaSet => Some(("apps/v1", "replicasets")),
        WorkloadKind::StatefulSet => Some(("apps/v1", "statefulsets")),
        WorkloadKind::DaemonSet => Some(("apps/v1", "daemonsets")),
        WorkloadKind::ReplicationController => Some(("v1", "replicationcontrollers")),
        WorkloadKind::Host => None,
    }
}

/// What the sidecar or init container of a workload may do.
///
/// `repositories` are the names of the Repositories it fills: see [`repositories_of`]. `None` while the workload has
/// no UID or is no workload of a cluster.
///
/// - `get`, `list`, `watch` its Restic: the schedule, and what to do on it.
/// - `create` Repositories; `get`, `list`, `watch`, `patch` its own and their status.
/// - `get`, `create`, `patch` the catalogues of these, where it leaves what snapshots there are.
/// - Where pods elect one of them: `create` Leases; `get`, `update`, `patch` the one of this workload.
/// - `get` the workload itself: an init container asks whether its pod is one to back up before.
/// - `create` and `patch` Events.
#[must_use]
pub fn workload(target: Target<'_>, restic: &str, repositories: &BTreeSet<String>) -> Option<Access> {
    let (api_version, resource) = api_of(target.kind)?;
    let uid = text(target.object, "/metadata/uid");
    if uid.is_empty() {
        return None;
    }
    let own: Vec<&str> = repositories.iter().map(String::as_str).collect();
    let mut rules = vec![
        named(GROUP, &["restics"], &["get", "list", "watch"], &[restic]),
        any(GROUP, &["repositories"], &["create"]),
    ];
    // An empty list of names would mean every name.
    if !own.is_empty() {
        rules.push(named(GROUP, &["repositories"], &["get", "list", "watch", "patch"], &own));
        rules.push(named(GROUP, &["repositories/status"], &["get", "patch"], &own));
        rules.push(catalogues(own.iter().copied()));
    }
    if let Ok(workload) = Workload::new(target.kind, target.name(), None, None) {
        let lease = names::leader_lock(&workload);
        rules.push(any("coordination.k8s.io", &["leases"], &["create"]));
        rules.push(named("coordination.k8s.io", &["leases"], &["get", "update", "patch"], &[&lease]));
    }
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    rules.push(named(group, &[resource], &["get"], &[target.name()]));
    rules.push(events());
    let owner = Owner { api_version, kind: target.kind.as_str(), name: target.name(), uid };
    let labels = labels(&[
        (names::LABEL_RESTIC, restic),
        (names::LABEL_WORKLOAD_KIND, target.kind.as_str()),
        (names::LABEL_WORKLOAD_NAME, target.name()),
    ]);
    let name = names::sidecar_role_binding(target.kind, target.name());
    let metadata = metadata(&name, target.namespace, labels, owner);
    Some(access(metadata, rules, target.service_account(), None))
}

/// Names of the Repositories that a workload fills.
///
/// For a StatefulSet these are of the pods that its `replicas` and `ordinals.start` name; for a DaemonSet of the
/// `nodes` where its pods run; for the others there is one.
#[must_use]
pub fn repositories_of<'a>(target: Target<'_>, nodes: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    let name = target.name();
    let of = |pod: Option<&str>, node: Option<&str>| {
        Workload::new(target.kind, name, pod, node).ok().map(|workload| names::repository(&workload))
    };
    match target.kind {
        WorkloadKind::StatefulSet => {
            let number = |pointer: &str, default: u64| {
                target.object.pointer(pointer).and_then(serde_json::Value::as_u64).unwrap_or(default)
            };
            let start = number("/spec/ordinals/start", 0);
            let end = start.saturating_add(number("/spec/replicas", 1));
            (start..end).filter_map(|ordinal| of(Some(&format!("{name}-{ordinal}")), None)).collect()
        }
        WorkloadKind::DaemonSet => nodes.into_iter().filter_map(|node| of(None, Some(node))).collect(),
        _ => of(None, None).into_iter().collect(),
    }
}

/// What the Job of a Recovery may do: read its Recovery, write its status, make Events. The Repository and the
/// Secret come with the Job, see [`super::recovery_job`], so that it has no right in another namespace.
#[must_use]
pub fn recovery(namespace: &str, recovery: &str, uid: &str) -> Access {
    let job = names::recovery_job(recovery);
    let rules = vec![
        named(GROUP, &["recoveries"], &["get"], &[recovery]),
        named(GROUP, &["recoveries/status"], &["get", "patch"], &[recovery]),
        events(),
    ];
    let owner = Owner { api_version: &stash_api(), kind: "Recovery", name: recovery, uid };
    let labels =
        labels(&[(names::LABEL_RECOVERY, recovery), (names::LABEL_OPERATION, names::OPERATION_RECOVERY)]);
    for_job(&job, namespace, labels, owner, rules)
}

/// What the Job that checks a Repository may do: read the Repository, write its status and its catalogue, make Events.
#[must_use]
pub fn check(namespace: &str, repository: &str, uid: &str) -> Access {
    in_repository(&names::check_job(repository), names::OPERATION_CHECK, namespace, repository, uid)
}

/// What the Jobs that forget snapshots of a Repository may do: the same.
#[must_use]
pub fn forget(namespace: &str, repository: &str, uid: &str) -> Access {
    in_repository(&names::forget_job(repository), names::OPERATION_FORGET, namespace, repository, uid)
}

fn in_repository(name: &str, operation: &str, namespace: &str, repository: &str, uid: &str) -> Access {
    let rules = vec![
        named(GROUP, &["repositories"], &["get"], &[repository]),
        named(GROUP, &["repositories/status"], &["get", "patch"], &[repository]),
        catalogues([repository]),
        events(),
    ];
    let owner = Owner { api_version: &stash_api(), kind: "Repository", name: repository, uid };
    let labels = labels(&[(names::LABEL_REPOSITORY, repository), (names::LABEL_OPERATION, operation)]);
    for_job(name, namespace, labels, owner, rules)
}

/// What the Job that scales down may do: read its Restic, find workloads and pods, change the named workloads, evict
/// pods, make Events. Evictions cannot be limited by name, since the names of pods change; a PodDisruptionBudget
/// holds them up.
#[must_use]
pub fn scale_down(
    namespace: &str,
    restic: &str,
    uid: &str,
    workloads: &BTreeSet<(WorkloadKind, String)>,
) -> Access {
    let mut rules = vec![named(GROUP, &["restics"], &["get"], &[restic])];
    for kind in WorkloadKind::ALL {
        let Some((api_version, resource)) = api_of(kind) else { continue };
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        rules.push(any(group, &[resource], &["get", "list", "watch"]));
        let of_kind = workloads.iter().filter(|(of, _)| *of == kind);
        let own: Vec<&str> = of_kind.map(|(_, name)| name.as_str()).collect();
        if !own.is_empty() {
            rules.push(named(group, &[resource], &["patch"], &own));
        }
    }
    rules.push(any("", &["pods"], &["get", "list", "watch"]));
    rules.push(any("", &["pods/eviction"], &["create"]));
    rules.push(events());
    let owner = Owner { api_version: &stash_api(), kind: "Restic", name: restic, uid };
    let labels =
        labels(&[(names::LABEL_RESTIC, restic), (names::LABEL_OPERATION, names::OPERATION_SCALE_DOWN)]);
    for_job(&names::scale_down_cron_job(restic), namespace, labels, owner, rules)
}

fn for_job(
    name: &str,
    namespace: &str,
    labels: BTreeMap<String, String>,
    owner: Owner<'_>,
    rules: Vec<PolicyRule>,
) -> Access {
    let metadata = metadata(name, namespace, labels, owner);
    let account = ServiceAccount { metadata: metadata.clone(), ..ServiceAccount::default() };
    access(metadata, rules, name, Some(account))
}

fn access(
    metadata: ObjectMeta,
    rules: Vec<PolicyRule>,
    service_account_name: &str,
    service_account: Option<ServiceAccount>,
) -> Access {
    let name = metadata.name.clone().unwrap_or_default();
    let subject = Subject {
        kind: "ServiceAccount".to_owned(),
        name: service_account_name.to_owned(),
        namespace: metadata.namespace.clone(),
        api_group: None,
    };
    Access {
        service_account,
        role: Role { metadata: metadata.clone(), rules: Some(rules) },
        role_binding: RoleBinding {
            metadata,
            role_ref: RoleRef { api_group: RBAC.to_owned(), kind: "Role".to_owned(), name },
            subjects: Some(vec![subject]),
        },
    }
}

fn metadata(name: &str, namespace: &str, labels: BTreeMap<String, String>, owner: Owner<'_>) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some(namespace.to_owned()),
        labels: Some(labels),
        owner_references: Some(vec![owner.reference()]),
        ..ObjectMeta::default()
    }
}

/// The label of everything that Stash makes, and these.
pub(crate) fn labels(more: &[(&str, &str)]) -> BTreeMap<String, String> {
    let app = std::iter::once(&(names::LABEL_APP, names::APP));
    app.chain(more).map(|(key, value)| ((*key).to_owned(), names::label_value(value))).collect()
}

/// API version of our own kinds.
pub(crate) fn stash_api() -> String {
    format!("{GROUP}/{VERSION}")
}

/// A catalogue is made by applying it, which says its name; so even `create` is limited by it.
fn catalogues<'a>(repositories: impl IntoIterator<Item = &'a str>) -> PolicyRule {
    let of: Vec<String> = repositories.into_iter().map(names::catalogue).collect();
    let of: Vec<&str> = of.iter().map(String::as_str).collect();
    named("", &["configmaps"], &["get", "create", "patch"], &of)
}

fn events() -> PolicyRule {
    any("events.k8s.io", &["events"], &["create", "patch"])
}

fn any(group: &str, resources: &[&str], verbs: &[&str]) -> PolicyRule {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    PolicyRule {
        api_groups: Some(vec![group.to_owned()]),
        resources: Some(owned(resources)),
        verbs: owned(verbs),
        ..PolicyRule::default()
    }
}

fn named(group: &str, resources: &[&str], verbs: &[&str], of: &[&str]) -> PolicyRule {
    PolicyRule {
        resource_names: Some(of.iter().map(|name| (*name).to_owned()).collect()),
        ..any(group, resources, verbs)
    }
}

#[cfg(test)]
mod tests;
