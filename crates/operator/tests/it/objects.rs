//! Our own kinds: what is refused, and what never is.

use serde_json::{Value, json};

use crate::server::{Running, restic_value, review};

const GROUP: &str = "stash.appscode.com";

fn bad_restic() -> Value {
    let mut object = restic_value("nightly", ("app", "web"));
    object["spec"]["schedule"] = json!("*/0 * * * *");
    object["spec"]["backend"]["storageSecretName"] = json!("");
    object
}

fn recovery(paths: &[&str], phase: &str) -> Value {
    json!({
        "apiVersion": "stash.appscode.com/v1alpha1",
        "kind": "Recovery",
        "metadata": {"name": "rec", "namespace": "demo"},
        "spec": {
            "repository": {"name": "deployment.web", "namespace": "demo"},
            "paths": paths,
            "recoveredVolumes": [{"mountPath": "/data", "emptyDir": {}}],
        },
        "status": {"phase": phase},
    })
}

async fn start() -> Running {
    Running::start(Some(Vec::new())).await
}

#[tokio::test]
async fn an_invalid_object_is_refused_with_every_reason() {
    let server = start().await;
    let response = server.review("restics", &review(GROUP, "restics", &bad_restic(), &Value::Null)).await;
    assert_eq!(response["allowed"], false);
    let status = &response["status"];
    assert_eq!((&status["code"], &status["reason"]), (&json!(422), &json!("Invalid")));
    let causes = status["details"]["causes"].as_array().unwrap();
    let fields: Vec<&str> = causes.iter().map(|cause| cause["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["spec.schedule", "spec.backend.storageSecretName"]);
    let message = status["message"].as_str().unwrap();
    assert!(message.starts_with("Restic demo/nightly is invalid:"), "{message}");
    assert!(fields.iter().all(|field| message.contains(field)), "{message}");
}

#[tokio::test]
async fn what_an_update_does_not_change_is_not_held_against_it() {
    let server = start().await;
    let old = bad_restic();
    let mut labelled = old.clone();
    labelled["metadata"]["labels"] = json!({"a": "b"});
    let mut deleted = restic_value("nightly", ("app", "web"));
    deleted["spec"]["schedule"] = json!("also wrong");
    deleted["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    for new in [&old, &labelled, &deleted] {
        let response = server.review("restics", &review(GROUP, "restics", new, &old)).await;
        assert_eq!(response["allowed"], true, "{response}");
    }
    let mut changed = old.clone();
    changed["spec"]["paused"] = json!(true);
    let response = server.review("restics", &review(GROUP, "restics", &changed, &old)).await;
    assert_eq!(response["allowed"], false);
}

#[tokio::test]
async fn a_tag_that_no_image_can_have_is_refused_alone() {
    let server = start().await;
    let old = bad_restic();
    for (tag, is_allowed) in [("0.9.0", true), ("a b", false)] {
        let mut new = old.clone();
        new["metadata"]["annotations"] = json!({"restic.appscode.com/tag": tag});
        let response = server.review("restics", &review(GROUP, "restics", &new, &old)).await;
        assert_eq!(response["allowed"], is_allowed, "{response}");
        let causes = response["status"]["details"]["causes"].as_array().map_or(0, Vec::len);
        assert_eq!(causes, usize::from(!is_allowed));
    }
}

#[tokio::test]
async fn the_spec_of_a_recovery_is_immutable_from_its_begin() {
    let server = start().await;
    for (phase, is_allowed) in
        [("", true), ("Pending", true), ("Running", false), ("Succeeded", false), ("Failed", false)]
    {
        let (old, new) = (recovery(&["/data"], phase), recovery(&["/data/x"], phase));
        let response = server.review("recoveries", &review(GROUP, "recoveries", &new, &old)).await;
        assert_eq!(response["allowed"], is_allowed, "{phase}");
        if !is_allowed {
            let message = response["status"]["message"].as_str().unwrap();
            assert!(message.contains(phase) && message.contains("make another Recovery"), "{message}");
        }
        let response = server.review("recoveries", &review(GROUP, "recoveries", &old, &old)).await;
        assert_eq!(response["allowed"], true, "{phase}");
    }
}

#[tokio::test]
async fn wiping_out_is_refused_for_storages_that_cannot_do_it() {
    let server = start().await;
    for (backend, is_allowed) in [
        (json!({"local": {"hostPath": {"path": "/tmp/test"}, "mountPath": "/repo"}}), false),
        (json!({"b2": {"bucket": "b"}, "storageSecretName": "s"}), false),
        (json!({"gcs": {"bucket": "b"}, "storageSecretName": "s"}), true),
    ] {
        let object = json!({
            "apiVersion": "stash.appscode.com/v1alpha1",
            "kind": "Repository",
            "metadata": {"name": "deployment.web", "namespace": "demo"},
            "spec": {"wipeOut": true, "backend": backend},
        });
        let response =
            server.review("repositories", &review(GROUP, "repositories", &object, &Value::Null)).await;
        assert_eq!(response["allowed"], is_allowed, "{response}");
    }
}

#[tokio::test]
async fn every_example_of_the_documentation_is_allowed() {
    let server = start().await;
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for document in serde_saphyr::from_multiple::<Value>(&text).unwrap() {
            let resource = match document["kind"].as_str() {
                Some("Restic") => "restics",
                Some("Recovery") => "recoveries",
                Some("Repository") => "repositories",
                _ => continue,
            };
            let response = server.review(resource, &review(GROUP, resource, &document, &Value::Null)).await;
            assert_eq!(response["allowed"], true, "{}: {response}", path.display());
            seen += 1;
        }
    }
    assert!(seen > 15, "{seen} examples");
}

#[tokio::test]
async fn an_object_of_another_form_is_refused_and_no_panic() {
    let server = start().await;
    for object in [json!({"metadata": {"name": "x"}, "spec": {"schedule": 7}}), json!("text"), json!([])] {
        let response = server.review("restics", &review(GROUP, "restics", &object, &Value::Null)).await;
        assert_eq!(response["allowed"], false, "{response}");
    }
}
