//! What becomes of objects when Stash is uninstalled: nothing of ours stays in a workload, and nothing that we made for
//! one stays behind. Data in storages is none of this.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::inject;
use super::scaledown::cycle::{Action, Change, Limits, Observation, is_under_way, step};
use super::target::Target;
use crate::rules::names;

/// What is to be done to a workload next.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Nothing: it has nothing of ours.
    Nothing,
    /// Give it its replicas back first: an offline backup is under way.
    EndCycle(Change),
    /// Write it without what is ours.
    Write(Value),
}

/// The next step for a workload, as if no Restic selected it.
#[must_use]
pub fn workload(target: Target<'_>, now: Timestamp) -> Step {
    if is_under_way(target) {
        // Without a Restic there is nothing to wait for.
        let observed = Observation { target, pods: &[], injected: false, paused: false, tick: None };
        if let Action::Write(change) = step(observed, &Limits::DEFAULT, now) {
            return Step::EndCycle(change);
        }
    }
    inject::without(target).map_or(Step::Nothing, Step::Write)
}

/// Whether the operator made an object with these labels for a workload, a Job or an offline backup. Only
/// those have a label beside `app: stash` that says for whom, so that what installs the operator is not among them.
#[must_use]
pub fn is_made_for_others(labels: &BTreeMap<String, String>) -> bool {
    labels.get(names::LABEL_APP).is_some_and(|app| app == names::APP)
        && [names::LABEL_RESTIC, names::LABEL_RECOVERY, names::LABEL_REPOSITORY, names::LABEL_OPERATION]
            .iter()
            .any(|label| labels.contains_key(*label))
}

/// Whether 0.8.3 made a binding for a workload. It has no label; one that a user made for a sidecar written by hand
/// is called otherwise, and stays.
#[must_use]
pub fn is_binding_of_old_release(name: &str, role_kind: &str, role: &str) -> bool {
    role_kind == "ClusterRole"
        && role == names::CLUSTER_ROLE_SIDECAR
        && name.ends_with(&names::legacy_sidecar_role_binding(""))
}

/// The finalizers of a Repository but for ours; `None` when none is ours.
#[must_use]
pub fn finalizers_left(finalizers: &[String]) -> Option<Vec<String>> {
    let is_ours =
        |name: &String| name == names::FINALIZER_REPOSITORY || name == names::FINALIZER_REPOSITORY_LEGACY;
    let left: Vec<String> = finalizers.iter().filter(|name| !is_ours(name)).cloned().collect();
    (left.len() < finalizers.len()).then_some(left)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::objects::workload::WorkloadKind;

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn injected(replicas: i32, annotations: &Value) -> Value {
        let mut object = json!({
            "metadata": { "name": "web", "annotations": {
                names::ANNOTATION_LAST_APPLIED: "{\"metadata\":{\"name\":\"nightly\"}}",
                names::ANNOTATION_TAG: "1",
            } },
            "spec": { "replicas": replicas, "template": {
                "metadata": { "annotations": { names::ANNOTATION_RESOURCE_HASH: "1" } },
                "spec": {
                    "containers": [{ "name": "app" }, { "name": "stash" }],
                    "volumes": [{ "name": "data" }, { "name": "stash-scratchdir" }],
                },
            } },
        });
        for (name, value) in annotations.as_object().unwrap() {
            object["metadata"]["annotations"][name] = value.clone();
        }
        object
    }

    fn next(object: &Value) -> Step {
        workload(Target { kind: WorkloadKind::Deployment, namespace: "shop", object }, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_workload_loses_everything_of_ours_and_nothing_else() {
        let Step::Write(without) = next(&injected(2, &json!({}))) else { panic!("nothing is written") };
        assert_eq!(
            without,
            json!({
                "metadata": { "name": "web" },
                "spec": { "replicas": 2, "template": {
                    "metadata": {},
                    "spec": { "containers": [{ "name": "app" }], "volumes": [{ "name": "data" }] },
                } },
            })
        );
        assert_eq!(next(&without), Step::Nothing);
    }

    #[test]
    fn a_workload_that_is_scaled_down_has_its_replicas_back_first() {
        let mark = json!({ "tick": "1", "phase": "ScalingDown", "since": "2026-01-01T00:00:00Z" });
        let annotations = json!({
            names::ANNOTATION_OLD_REPLICA: "3",
            names::ANNOTATION_OFFLINE_CYCLE: mark.to_string(),
        });
        let Step::EndCycle(change) = next(&injected(0, &annotations)) else { panic!("the cycle goes on") };
        assert_eq!(change.replicas, Some(3));
        assert_eq!(change.annotations.get(names::ANNOTATION_OLD_REPLICA), Some(&None));
    }

    #[test]
    fn what_was_made_for_others_is_told_from_what_installs_the_operator() {
        assert!(is_made_for_others(&labels(&[("app", "stash"), ("restic", "nightly")])));
        assert!(is_made_for_others(&labels(&[("app", "stash"), ("operation", "check")])));
        assert!(!is_made_for_others(&labels(&[("app", "stash")])));
        assert!(!is_made_for_others(&labels(&[("app", "stash"), ("release", "stash")])));
        assert!(!is_made_for_others(&labels(&[("app", "shop"), ("restic", "nightly")])));
    }

    #[test]
    fn a_repository_loses_our_finalizers_and_keeps_those_of_others() {
        let named = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let left = finalizers_left(&named(&["a", "stash", "stash.appscode.com/repository"]));
        assert_eq!(left, Some(named(&["a"])));
        assert_eq!(finalizers_left(&named(&["a"])), None);
    }
}
