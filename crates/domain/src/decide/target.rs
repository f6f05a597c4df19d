//! A workload object as it is: one view over the five kinds, on the JSON that was read.
//!
//! JSON and not types, because what is written back must hold every field that was read, those of a newer Kubernetes
//! included. A typed copy would drop them without a word.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::objects::workload::WorkloadKind;
use crate::rules::names;

/// A workload that may be backed up.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Its kind; objects of a list do not say it themselves.
    pub kind: WorkloadKind,
    /// Its namespace: of the request, since the object of a request to create may not say it.
    pub namespace: &'a str,
    /// The object.
    pub object: &'a Value,
}

/// Why a workload is none of our business, whatever the Restics say.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LeftAlone {
    /// It is being deleted, and must never be kept from it.
    BeingDeleted,
    /// Another object controls it: its own pod template decides.
    Owned,
    /// It has `generateName` and no name yet; the controller sees it again when it has one.
    Nameless,
    /// It has no pod template.
    NoPodTemplate,
    /// Its kind cannot be injected into.
    Unsupported,
}

/// The Restic that was injected, by the annotations of the workload.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Applied {
    /// Name of the Restic; `None` when the annotation cannot be read.
    pub restic: Option<String>,
    /// Pull secrets that we added to the pod's own. 0.8.3 did not record them, so its additions stay.
    pub pull_secrets: BTreeSet<String>,
}

impl<'a> Target<'a> {
    /// Its name; empty while it has none.
    #[must_use]
    pub fn name(&self) -> &'a str {
        text(self.object, "/metadata/name")
    }

    /// Its own labels, by which Restics select it.
    #[must_use]
    pub fn labels(&self) -> BTreeMap<String, String> {
        let labels = self.object.pointer("/metadata/labels").and_then(Value::as_object);
        labels
            .into_iter()
            .flatten()
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect()
    }

    /// An annotation of the workload itself.
    #[must_use]
    pub fn annotation(&self, name: &str) -> Option<&'a str> {
        self.object.pointer("/metadata/annotations")?.get(name)?.as_str()
    }

    /// The spec of its pods.
    #[must_use]
    pub fn pod_spec(&self) -> Option<&'a Value> {
        self.object.pointer("/spec/template/spec").filter(|spec| spec.is_object())
    }

    /// The hash that its pods get, see [`names::ANNOTATION_RESOURCE_HASH`].
    #[must_use]
    pub fn pod_hash(&self) -> Option<&'a str> {
        let annotations = self.object.pointer("/spec/template/metadata/annotations")?;
        annotations.get(names::ANNOTATION_RESOURCE_HASH)?.as_str()
    }

    /// ServiceAccount of its pods.
    #[must_use]
    pub fn service_account(&self) -> &'a str {
        let name = self.pod_spec().map_or("", |spec| text(spec, "/serviceAccountName"));
        if name.is_empty() { "default" } else { name }
    }

    /// Why it is left alone, if it is.
    #[must_use]
    pub fn left_alone(&self) -> Option<LeftAlone> {
        if self.kind == WorkloadKind::Host {
            Some(LeftAlone::Unsupported)
        } else if self.object.pointer("/metadata/deletionTimestamp").is_some_and(|at| !at.is_null()) {
            Some(LeftAlone::BeingDeleted)
        } else if self.is_owned() {
            Some(LeftAlone::Owned)
        } else if self.name().is_empty() {
            Some(LeftAlone::Nameless)
        } else if self.pod_spec().is_none() {
            Some(LeftAlone::NoPodTemplate)
        } else {
            None
        }
    }

    /// A ReplicaSet or ReplicationController that a Deployment, or whatever else makes such things, controls. What
    /// owns a Deployment, StatefulSet or DaemonSet is mostly an operator that does not mind an additional container,
    /// and its users want backups too.
    fn is_owned(&self) -> bool {
        let owners = self.object.pointer("/metadata/ownerReferences").and_then(Value::as_array);
        matches!(self.kind, WorkloadKind::ReplicaSet | WorkloadKind::ReplicationController)
            && owners.into_iter().flatten().any(|owner| {
                owner.get("controller") == Some(&Value::Bool(true)) || text(owner, "/kind") == "Deployment"
            })
    }

    /// What was injected, if anything was.
    #[must_use]
    pub fn applied(&self) -> Option<Applied> {
        let Some(annotation) = self.annotation(names::ANNOTATION_LAST_APPLIED) else {
            return self.pod_hash().map(|_| Applied::default());
        };
        let annotation: Value = serde_json::from_str(annotation).unwrap_or_default();
        let restic = text(&annotation, "/metadata/name");
        let secrets = annotation.pointer("/injected/imagePullSecrets").and_then(Value::as_array);
        Some(Applied {
            restic: (!restic.is_empty()).then(|| restic.to_owned()),
            pull_secrets: secrets
                .into_iter()
                .flatten()
                .filter_map(|name| Some(name.as_str()?.to_owned()))
                .collect(),
        })
    }

    /// Names that a container may mount: the volumes of the user, and the claims of a StatefulSet.
    #[must_use]
    pub fn mountable(&self) -> BTreeSet<&'a str> {
        let claims = self.object.pointer("/spec/volumeClaimTemplates").and_then(Value::as_array);
        let claims = claims.into_iter().flatten().map(|claim| text(claim, "/metadata/name"));
        self.volumes().chain(claims).collect()
    }

    /// Names of the volumes of the pod template, ours included.
    fn volumes(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let volumes = self.pod_spec().and_then(|spec| spec.get("volumes")).and_then(Value::as_array);
        volumes.into_iter().flatten().map(|volume| text(volume, "/name"))
    }

    /// Whether the injected container, as it is now, mounts only what there is. A user who takes a volume out of
    /// the pod template would otherwise have the whole update refused because of us.
    #[must_use]
    pub fn injected_mounts_fit(&self) -> bool {
        let there = self.mountable();
        let lists = ["containers", "initContainers"].into_iter();
        lists
            .filter_map(|list| self.pod_spec()?.get(list)?.as_array())
            .flatten()
            .filter(|container| text(container, "/name") == names::CONTAINER)
            .filter_map(|container| container.get("volumeMounts")?.as_array())
            .flatten()
            .all(|mount| there.contains(text(mount, "/name")))
    }
}

/// The text at a JSON pointer; empty when there is none.
pub(super) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}
