//! Groups go when they are deleted by some of their labels, or when nobody pushed to them for long enough.

use std::time::Duration;

use gateway::Config;
use serde_json::json;
use tempfile::TempDir;

use crate::server::{DEADLINE, Server};

/// The keys that are held, as labels in JSON.
async fn held(server: &Server) -> Vec<String> {
    let json = server.get("/api/v1/metrics").await.json();
    let groups = json["data"].as_array().unwrap();
    let mut keys: Vec<String> = groups.iter().map(|group| group["labels"].to_string()).collect();
    keys.sort();
    keys
}

async fn deleted(server: &Server, query: &str) -> serde_json::Value {
    let answer = server.delete(&format!("/api/v1/groups?{query}")).await;
    answer.is(200);
    answer.json()["data"]["deleted"].clone()
}

#[tokio::test]
async fn groups_go_by_every_subset_of_their_labels_and_by_no_other_label() {
    let labels = [("job", "j"), ("x", "1"), ("y", "2")];
    for chosen in 1..8 {
        let server = Server::start().await;
        for path in ["job/j/x/1/y/2", "job/j/x/1", "job/j/y/2", "job/j", "job/k/x/1/y/2", "job/j/x/2/y/2"] {
            server.put(&format!("/metrics/{path}"), "a 1\n").await.is(200);
        }
        let chosen: Vec<_> = labels.iter().enumerate().filter(|(n, _)| chosen >> n & 1 == 1).collect();
        let query: Vec<String> =
            chosen.iter().map(|(_, (name, value))| format!("label.{name}={value}")).collect();
        let has_all = |key: &String| {
            let key: serde_json::Value = serde_json::from_str(key).unwrap();
            chosen.iter().all(|(_, (name, value))| key[name] == *value)
        };
        let (gone, stay): (Vec<String>, Vec<String>) = held(&server).await.into_iter().partition(has_all);
        assert_eq!(deleted(&server, &query.join("&")).await, json!(gone.len()), "{query:?}");
        assert_eq!(held(&server).await, stay, "{query:?}");
    }
}

#[tokio::test]
async fn labels_have_to_be_those_of_the_key_and_equal() {
    let server = Server::with(Config { enable_utf8_names: true, ..Config::default() }).await;
    for (path, body) in [
        ("job/j/path@base64/L2EgYiZjPWQ", "a{own=\"1\"} 1\n"),
        ("job/j/empty/", "a 1\n"),
        ("job/j/U__a_2e_b/%C3%A4", "a 1\n"),
        ("job/J", "a 1\n"),
    ] {
        server.put(&format!("/metrics/{path}"), body).await.is(200);
    }
    for query in [
        "label.own=1",     // of a sample
        "label.instance=", // added to samples, not to the key
        "label.empty=1",   // another value
        "label.missing=",  // missing is not empty
        "label.job=",      // a part of none
        "label.job=J*",    // no pattern
        "label.JOB=J",     // names have their case
        "label.path=/a",   // no prefix
    ] {
        assert_eq!(deleted(&server, query).await, json!(0), "{query}");
    }
    assert_eq!(held(&server).await.len(), 4);
    assert_eq!(deleted(&server, "label.path=%2Fa+b%26c%3Dd").await, json!(1));
    assert_eq!(deleted(&server, "label.empty=").await, json!(1));
    assert_eq!(deleted(&server, "label.a.b=%C3%A4&label.job=j").await, json!(1));
    assert_eq!(deleted(&server, "label.job=J").await, json!(1));
    assert_eq!(held(&server).await, [""; 0]);
    // Nothing is left of them: the names are free for any type.
    server.put("/metrics/job/new", "# TYPE a summary\na_count 1\n").await.is(200);
}

#[tokio::test]
async fn a_deletion_is_kept_over_a_restart() {
    let folder = TempDir::new().unwrap();
    let config = || Config { persistence_file: Some(folder.path().join("groups")), ..Config::default() };
    let server = Server::with(config()).await;
    for path in ["job/a/x/1", "job/b/x/1", "job/c/x/2"] {
        server.put(&format!("/metrics/{path}"), "a 1\n").await.is(200);
    }
    assert_eq!(deleted(&server, "label.x=1").await, json!(2));
    server.stop().await.unwrap();
    let server = Server::with(config()).await;
    assert_eq!(held(&server).await, [r#"{"job":"c","x":"2"}"#]);
}

#[tokio::test]
async fn what_is_pushed_while_others_are_deleted_stays() {
    let server = Server::start().await;
    for n in 0..500 {
        server.put(&format!("/metrics/job/old/n/{n}"), "a 1\n").await.is(200);
    }
    let pushes = async {
        for n in 0..50 {
            server.put(&format!("/metrics/job/new/n/{n}"), "a 1\n").await.is(200);
        }
    };
    let (deleted, ()) = tokio::join!(deleted(&server, "label.job=old"), pushes);
    assert_eq!(deleted, json!(500));
    let held = held(&server).await;
    assert_eq!(held.len(), 50);
    assert!(held.iter().all(|key| key.contains("new")));
}

#[tokio::test]
async fn groups_expire_and_are_counted_when_that_is_asked_for_and_never_otherwise() {
    let server =
        Server::with(Config { expire_after: Some(Duration::from_millis(1)), ..Config::default() }).await;
    server.put("/metrics/job/a", "a 1\n").await.is(200);
    server.put("/metrics/job/b", "a 1 1\n").await.is(400);
    let gone = async {
        while held(&server).await != [""; 0] {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(DEADLINE, gone).await.unwrap();
    let text = server.get("/metrics").await.body;
    assert!(text.contains("\npushgateway_groups_expired_total 2\n"), "{text}");
    assert!(text.contains("\npushgateway_groups 0\n"), "{text}");
    assert!(!text.contains("pushgateway_oldest_push_timestamp_seconds "), "there is no oldest one: {text}");
    assert_eq!(Config::default().expire_after, None);
}
