//! Workloads: injected, or admitted as they are; never refused.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::server::{Running, restic, review};

fn workload() -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        // The namespace is said by the request alone, as with `kubectl create --raw`.
        "metadata": {"name": "web", "labels": {"app": "web", "tier": "front"}},
        "spec": {
            "fieldOfANewerKubernetes": {"a": [1, null]},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {
                "containers": [{"name": "app", "image": "app"}],
                "volumes": [{"name": "data", "emptyDir": {}}],
            }},
        },
    })
}

fn deployments(object: &Value) -> Value {
    review("apps", "deployments", object, &Value::Null)
}

/// The object after the patch of an answer, which is the text that the API server expects.
fn patched(object: &Value, response: &Value) -> Value {
    assert_eq!(response["patchType"], "JSONPatch");
    let patch = BASE64_STANDARD.decode(response["patch"].as_str().unwrap()).unwrap();
    let mut object = object.clone();
    let patch: json_patch::Patch = serde_json::from_slice(&patch).unwrap();
    json_patch::patch(&mut object, &patch).unwrap();
    object
}

fn assert_unchanged(response: &Value) {
    assert_eq!(response["allowed"], true, "{response}");
    assert_eq!(response.get("patch"), None, "{response}");
}

#[tokio::test]
async fn a_selected_workload_gets_its_sidecar_and_nothing_else_of_it_changes() {
    let server = Running::start(Some(vec![restic("nightly", ("app", "web"))])).await;
    let response = server.review("deployments", &deployments(&workload())).await;
    assert_eq!(response["allowed"], true);
    assert_eq!(response.get("warnings"), None);
    let mut object = patched(&workload(), &response);
    let containers = object["spec"]["template"]["spec"]["containers"].as_array_mut().unwrap();
    let sidecar = containers.pop().unwrap();
    assert_eq!((&sidecar["name"], &sidecar["image"]), (&json!("stash"), &json!("appscode/stash:0.9.0")));
    // The second time there is nothing to do.
    let injected = patched(&workload(), &response);
    assert_unchanged(&server.review("deployments", &deployments(&injected)).await);
    // And what is taken out again is what came in.
    let other = Running::start(Some(Vec::new())).await;
    let response = other.review("deployments", &review("apps", "deployments", &injected, &injected)).await;
    assert_eq!(patched(&injected, &response), workload());
}

#[tokio::test]
async fn every_kind_of_workload_is_injected_when_created_and_when_changed() {
    let server = Running::start(Some(vec![restic("nightly", ("app", "web"))])).await;
    for (group, resource) in [
        ("apps", "deployments"),
        ("apps", "daemonsets"),
        ("apps", "statefulsets"),
        ("apps", "replicasets"),
        ("", "replicationcontrollers"),
    ] {
        for old in [Value::Null, workload()] {
            let response = server.review(resource, &review(group, resource, &workload(), &old)).await;
            assert_ne!(patched(&workload(), &response), workload(), "{resource}");
        }
    }
}

#[tokio::test]
async fn two_restics_admit_the_workload_with_a_warning_that_names_them() {
    let both = vec![restic("nightly", ("app", "web")), restic("weekly", ("tier", "front"))];
    let server = Running::start(Some(both)).await;
    let response = server.review("deployments", &deployments(&workload())).await;
    assert_unchanged(&response);
    let warning = response["warnings"][0].as_str().unwrap();
    assert!(warning.contains("nightly, weekly"), "{warning}");
}

#[tokio::test]
async fn a_restic_that_cannot_be_injected_admits_the_workload_with_a_warning_that_says_why() {
    let server = Running::start(Some(vec![restic("nightly", ("app", "web"))])).await;
    let mut object = workload();
    object["spec"]["template"]["spec"]["volumes"] = json!([]);
    let response = server.review("deployments", &deployments(&object)).await;
    assert_unchanged(&response);
    let warning = response["warnings"][0].as_str().unwrap();
    assert!(warning.contains("nightly") && warning.contains("no volume `data`"), "{warning}");
}

#[tokio::test]
async fn what_is_nobodys_business_is_admitted_as_it_is() {
    let other = {
        let mut other = restic("nightly", ("app", "web"));
        other.metadata.namespace = Some("other".into());
        other
    };
    let server = Running::start(Some(vec![other])).await;
    assert_unchanged(&server.review("deployments", &deployments(&workload())).await);
    let server = Running::start(Some(vec![restic("nightly", ("app", "web"))])).await;
    let with = |pointer: &str, value: Value| {
        let mut review = deployments(&workload());
        *review.pointer_mut(pointer).unwrap() = value;
        review
    };
    let mut subresource = deployments(&workload());
    subresource["request"]["subResource"] = json!("scale");
    for review in [
        with("/request/operation", json!("DELETE")),
        with("/request/operation", json!("CONNECT")),
        with("/request/resource/resource", json!("pods")),
        with("/request/resource/group", json!("other.example")),
        with(
            "/request/object/metadata",
            json!({"name": "web", "labels": {"app": "web"},
            "deletionTimestamp": "2026-01-01T00:00:00Z"}),
        ),
        with("/request/object/metadata", json!("not even metadata")),
        subresource,
    ] {
        assert_unchanged(&server.review("deployments", &review).await);
    }
    let response = server.review("deployments", &with("/request/object", Value::Null)).await;
    assert_unchanged(&response);
    assert!(response["warnings"][0].as_str().unwrap().contains("no object"));
}

#[tokio::test]
async fn while_the_restics_are_not_known_workloads_are_admitted_as_they_are() {
    let server = Running::start(None).await;
    let response = server.review("deployments", &deployments(&workload())).await;
    assert_unchanged(&response);
    assert_eq!(response.get("warnings"), None);
}

#[tokio::test]
async fn a_dry_run_is_answered_like_any_other() {
    let server = Running::start(Some(vec![restic("nightly", ("app", "web"))])).await;
    let mut dry = deployments(&workload());
    dry["request"]["dryRun"] = json!(true);
    assert_eq!(
        server.review("deployments", &dry).await,
        server.review("deployments", &deployments(&workload())).await
    );
}

#[tokio::test]
async fn what_a_deployment_makes_is_left_to_it_and_a_controlled_deployment_is_injected() {
    let server = Running::start(Some(vec![restic("nightly", ("app", "web"))])).await;
    let mut object = workload();
    object["metadata"]["ownerReferences"] =
        json!([{"controller": true, "kind": "Any", "name": "x", "uid": "1", "apiVersion": "example/v1"}]);
    let asked = review("apps", "replicasets", &object, &Value::Null);
    assert_unchanged(&server.review("replicasets", &asked).await);
    let response = server.review("deployments", &deployments(&object)).await;
    assert_ne!(patched(&object, &response), object);
}
