//! What is no review is refused with the code that says why, and the server goes on.

use serde_json::{Value, json};

use crate::server::{Running, restic_value, review};

async fn start() -> Running {
    Running::start(Some(Vec::new())).await
}

#[tokio::test]
async fn what_is_no_review_of_version_1_is_refused() {
    let server = start().await;
    let good = review("apps", "deployments", &json!({"metadata": {"name": "web"}}), &Value::Null);
    let with = |pointer: &str, value: Value| {
        let mut review = good.clone();
        *review.pointer_mut(pointer).unwrap() = value;
        review.to_string()
    };
    for (body, says) in [
        (String::new(), "no AdmissionReview"),
        ("{".to_owned(), "no AdmissionReview"),
        ("[".repeat(100_000), "no AdmissionReview"),
        ("null".to_owned(), "admission.k8s.io/v1"),
        (
            with("/apiVersion", json!("admission.k8s.io/v1beta1")),
            "not \"AdmissionReview\" of \"admission.k8s.io/v1beta1\"",
        ),
        (with("/kind", json!("Pod")), "not \"Pod\""),
        (with("/request", Value::Null), "no request"),
        (with("/request/operation", json!("BLESS")), "no AdmissionReview"),
        (with("/request/uid", Value::Null), "no AdmissionReview"),
    ] {
        for resource in ["deployments", "restics"] {
            let (code, answer) = server.post(resource, &[], body.clone()).await;
            assert_eq!(code, 400, "{answer}");
            assert!(answer.contains(says), "{answer}");
        }
    }
    let (code, _) = server.post("deployments", &[], good.to_string()).await;
    assert_eq!(code, 200);
}

#[tokio::test]
async fn other_types_and_encodings_are_refused() {
    let server = start().await;
    let good = review("apps", "deployments", &json!({"metadata": {"name": "web"}}), &Value::Null).to_string();
    for (name, value, code) in [
        ("content-type", "application/yaml", 415),
        ("content-type", "application/vnd.kubernetes.protobuf", 415),
        ("content-type", "application/json; charset=utf-8", 200),
        ("content-encoding", "gzip", 415),
        ("content-encoding", "identity", 200),
    ] {
        assert_eq!(
            server.post("deployments", &[(name, value)], good.clone()).await.0,
            code,
            "{name}: {value}"
        );
    }
    assert_eq!(server.get("/admission/v1/deployments").await.0, 405);
    assert_eq!(server.get("/admission/v1/pods").await.0, 404);
}

#[tokio::test]
async fn two_objects_as_large_as_the_api_server_takes_fit_and_more_is_refused() {
    let server = start().await;
    let large = |bytes: usize| {
        let mut object = restic_value("nightly", ("app", "web"));
        object["metadata"]["annotations"] = json!({"large": "x".repeat(bytes)});
        object
    };
    let largest = 3 * 1024 * 1024;
    let object = large(largest);
    let response = server.review("restics", &review("stash.appscode.com", "restics", &object, &object)).await;
    assert_eq!(response["allowed"], true);
    let huge = review("stash.appscode.com", "restics", &large(8 * 1024 * 1024), &Value::Null);
    assert_eq!(server.post("restics", &[], huge.to_string()).await.0, 413);
}
