//! When something changes, who has to look again. This is the whole table:
//!
//! | changed | looks again |
//! |---|---|
//! | workload: labels, annotations, spec, its end | itself; the Restics of its namespace; the groups of the gateway |
//! | workload: its status | itself: pods of it came or went |
//! | Restic: anything but its status | itself, the other Restics and all workloads of its namespace; the groups of the gateway |
//! | Repository | itself, the Restic that fills it, the Recoveries that read it; at its end the groups of the gateway |
//! | Recovery | itself; at its end the groups of the gateway |
//! | Job | the Recovery or Repository it serves |
//! | catalogue | nobody: the Snapshots in it are made anew at once |
//! | Role, RoleBinding, ServiceAccount, CronJob of ours | what it was made for |
//!
//! Secrets and namespaces are not watched: we have no business with most of them. Who waits for one asks again.

use std::collections::BTreeMap;

use domain::objects::recovery::Recovery;
use domain::objects::repository::Repository;
use domain::objects::restic::Restic;
use domain::objects::workload::WorkloadKind;
use domain::rules::names;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::api::PartialObjectMeta;

use crate::seen::Seen;
use crate::world::World;

pub(crate) fn workload(world: &World, kind: WorkloadKind, before: Option<&Seen>, after: Option<&Seen>) {
    let Some(object) = after.or(before) else { return };
    if after.is_some() {
        world.dispatch.workload(kind, object);
    }
    if differs(before, after) {
        world.dispatch.sweep();
        for restic in world.restics_of(&namespace(object)) {
            world.dispatch.restic(&restic);
        }
    }
}

pub(crate) fn restic(world: &World, before: Option<&Restic>, after: Option<&Restic>) {
    let Some(object) = after.or(before) else { return };
    if !differs(before, after) {
        return;
    }
    world.dispatch.sweep();
    let namespace = namespace(object);
    for restic in world.restics_of(&namespace) {
        world.dispatch.restic(&restic);
    }
    for (kind, workload) in world.workloads_of(&namespace) {
        world.dispatch.workload(kind, &workload);
    }
}

pub(crate) fn repository(world: &World, before: Option<&Repository>, after: Option<&Repository>) {
    let Some(object) = after.or(before) else { return };
    match after {
        Some(_) => world.dispatch.repository(object),
        None => world.dispatch.sweep(),
    }
    let (own, name) = (namespace(object), object.metadata.name.as_deref().unwrap_or_default());
    if let Some(restic) = label(&object.metadata, names::LABEL_RESTIC) {
        world.dispatch.restic_named(&own, restic);
    }
    let reads = |recovery: &Recovery| {
        let repository = &recovery.spec.repository;
        repository.name.as_deref() == Some(name) && repository.namespace.as_deref() == Some(own.as_str())
    };
    for recovery in world.recoveries.state_filter(reads) {
        world.dispatch.recovery(&recovery);
    }
}

pub(crate) fn recovery(world: &World, _: Option<&Recovery>, after: Option<&Recovery>) {
    match after {
        Some(object) => world.dispatch.recovery(object),
        None => world.dispatch.sweep(),
    }
}

pub(crate) fn job(world: &World, before: Option<&Job>, after: Option<&Job>) {
    let Some(object) = after.or(before) else { return };
    owner(world, &object.metadata);
}

pub(crate) fn owned<K>(
    world: &World,
    kind: &str,
    before: Option<&PartialObjectMeta<K>>,
    after: Option<&PartialObjectMeta<K>>,
) where
    K: Resource<DynamicType = ()>,
{
    let Some(object) = after.or(before) else { return };
    let version = after.and_then(|after| after.metadata.resource_version.clone());
    let metadata = &object.metadata;
    let (namespace, name) =
        (metadata.namespace.as_deref().unwrap_or_default(), metadata.name.as_deref().unwrap_or_default());
    if world.owned.saw(kind, namespace, name, version) {
        owner(world, metadata);
    }
}

/// Has the object looked at that something of ours was made for, by the labels that everything of ours has.
fn owner(world: &World, metadata: &ObjectMeta) {
    let namespace = metadata.namespace.as_deref().unwrap_or_default();
    if let Some(recovery) = label(metadata, names::LABEL_RECOVERY) {
        world.dispatch.recovery_named(namespace, recovery);
    }
    // A label may have been shortened; a reference has the whole name.
    let owners = metadata.owner_references.as_deref().unwrap_or_default();
    let repository = owners.iter().find(|owner| owner.kind == "Repository").map(|owner| owner.name.as_str());
    if let Some(repository) = repository.or_else(|| label(metadata, names::LABEL_REPOSITORY)) {
        world.dispatch.repository_named(namespace, repository);
    }
    let workload = metadata.owner_references.iter().flatten().find_map(|owner| {
        let kind: WorkloadKind = owner.kind.parse().ok()?;
        Some((kind, owner.name.as_str()))
    });
    match (workload, label(metadata, names::LABEL_RESTIC)) {
        (Some((kind, name)), _) => world.dispatch.workload_named(kind, namespace, name),
        (None, Some(restic)) => world.dispatch.restic_named(namespace, restic),
        (None, None) => {}
    }
}

/// Whether more than the status differs.
fn differs<K: Resource>(before: Option<&K>, after: Option<&K>) -> bool {
    type Essence<'a> = (
        Option<i64>,
        &'a Option<BTreeMap<String, String>>,
        &'a Option<BTreeMap<String, String>>,
        bool,
        &'a Option<String>,
    );
    fn essence(metadata: &ObjectMeta) -> Essence<'_> {
        (
            metadata.generation,
            &metadata.labels,
            &metadata.annotations,
            metadata.deletion_timestamp.is_some(),
            &metadata.uid,
        )
    }
    match (before, after) {
        (Some(before), Some(after)) => essence(before.meta()) != essence(after.meta()),
        _ => true,
    }
}

fn namespace<K: Resource>(object: &K) -> String {
    object.meta().namespace.clone().unwrap_or_default()
}

fn label<'a>(metadata: &'a ObjectMeta, name: &str) -> Option<&'a str> {
    metadata.labels.as_ref()?.get(name).map(String::as_str)
}
