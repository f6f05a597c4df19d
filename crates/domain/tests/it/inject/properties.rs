//! What holds of every workload and every Restic.

use domain::decide::inject::Verdict;
use domain::objects::restic::FileGroup;
use domain::rules::validate::{self, Mode};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

use super::stored::stored;
use super::workloads::{kind, restic, workload};
use super::{after, decide};

const TEMPLATE: &str = "/spec/template";

proptest! {
    #[test]
    fn injecting_twice_writes_once(kind in kind(), workload in workload(), restic in restic()) {
        let once = decide(kind, &workload, std::slice::from_ref(&restic));
        let injected = matches!(once.verdict, Verdict::Injected { .. });
        prop_assert!(injected, "{:?}", once.verdict);
        let once = once.write.expect("nothing of ours is there yet");
        prop_assert_eq!(decide(kind, &once, std::slice::from_ref(&restic)).write, None);
        prop_assert_eq!(decide(kind, &stored(&once), std::slice::from_ref(&restic)).write, None);
    }

    #[test]
    fn removing_restores_what_was_before(
        kind in kind(), workload in workload(), first in restic(), second in restic(),
    ) {
        let injected = after(kind, &workload, &[first]);
        prop_assert_eq!(&after(kind, &injected, &[]), &workload);
        let injected = after(kind, &injected, &[second]);
        let removed = decide(kind, &injected, &[]);
        prop_assert_eq!(&removed.verdict, &Verdict::NotSelected);
        prop_assert_eq!(&removed.write.expect("something to remove"), &workload);
        prop_assert_eq!(decide(kind, &workload, &[]).write, None);
    }

    /// What is there in the end depends on the Restic in force, not on those before it.
    #[test]
    fn history_leaves_no_trace(kind in kind(), workload in workload(), first in restic(), second in restic()) {
        let fresh = after(kind, &workload, std::slice::from_ref(&second));
        let edited = after(kind, &stored(&after(kind, &workload, &[first])), &[second]);
        prop_assert_eq!(unordered(&stored(&edited)), unordered(&stored(&fresh)));
    }

    /// The fields of the sidecar's own watch: its pods must not be replaced for them.
    #[test]
    fn what_the_sidecar_watches_changes_no_pod(kind in kind(), workload in workload(), restic in restic()) {
        let mut edited = restic.clone();
        edited.metadata.generation = Some(99);
        edited.spec.paused = !restic.spec.paused;
        edited.spec.schedule = "0 5 * * *".to_owned();
        edited.spec.file_groups.push(FileGroup { path: "/other".to_owned(), ..FileGroup::default() });
        edited.spec.retention_policies.push(serde_json::from_value(json!({"name": "n", "keepLast": 1})).unwrap());
        if let Some(s3) = &mut edited.spec.backend.s3 {
            s3.prefix = "other".to_owned();
        }
        let before = after(kind, &workload, &[restic]);
        let now = decide(kind, &before, &[edited]).write.expect("the annotation stays current");
        prop_assert_eq!(now.pointer(TEMPLATE), before.pointer(TEMPLATE));
        let annotation = now["metadata"]["annotations"]["restic.appscode.com/last-applied-configuration"].as_str();
        prop_assert!(annotation.unwrap().contains(r#""generation":99"#));
    }

    /// Whatever somebody takes away or alters of ours comes back.
    #[test]
    fn what_is_taken_away_comes_back(
        kind in kind(), workload in workload(), restic in restic(), which in any::<Index>(),
    ) {
        let whole = after(kind, &workload, std::slice::from_ref(&restic));
        let mut damages: Vec<Value> = Vec::new();
        for list in ["containers", "initContainers", "volumes"] {
            let pointer = format!("/spec/template/spec/{list}");
            let length = whole.pointer(&pointer).and_then(Value::as_array).map_or(0, Vec::len);
            for index in (0..length).filter(|index| whole.pointer(&format!("{pointer}/{index}/name"))
                .and_then(Value::as_str).is_some_and(|name| name.starts_with("stash")))
            {
                let mut damaged = whole.clone();
                damaged.pointer_mut(&pointer).and_then(Value::as_array_mut).unwrap().remove(index);
                damages.push(damaged);
                let mut damaged = whole.clone();
                *damaged.pointer_mut(&format!("{pointer}/{index}")).unwrap() =
                    json!({"name": whole.pointer(&format!("{pointer}/{index}/name")), "image": "evil"});
                damages.push(damaged);
            }
        }
        for annotations in ["/metadata", TEMPLATE] {
            let mut damaged = whole.clone();
            let holder = damaged.pointer_mut(annotations).unwrap();
            let metadata = if annotations == TEMPLATE { &mut holder["metadata"] } else { holder };
            let annotations = metadata["annotations"].as_object_mut().unwrap();
            annotations.retain(|name, _| !name.starts_with("restic.appscode.com/"));
            damages.push(damaged);
        }
        let damaged = which.get(&damages);
        let mended = after(kind, damaged, std::slice::from_ref(&restic));
        let spec = |workload: &Value| unordered(&stored(workload))["spec"].clone();
        prop_assert_eq!(spec(&mended), spec(&whole));
    }
}

/// With the lists whose order means nothing sorted by name.
fn unordered(workload: &Value) -> Value {
    let mut workload = workload.clone();
    for list in ["volumes", "imagePullSecrets"] {
        let entries = workload.pointer_mut(&format!("/spec/template/spec/{list}"));
        if let Some(entries) = entries.and_then(Value::as_array_mut) {
            entries.sort_by_key(|entry| entry["name"].to_string());
        }
    }
    let annotation =
        workload.pointer_mut("/metadata/annotations/restic.appscode.com~1last-applied-configuration");
    if let Some(annotation) = annotation {
        let mut value: Value = serde_json::from_str(annotation.as_str().unwrap()).unwrap();
        if let Some(secrets) = value.pointer_mut("/injected/imagePullSecrets").and_then(Value::as_array_mut) {
            secrets.sort_by_key(ToString::to_string);
        }
        *annotation = value;
    }
    workload
}

/// The others would prove less than they say.
#[test]
fn random_restics_are_valid() {
    proptest!(|(restic in restic())| {
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        prop_assert_eq!(validate::restic(&restic, Mode::Cluster, now), []);
    });
}
