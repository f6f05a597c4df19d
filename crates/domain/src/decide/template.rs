//! Puts the pieces into a workload object and takes them out again, and touches nothing else.
//!
//! Everything is done in place: what is there already keeps its position, and what is there as it should be is not
//! written again. A list or map that our going leaves empty goes with us, since it came with us.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::equality::{covers, hash, same_container};
use super::sidecar::Pieces;
use super::target::{Applied, text};
use crate::rules::names;

const CONTAINERS: &str = "containers";
const INIT_CONTAINERS: &str = "initContainers";
const VOLUMES: &str = "volumes";
const PULL_SECRETS: &str = "imagePullSecrets";

/// Makes the workload have these pieces, and gives the names of the pull secrets that are in it because of us.
pub(super) fn put(object: &mut Value, pieces: &Pieces, applied: Option<&Applied>) -> BTreeSet<String> {
    let hash = hash(pieces);
    let template = object.pointer_mut("/spec/template").and_then(Value::as_object_mut);
    let Some(template) = template else { return BTreeSet::new() };
    let metadata = template.entry("metadata").or_insert_with(|| json!({}));
    let before = set_annotation(metadata, names::ANNOTATION_RESOURCE_HASH, &hash);
    let unchanged = before.as_deref() == Some(hash.as_str());
    let Some(spec) = template.get_mut("spec").and_then(Value::as_object_mut) else { return BTreeSet::new() };

    let (into, other) =
        if pieces.offline { (INIT_CONTAINERS, CONTAINERS) } else { (CONTAINERS, INIT_CONTAINERS) };
    take(spec, other, |name| name == names::CONTAINER);
    upsert(spec, into, &pieces.container, same_container);
    let wanted: Vec<&str> = pieces.volumes.iter().map(|volume| text(volume, "/name")).collect();
    let mounted = mounted_by_others(spec);
    take(spec, VOLUMES, |name| {
        names::RESERVED_VOLUMES.contains(&name) && !wanted.contains(&name) && !mounted.contains(name)
    });
    for volume in &pieces.volumes {
        upsert(spec, VOLUMES, volume, |there, wanted| unchanged && covers(there, wanted));
    }
    put_pull_secrets(spec, &pieces.pull_secrets, applied)
}

/// Takes out everything of ours.
pub(super) fn take_out(object: &mut Value, applied: &Applied) {
    if let Some(template) = object.pointer_mut("/spec/template").and_then(Value::as_object_mut) {
        remove_annotations(template, &[names::ANNOTATION_RESOURCE_HASH]);
        if let Some(spec) = template.get_mut("spec").and_then(Value::as_object_mut) {
            for list in [CONTAINERS, INIT_CONTAINERS] {
                take(spec, list, |name| name == names::CONTAINER);
            }
            let mounted = mounted_by_others(spec);
            take(spec, VOLUMES, |name| names::RESERVED_VOLUMES.contains(&name) && !mounted.contains(name));
            take(spec, PULL_SECRETS, |name| applied.pull_secrets.contains(name));
        }
    }
    let scaled_down = object
        .pointer("/metadata/annotations")
        .and_then(|all| all.get(names::ANNOTATION_OLD_REPLICA))
        .is_some();
    if let Some(object) = object.as_object_mut() {
        remove_annotations(object, &[names::ANNOTATION_LAST_APPLIED, names::ANNOTATION_TAG]);
        // Whoever ends the cycle still needs to know about it.
        if !scaled_down {
            remove_annotations(object, &[names::ANNOTATION_OFFLINE_CYCLE]);
        }
    }
}

/// Sets an annotation and gives its former value.
pub(super) fn set_annotation(metadata: &mut Value, name: &str, value: &str) -> Option<String> {
    let metadata = metadata.as_object_mut()?;
    let annotations = metadata.entry("annotations").or_insert_with(|| json!({}));
    if !annotations.is_object() {
        *annotations = json!({});
    }
    let before = annotations.as_object_mut()?.insert(name.to_owned(), json!(value))?;
    before.as_str().map(str::to_owned)
}

/// `holder` has the metadata.
fn remove_annotations(holder: &mut Map<String, Value>, remove: &[&str]) {
    let Some(metadata) = holder.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) else { return };
    let before = annotations.len();
    for name in remove {
        annotations.shift_remove(*name);
    }
    if annotations.is_empty() && before > 0 {
        metadata.shift_remove("annotations");
    }
}

/// Adds `entry`, or replaces in place the one of its name unless it is `the_same`.
fn upsert(
    spec: &mut Map<String, Value>,
    list: &str,
    entry: &Value,
    the_same: impl Fn(&Value, &Value) -> bool,
) {
    let entries = spec.entry(list).or_insert_with(|| json!([]));
    if !entries.is_array() {
        *entries = json!([]);
    }
    let Some(entries) = entries.as_array_mut() else { return };
    match entries.iter_mut().find(|there| text(there, "/name") == text(entry, "/name")) {
        Some(there) if the_same(there, entry) => {}
        Some(there) => *there = entry.clone(),
        None => entries.push(entry.clone()),
    }
}

/// Removes the entries of these names.
fn take(spec: &mut Map<String, Value>, list: &str, ours: impl Fn(&str) -> bool) {
    let Some(entries) = spec.get_mut(list).and_then(Value::as_array_mut) else { return };
    let before = entries.len();
    entries.retain(|entry| !ours(text(entry, "/name")));
    if entries.is_empty() && before > 0 {
        spec.shift_remove(list);
    }
}

/// Names of volumes that the user's own containers mount. One of ours among them has to stay, or the workload could
/// not be written any more.
fn mounted_by_others(spec: &Map<String, Value>) -> BTreeSet<String> {
    [CONTAINERS, INIT_CONTAINERS]
        .into_iter()
        .filter_map(|list| spec.get(list)?.as_array())
        .flatten()
        .filter(|container| text(container, "/name") != names::CONTAINER)
        .filter_map(|container| container.get("volumeMounts")?.as_array())
        .flatten()
        .map(|mount| text(mount, "/name").to_owned())
        .collect()
}

/// Adds the missing ones, and removes those that we added and that are wanted no more. Those of the user stay.
fn put_pull_secrets(
    spec: &mut Map<String, Value>,
    wanted: &[String],
    applied: Option<&Applied>,
) -> BTreeSet<String> {
    let added_before = |name: &str| applied.is_some_and(|applied| applied.pull_secrets.contains(name));
    take(spec, PULL_SECRETS, |name| added_before(name) && !wanted.iter().any(|wanted| wanted == name));
    let there: BTreeSet<String> = spec
        .get(PULL_SECRETS)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|entry| text(entry, "/name").to_owned())
        .collect();
    let mut ours = BTreeSet::new();
    for name in wanted {
        if !there.contains(name) {
            upsert(spec, PULL_SECRETS, &json!({ "name": name }), |_, _| true);
        } else if !added_before(name) {
            continue;
        }
        ours.insert(name.clone());
    }
    ours
}
