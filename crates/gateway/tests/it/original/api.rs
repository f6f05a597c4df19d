//! The JSON API beside the groups, which every other test here compares.

use std::collections::BTreeSet;

use super::pair::{Pair, Request};

fn keys(json: &serde_json::Value) -> BTreeSet<String> {
    json.as_object().unwrap().keys().cloned().collect()
}

#[tokio::test]
async fn the_status_has_the_keys_of_the_original() {
    let pair = Pair::start().await;
    let (ours, theirs) =
        pair.send(&Request { method: "GET", path: "/api/v1/status", headers: "", body: b"" }).await;
    assert_eq!(super::seen::head(&ours), super::seen::head(&theirs));
    let (ours, theirs) = (ours.json(), theirs.json());
    assert_eq!(keys(&ours), keys(&theirs));
    assert_eq!(keys(&ours["data"]), keys(&theirs["data"]));
    assert_eq!(keys(&ours["data"]["build_information"]), keys(&theirs["data"]["build_information"]));
    for status in [&ours, &theirs] {
        status["data"]["start_time"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        for (_, value) in status["data"]["flags"].as_object().unwrap() {
            assert!(value.is_string());
        }
    }
}

#[tokio::test]
async fn the_head_of_the_groups_is_the_one_of_the_original() {
    let pair = Pair::start().await;
    for body in ["", "a 1\n", "b 1 1\n"] {
        pair.text("PUT", "/metrics/job/j", body).await;
        let (ours, theirs) =
            pair.send(&Request { method: "GET", path: "/api/v1/metrics?x=y", headers: "", body: b"" }).await;
        assert_eq!(super::seen::head(&ours), super::seen::head(&theirs));
    }
}

#[tokio::test]
async fn own_metrics_have_the_names_types_and_help_texts_of_the_original() {
    let pair = Pair::start().await;
    for method in ["PUT", "POST"] {
        pair.text(method, "/metrics/job/j", "a 1\n").await;
    }
    let (ours, theirs) =
        pair.send(&Request { method: "GET", path: "/metrics", headers: "", body: b"" }).await;
    let heads = |text: &str| -> BTreeSet<String> {
        let is_head = |line: &&str| {
            ["pushgateway_", "process_"].iter().any(|own| {
                line.starts_with(&format!("# HELP {own}")) || line.starts_with(&format!("# TYPE {own}"))
            })
        };
        text.lines().filter(is_head).map(str::to_owned).collect()
    };
    let (ours, theirs) = (heads(&ours.body), heads(&theirs.body));
    assert!(theirs.len() > 20, "{theirs:?}");
    let missing: Vec<_> = theirs.difference(&ours).collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

#[tokio::test]
async fn the_build_is_told_by_the_labels_of_the_original() {
    let pair = Pair::start().await;
    let (ours, theirs) =
        pair.send(&Request { method: "GET", path: "/metrics", headers: "", body: b"" }).await;
    let names = |text: &str| -> BTreeSet<String> {
        let line = text.lines().find(|line| line.starts_with("pushgateway_build_info{")).unwrap();
        line.split(['{', ',']).filter_map(|part| Some(part.split_once('=')?.0.to_owned())).collect()
    };
    assert_eq!(names(&ours.body), names(&theirs.body));
}

#[tokio::test]
async fn families_that_are_called_like_keys_of_a_group_take_their_place() {
    let pair = Pair::start().await;
    let body = b"labels 1\nlast_push_successful 2\n";
    let (ours, theirs) =
        pair.send(&Request { method: "PUT", path: "/metrics/job/j", headers: "", body }).await;
    assert_eq!((ours.code, theirs.code), (200, 200));
    let (ours, theirs) =
        pair.send(&Request { method: "GET", path: "/api/v1/metrics", headers: "", body: b"" }).await;
    for group in [&ours.json()["data"][0], &theirs.json()["data"][0]] {
        assert_eq!(group["labels"]["metrics"][0]["value"], "1");
        assert_eq!(group["last_push_successful"]["metrics"][0]["value"], "2");
    }
}
