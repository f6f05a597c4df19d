//! One rule of injection a test.

use domain::decide::inject::{Note, Verdict, is_stale};
use domain::decide::target::{LeftAlone, Target};
use domain::objects::restic::Restic;
use domain::objects::workload::WorkloadKind;
use serde_json::{Value, json};

use super::{after, decide};

fn restic(name: &str, label: (&str, &str)) -> Restic {
    serde_json::from_value(json!({
        "apiVersion": "stash.appscode.com/v1alpha1",
        "kind": "Restic",
        "metadata": {"name": name, "namespace": "demo", "generation": 1},
        "spec": {
            "selector": {"matchLabels": {label.0: label.1}},
            "schedule": "@daily",
            "fileGroups": [{"path": "/data"}],
            "volumeMounts": [{"name": "data", "mountPath": "/data"}],
            "backend": {"storageSecretName": "s", "gcs": {"bucket": "b"}},
        },
    }))
    .unwrap()
}

fn workload() -> Value {
    json!({
        "metadata": {"name": "web", "labels": {"app": "web", "tier": "front"}},
        "spec": {"template": {"metadata": {"labels": {"app": "web"}}, "spec": {
            "containers": [{"name": "app", "image": "app"}],
            "volumes": [{"name": "data", "emptyDir": {}}],
        }}},
    })
}

fn deploy(object: &Value, restics: &[Restic]) -> (Verdict, Option<Value>) {
    let decision = decide(WorkloadKind::Deployment, object, restics);
    (decision.verdict, decision.write)
}

fn containers(object: &Value) -> Vec<&str> {
    let list = object["spec"]["template"]["spec"]["containers"].as_array().unwrap();
    list.iter().map(|container| container["name"].as_str().unwrap()).collect()
}

#[test]
fn two_restics_inject_nothing() {
    let both = [restic("b", ("app", "web")), restic("a", ("tier", "front"))];
    let conflict = Verdict::Conflict { restics: vec!["a".into(), "b".into()] };
    assert_eq!(deploy(&workload(), &both), (conflict, None));
}

#[test]
fn a_second_restic_leaves_the_first_ones_sidecar() {
    let first = restic("a", ("app", "web"));
    let injected = after(WorkloadKind::Deployment, &workload(), std::slice::from_ref(&first));
    let both = [first, restic("b", ("tier", "front"))];
    assert_eq!(deploy(&injected, &both).1, None);
    // When the first selects it no more, what it injected goes.
    let others = [restic("b", ("tier", "front")), restic("c", ("app", "web"))];
    assert_eq!(deploy(&injected, &others).1, Some(workload()));
}

#[test]
fn an_invalid_restic_is_not_injected_and_stops_nothing() {
    let good = restic("a", ("app", "web"));
    let mut bad = good.clone();
    bad.spec.schedule = "never".to_owned();
    let (verdict, write) = deploy(&workload(), std::slice::from_ref(&bad));
    let Verdict::Refused { restic, refusals } = verdict else { panic!("{verdict:?}") };
    assert_eq!((restic.as_str(), refusals[0].field.as_str()), ("a", "spec.schedule"));
    assert_eq!(write, None);
    let injected = after(WorkloadKind::Deployment, &workload(), &[good]);
    assert_eq!(deploy(&injected, &[bad]).1, None, "what runs already goes on");
}

#[test]
fn a_restic_that_mounts_what_is_not_there_is_refused() {
    let mut wrong = restic("a", ("app", "web"));
    wrong.spec.volume_mounts[0].name = "lost".to_owned();
    let (verdict, write) = deploy(&workload(), &[wrong]);
    let Verdict::Refused { refusals, .. } = verdict else { panic!("{verdict:?}") };
    let line = refusals[0].to_string();
    assert!(line.starts_with("spec.volumeMounts[0].name: Deployment web has no volume `lost`;"), "{line}");
    assert_eq!(write, None);
}

#[test]
fn pods_for_windows_are_refused() {
    let mut object = workload();
    object["spec"]["template"]["spec"]["os"] = json!({"name": "windows"});
    let (verdict, write) = deploy(&object, &[restic("a", ("app", "web"))]);
    assert!(matches!(verdict, Verdict::Refused { .. }));
    assert_eq!(write, None);
}

/// The API server would refuse the user's update, since our container mounts what is gone.
#[test]
fn a_user_who_removes_a_volume_is_not_kept_from_it() {
    let restic = restic("a", ("app", "web"));
    let mut object = after(WorkloadKind::Deployment, &workload(), std::slice::from_ref(&restic));
    let volumes = object["spec"]["template"]["spec"]["volumes"].as_array_mut().unwrap();
    volumes.retain(|volume| volume["name"] != "data");
    let (verdict, write) = deploy(&object, &[restic]);
    assert!(matches!(verdict, Verdict::Refused { .. }));
    assert_eq!(containers(&write.unwrap()), ["app"]);
}

#[test]
fn what_is_none_of_our_business_is_left_alone() {
    let restics = [restic("a", ("app", "web"))];
    let check = |kind, change: Value, expected: Option<LeftAlone>| {
        let mut object = workload();
        let metadata = object["metadata"].as_object_mut().unwrap();
        metadata.extend(change.as_object().unwrap().clone());
        let verdict = decide(kind, &object, &restics).verdict;
        match expected {
            Some(reason) => assert_eq!(verdict, Verdict::LeftAlone(reason), "{change}"),
            None => assert!(matches!(verdict, Verdict::Injected { .. }), "{change}: {verdict:?}"),
        }
    };
    let deleted = json!({"deletionTimestamp": "2026-01-01T00:00:00Z"});
    check(WorkloadKind::Deployment, deleted, Some(LeftAlone::BeingDeleted));
    check(WorkloadKind::Deployment, json!({"name": null, "generateName": "web-"}), Some(LeftAlone::Nameless));
    check(WorkloadKind::Host, json!({}), Some(LeftAlone::Unsupported));
    let owner = |kind: &str, controller: bool| json!({"ownerReferences": [{"kind": kind, "name": "x", "controller": controller}]});
    check(WorkloadKind::ReplicaSet, owner("Deployment", true), Some(LeftAlone::Owned));
    check(WorkloadKind::ReplicaSet, owner("Deployment", false), Some(LeftAlone::Owned));
    check(WorkloadKind::ReplicaSet, owner("Rollout", true), Some(LeftAlone::Owned));
    check(WorkloadKind::ReplicaSet, owner("Team", false), None);
    check(WorkloadKind::ReplicationController, owner("DeploymentConfig", true), Some(LeftAlone::Owned));
    check(WorkloadKind::StatefulSet, owner("Postgres", true), None);
    let target = json!({"metadata": {"name": "web", "labels": {"app": "web"}}, "spec": {"template": null}});
    assert_eq!(deploy(&target, &restics).0, Verdict::LeftAlone(LeftAlone::NoPodTemplate));
}

#[test]
fn a_sidecar_written_by_hand_is_left_until_a_restic_selects_it() {
    let mut object = workload();
    let list = object["spec"]["template"]["spec"]["containers"].as_array_mut().unwrap();
    list.insert(0, json!({"name": "stash", "image": "appscode/stash:0.8.3", "args": ["backup"]}));
    assert_eq!(deploy(&object, &[]), (Verdict::NotSelected, None));
    let (_, write) = deploy(&object, &[restic("a", ("app", "web"))]);
    let write = write.unwrap();
    assert_eq!(containers(&write), ["stash", "app"], "it keeps its place");
    assert_eq!(write["spec"]["template"]["spec"]["containers"][0]["image"], "appscode/stash:0.9.0");
}

#[test]
fn an_annotation_that_cannot_be_read_blocks_nothing() {
    let restics = [restic("a", ("app", "web"))];
    let whole = after(WorkloadKind::Deployment, &workload(), &restics);
    let mut object = whole.clone();
    object["metadata"]["annotations"]["restic.appscode.com/last-applied-configuration"] = json!("{not json");
    assert_eq!(deploy(&object, &restics).1, Some(whole));
    assert_eq!(deploy(&object, &[]).1, Some(workload()));
}

#[test]
fn a_volume_of_ours_that_the_user_mounts_stays() {
    let restics = [restic("a", ("app", "web"))];
    let mut object = after(WorkloadKind::Deployment, &workload(), &restics);
    object["spec"]["template"]["spec"]["containers"][0]["volumeMounts"] =
        json!([{"name": "stash-scratchdir", "mountPath": "/x"}]);
    let removed = deploy(&object, &[]).1.unwrap();
    let volumes = removed["spec"]["template"]["spec"]["volumes"].as_array().unwrap();
    let names: Vec<&str> = volumes.iter().map(|volume| volume["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["data", "stash-scratchdir"]);
}

#[test]
fn the_update_strategy_is_the_users() {
    let mut object = workload();
    object["spec"]["updateStrategy"] = json!({"type": "OnDelete"});
    for kind in [WorkloadKind::DaemonSet, WorkloadKind::StatefulSet] {
        let decision = decide(kind, &object, &[restic("a", ("app", "web"))]);
        let notes = vec![Note::OnDelete];
        assert_eq!(decision.verdict, Verdict::Injected { restic: "a".into(), notes });
        assert_eq!(decision.write.unwrap()["spec"]["updateStrategy"], json!({"type": "OnDelete"}));
    }
}

#[test]
fn a_cycle_that_is_under_way_keeps_its_annotations() {
    let mut object = after(WorkloadKind::Deployment, &workload(), &[restic("a", ("app", "web"))]);
    let annotations = object["metadata"]["annotations"].as_object_mut().unwrap();
    annotations.insert("restic.appscode.com/offline-cycle".into(), json!("{}"));
    assert_eq!(deploy(&object, &[]).1, Some(workload()), "one that ended goes with the rest");
    object["metadata"]["annotations"]["old-replica"] = json!("3");
    let removed = deploy(&object, &[]).1.unwrap();
    assert_eq!(
        removed["metadata"]["annotations"],
        json!({"restic.appscode.com/offline-cycle": "{}", "old-replica": "3"})
    );
}

#[test]
fn a_pod_is_stale_when_its_workload_has_changed() {
    let restics = [restic("a", ("app", "web"))];
    let before = workload();
    let injected = after(WorkloadKind::ReplicaSet, &before, &restics);
    let stale = |object: &Value, pod: &Value| {
        is_stale(Target { kind: WorkloadKind::ReplicaSet, namespace: "demo", object }, pod)
    };
    let old = json!({"metadata": before["spec"]["template"]["metadata"]});
    let new = json!({"metadata": injected["spec"]["template"]["metadata"]});
    assert_eq!([stale(&before, &old), stale(&injected, &new)], [false, false]);
    assert_eq!([stale(&injected, &old), stale(&before, &new)], [true, true]);
}

#[test]
fn no_secret_is_in_arguments_or_environment() {
    let injected = after(WorkloadKind::Deployment, &workload(), &[restic("a", ("app", "web"))]);
    let container = &injected["spec"]["template"]["spec"]["containers"][1];
    assert!(container.get("envFrom").is_none());
    for variable in container["env"].as_array().unwrap() {
        assert!(variable["valueFrom"]["fieldRef"].is_object(), "{variable}");
    }
    let mounts = |container: &Value| container["volumeMounts"].to_string().contains("stash-secret");
    assert!(mounts(container));
    assert!(!mounts(&injected["spec"]["template"]["spec"]["containers"][0]));
}
