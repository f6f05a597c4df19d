//! The sidecar and the init container: what a workload has to look like, given the Restics of its namespace.
//!
//! The mutating webhook and the controller call [`inject`] with the same arguments and so decide the same. Desired
//! state is whole: the function does not ask what changed, it compares what is there with what should be, and so
//! repairs what somebody took out, follows a change of the operator's image, and finds nothing to do the second time.
//!
//! What is ours: the container `stash`, with every field; the volumes of [`names::RESERVED_VOLUMES`]; three annotations;
//! the pull secrets that were not there before. Everything else is the user's and stays as it is, the update strategy
//! included. 0.8.3 forced `RollingUpdate` upon DaemonSets and StatefulSets and never gave the user's choice back;
//! whoever chose `OnDelete` decides alone when pods are replaced, and [`Note::OnDelete`] says that it is their turn.
//!
//! A paused Restic is injected like any other: `paused` only stops sessions, so that neither pausing nor resuming
//! restarts a pod. (0.8.3 injected on resuming what it had left out, which restarted pods then.)

use jiff::Timestamp;
use serde_json::{Value, json};

use super::settings::Settings;
use super::sidecar::{self, Pieces};
use super::target::{Applied, LeftAlone, Target, text};
use super::template;
use crate::objects::restic::Restic;
use crate::objects::workload::WorkloadKind;
use crate::rules::names;
use crate::rules::select::{Selection, select};
use crate::rules::validate::{self, Mode, Refusal};

/// What is to be done about one workload.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// What was found.
    pub verdict: Verdict,
    /// The workload as it has to be; `None` when it is so already.
    pub write: Option<Value>,
}

/// What was found about one workload.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// None of our business. Nothing is written.
    LeftAlone(LeftAlone),
    /// No Restic selects it; what was injected before is removed.
    NotSelected,
    /// One Restic selects it, and is or will be injected.
    Injected {
        /// Name of the Restic.
        restic: String,
        /// What the user should know.
        notes: Vec<Note>,
    },
    /// Several Restics select it, and neither is injected. What one of them injected before stays as it is: a backup
    /// that runs is worth more than one that stops because somebody made a second Restic. What another one
    /// injected, which selects it no more, is removed.
    Conflict {
        /// Names of the Restics, in order.
        restics: Vec<String>,
    },
    /// The one Restic that selects it cannot be injected. What it injected before stays as it is, unless that would
    /// keep the workload itself from being written.
    Refused {
        /// Name of the Restic.
        restic: String,
        /// Why not.
        refusals: Vec<Refusal>,
    },
}

/// What the user should know of an injection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Note {
    /// The update strategy is `OnDelete`: pods get the container when the user deletes them.
    OnDelete,
}

/// Decides about one workload. `restics` are those of its namespace; `now` is for the schedules, one of which may
/// have no firing left.
///
/// Calling it again with what it wrote, or with what the API server made of that, writes nothing.
#[must_use]
pub fn inject<'a>(
    target: Target<'_>,
    restics: impl IntoIterator<Item = &'a Restic>,
    settings: &Settings,
    now: Timestamp,
) -> Decision {
    if let Some(reason) = target.left_alone() {
        return Decision { verdict: Verdict::LeftAlone(reason), write: None };
    }
    let applied = target.applied();
    let stays = |names: &[String]| {
        let restic = applied.as_ref().and_then(|applied| applied.restic.as_ref());
        restic.is_some_and(|restic| names.contains(restic)) && target.injected_mounts_fit()
    };
    match select(restics, &target.labels()) {
        Selection::None => {
            Decision { verdict: Verdict::NotSelected, write: removed(target, applied.as_ref()) }
        }
        Selection::Conflict(conflicting) => {
            let mut restics: Vec<String> = conflicting.into_iter().map(name_of).collect();
            restics.sort_unstable();
            let write = if stays(&restics) { None } else { removed(target, applied.as_ref()) };
            Decision { verdict: Verdict::Conflict { restics }, write }
        }
        Selection::One(restic) => {
            let name = name_of(restic);
            let refusals = refusals(target, restic, now);
            if refusals.is_empty() {
                let write = injected(target, restic, settings, applied.as_ref());
                return Decision { verdict: Verdict::Injected { restic: name, notes: notes(target) }, write };
            }
            let write =
                if stays(std::slice::from_ref(&name)) { None } else { removed(target, applied.as_ref()) };
            Decision { verdict: Verdict::Refused { restic: name, refusals }, write }
        }
    }
}

/// The workload without what was injected; `None` when there is nothing of ours in it, or it is none of our business.
#[must_use]
pub fn without(target: Target<'_>) -> Option<Value> {
    if target.left_alone().is_some() {
        return None;
    }
    removed(target, target.applied().as_ref())
}

/// Whether a pod of a ReplicaSet or ReplicationController, which do not replace their pods by themselves, lacks what
/// its workload has, or has what its workload lacks.
#[must_use]
pub fn is_stale(target: Target<'_>, pod: &Value) -> bool {
    let annotations = pod.pointer("/metadata/annotations");
    let hash = annotations.and_then(|all| all.get(names::ANNOTATION_RESOURCE_HASH)?.as_str());
    hash != target.pod_hash()
}

fn name_of(restic: &Restic) -> String {
    restic.metadata.name.clone().unwrap_or_default()
}

/// Why a Restic cannot be injected into this workload. A mount without its volume would have the API server refuse
/// the workload, and leaving the mount out could back up less than was asked for and call it a success.
fn refusals(target: Target<'_>, restic: &Restic, now: Timestamp) -> Vec<Refusal> {
    let mut refusals = validate::restic(restic, Mode::Cluster, now);
    // Stash is no Windows program, and the API server refuses our security context in such a pod.
    if target.pod_spec().is_some_and(|spec| text(spec, "/os/name") == "windows") {
        refusals.push(Refusal::new(
            "spec.selector",
            format!("{} {} has pods for Windows", target.kind, target.name()),
            "narrow it to workloads of Linux",
        ));
    }
    let there = target.mountable();
    for (index, mount) in restic.spec.volume_mounts.iter().enumerate() {
        if !mount.name.is_empty() && !there.contains(mount.name.as_str()) {
            refusals.push(Refusal::new(
                format!("spec.volumeMounts[{index}].name"),
                format!("{} {} has no volume `{}`", target.kind, target.name(), mount.name),
                "name a volume of the workload, or narrow spec.selector",
            ));
        }
    }
    refusals
}

fn notes(target: Target<'_>) -> Vec<Note> {
    let on_delete = matches!(target.kind, WorkloadKind::DaemonSet | WorkloadKind::StatefulSet)
        && text(target.object, "/spec/updateStrategy/type") == "OnDelete";
    if on_delete { vec![Note::OnDelete] } else { Vec::new() }
}

fn injected(
    target: Target<'_>,
    restic: &Restic,
    settings: &Settings,
    applied: Option<&Applied>,
) -> Option<Value> {
    let pieces: Pieces = sidecar::pieces(target, restic, settings);
    let mut object = target.object.clone();
    let pull_secrets = template::put(&mut object, &pieces, applied);
    let last_applied = last_applied(target, restic, &pull_secrets.into_iter().collect::<Vec<_>>());
    let metadata = object.get_mut("metadata")?;
    template::set_annotation(metadata, names::ANNOTATION_LAST_APPLIED, &last_applied);
    template::set_annotation(metadata, names::ANNOTATION_TAG, &settings.image.tag);
    (object != *target.object).then_some(object)
}

/// The annotation that says which Restic is in force. It has the form of a Restic, so that 0.8.3 can read it, but
/// not its spec, which is as large as the user makes it. The generation stays current although no pod is restarted
/// for it: it is metadata of the workload, not of its pods, and tells which edit of the Restic was looked at.
fn last_applied(target: Target<'_>, restic: &Restic, pull_secrets: &[String]) -> String {
    let mut metadata = json!({ "name": name_of(restic), "namespace": target.namespace });
    if let Some(generation) = restic.metadata.generation {
        metadata["generation"] = json!(generation);
    }
    let mut annotation = json!({
        "apiVersion": format!("{}/{}", crate::objects::GROUP, crate::objects::VERSION),
        "kind": "Restic",
        "metadata": metadata,
    });
    if !pull_secrets.is_empty() {
        annotation["injected"] = json!({ "imagePullSecrets": pull_secrets });
    }
    annotation.to_string()
}

/// A workload without our annotations has nothing of ours, even where it has a container `stash`: users may write
/// the sidecar by hand.
fn removed(target: Target<'_>, applied: Option<&Applied>) -> Option<Value> {
    let mut object = target.object.clone();
    template::take_out(&mut object, applied?);
    (object != *target.object).then_some(object)
}
