//! PUT, POST and DELETE, and what a scrape shows afterwards.

use exposition::{Family, GroupingKey, parse};
use gateway::{Config, Limits, PushMode};

use crate::server::Server;

/// The value of the one sample that starts with `prefix`.
async fn value(server: &Server, prefix: &str) -> f64 {
    let text = server.get("/metrics").await.body;
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(prefix)?.strip_prefix(' '));
    let value = lines.next().unwrap_or_else(|| panic!("no {prefix} in {text}"));
    assert_eq!(lines.next(), None);
    value.parse().unwrap()
}

#[tokio::test]
async fn a_scrape_shows_the_push_that_was_answered() {
    let server = Server::start().await;
    let answer =
        server.put("/metrics/job/j/x/1", "# HELP a Help.\n# TYPE a gauge\na{y=\"2\"} 1000000\n").await;
    answer.is(200);
    assert_eq!(answer.body, "");
    let scrape = server.get("/metrics").await;
    assert_eq!(
        scrape.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8; escaping=underscores")
    );
    assert_eq!(
        server.pushed().await,
        ["# HELP a Help.", "# TYPE a gauge", r#"a{instance="",job="j",x="1",y="2"} 1e+06"#]
    );
}

#[tokio::test]
async fn grouping_labels_override_those_of_the_body() {
    let server = Server::start().await;
    server.put("/metrics/job/j/x/1", "a{job=\"b\",x=\"2\",instance=\"i\"} 1\n").await.is(200);
    assert_eq!(server.pushed().await[1], r#"a{instance="i",job="j",x="1"} 1"#);
}

#[tokio::test]
async fn put_replaces_the_group_and_post_replaces_families() {
    let server = Server::start().await;
    server.put("/metrics/job/j", "a{x=\"1\"} 1\na{x=\"2\"} 1\nb 1\n").await.is(200);
    server.put("/metrics/job/other", "b 5\n").await.is(200);
    server.post("/metrics/job/j", "a{x=\"3\"} 2\n").await.is(200);
    assert_eq!(
        server.pushed().await,
        [
            "# TYPE a untyped",
            r#"a{instance="",job="j",x="3"} 2"#,
            "# TYPE b untyped",
            r#"b{instance="",job="j"} 1"#,
            r#"b{instance="",job="other"} 5"#
        ]
    );
    server.put("/metrics/job/j", "c 1\n").await.is(200);
    assert_eq!(
        server.pushed().await,
        [
            "# TYPE b untyped",
            r#"b{instance="",job="other"} 5"#,
            "# TYPE c untyped",
            r#"c{instance="",job="j"} 1"#
        ]
    );
}

#[tokio::test]
async fn empty_pushes_move_the_push_time_alone() {
    let server = Server::start().await;
    server.put("/metrics/job/j", "a 1\n").await.is(200);
    let first = value(&server, r#"push_time_seconds{instance="",job="j"}"#).await;
    assert!(first > 1.7e9);
    server.post("/metrics/job/j", "").await.is(200);
    let second = value(&server, r#"push_time_seconds{instance="",job="j"}"#).await;
    assert!(second > first);
    assert_eq!(server.pushed().await.len(), 2);
    server.put("/metrics/job/j", "").await.is(200);
    assert!(server.pushed().await.is_empty());
    server.post("/metrics/job/new", "").await.is(200);
    assert!(value(&server, r#"push_time_seconds{instance="",job="new"}"#).await > first);
    assert_eq!(value(&server, r#"push_failure_time_seconds{instance="",job="new"}"#).await, 0.0);
}

#[tokio::test]
async fn delete_removes_the_group_of_exactly_that_key() {
    let server = Server::start().await;
    server.put("/metrics/job/j", "a 1\n").await.is(200);
    server.put("/metrics/job/j/x/1", "a 2\n").await.is(200);
    let answer = server.delete("/metrics/job/j").await;
    answer.is(202);
    assert_eq!(answer.body, "");
    assert_eq!(server.pushed().await[1..], [r#"a{instance="",job="j",x="1"} 2"#]);
    server.delete("/metrics/job/never").await.is(202);
    server.delete("/metrics/job/j/x@base64/MQ==").await.is(202);
    let text = server.get("/metrics").await.body;
    assert!(!text.contains("job="), "{text}");
}

#[tokio::test]
async fn a_refused_push_leaves_the_group_and_its_failure_time() {
    let server = Server::start().await;
    server.put("/metrics/job/j", "a 1\n").await.is(200);
    let pushed = value(&server, r#"push_time_seconds{instance="",job="j"}"#).await;
    assert_eq!(
        server.put("/metrics/job/j", "b 1 5\n").await.refused(400),
        "pushed metrics are invalid or inconsistent with existing metrics: pushed metrics must not have timestamps"
    );
    assert_eq!(server.pushed().await[1], r#"a{instance="",job="j"} 1"#);
    assert!(value(&server, r#"push_failure_time_seconds{instance="",job="j"}"#).await > pushed);
    assert_eq!(value(&server, r#"push_time_seconds{instance="",job="j"}"#).await, pushed);
    // The next success keeps the failure time, DELETE forgets it.
    server.put("/metrics/job/j", "a 1\n").await.is(200);
    assert!(value(&server, r#"push_failure_time_seconds{instance="",job="j"}"#).await > pushed);
    server.delete("/metrics/job/j").await.is(202);
    server.put("/metrics/job/j", "a 1\n").await.is(200);
    assert_eq!(value(&server, r#"push_failure_time_seconds{instance="",job="j"}"#).await, 0.0);
}

#[tokio::test]
async fn a_refused_push_makes_the_group_and_a_text_error_does_not() {
    let server = Server::start().await;
    server.put("/metrics/job/j", "a 1 0\n").await.refused(400);
    assert_eq!(value(&server, r#"push_time_seconds{instance="",job="j"}"#).await, 0.0);
    assert!(value(&server, r#"push_failure_time_seconds{instance="",job="j"}"#).await > 0.0);
    assert_eq!(
        server.put("/metrics/job/k", "a 1\nb\n").await.refused(400),
        r#"text format parsing error in line 2: expected float as value, got """#
    );
    assert!(!server.get("/metrics").await.body.contains(r#"job="k""#));
}

#[tokio::test]
async fn pushed_push_times_are_dropped() {
    let server = Server::start().await;
    for _ in 0..2 {
        let body = "# TYPE push_time_seconds counter\npush_time_seconds 7\npush_failure_time_seconds 8\n";
        server.post("/metrics/job/j", body).await.is(200);
    }
    assert!(value(&server, r#"push_time_seconds{instance="",job="j"}"#).await > 8.0);
    assert_eq!(value(&server, r#"push_failure_time_seconds{instance="",job="j"}"#).await, 0.0);
}

#[tokio::test]
async fn samples_are_sorted_by_number_of_labels_then_by_values() {
    let server = Server::start().await;
    server.put("/metrics/job/z", "a{b=\"1\"} 1\na 1\na{c=\"0\"} 1\n").await.is(200);
    server.put("/metrics/job/y/b/2", "a 1\nB 1\n").await.is(200);
    assert_eq!(
        server.pushed().await,
        [
            "# TYPE B untyped",
            r#"B{b="2",instance="",job="y"} 1"#,
            "# TYPE a untyped",
            r#"a{instance="",job="z"} 1"#,
            r#"a{c="0",instance="",job="z"} 1"#,
            r#"a{b="1",instance="",job="z"} 1"#,
            r#"a{b="2",instance="",job="y"} 1"#,
        ]
    );
}

#[tokio::test]
async fn the_help_of_the_oldest_group_is_shown() {
    let server = Server::start().await;
    server.put("/metrics/job/z", "a 1\n").await.is(200);
    server.put("/metrics/job/y", "# HELP a Older.\na 1\n").await.is(200);
    server.put("/metrics/job/x", "# HELP a Newer.\na 1\n").await.is(200);
    assert_eq!(server.pushed().await[0], "# HELP a Older.");
    server.put("/metrics/job/y", "# HELP a Older still.\na 1\n").await.is(200);
    assert_eq!(server.pushed().await[0], "# HELP a Older still.");
    server.delete("/metrics/job/y").await.is(202);
    assert_eq!(server.pushed().await[0], "# HELP a Newer.");
}

#[tokio::test]
async fn bodies_above_the_limit_are_refused_and_large_ones_below_it_are_not() {
    let server = Server::with(Config {
        limits: Limits { body_bytes: 200_000, ..Limits::default() },
        ..Config::default()
    })
    .await;
    let body: String = (0..8000).map(|n| format!("a{{n=\"{n}\"}} {n}\n")).collect();
    server.put("/metrics/job/j", &body).await.is(200);
    assert_eq!(server.pushed().await.len(), 8001);
    let body = "#".repeat(200_001);
    assert_eq!(
        server.put("/metrics/job/k", &body).await.refused(413),
        "the body has more than 200000 bytes: push less at once, or raise --web.max-body-bytes"
    );
}

#[tokio::test]
async fn pushes_in_process_are_those_over_http() {
    let server = Server::start().await;
    let key = GroupingKey::new("j", [("path", "/data"), ("empty", "")]).unwrap();
    let families = vec![Family::gauge("a", "Help.").with([("x", "1")], 2.0)];
    server.gateway.push(key.clone(), families, PushMode::Replace).unwrap();
    assert_eq!(server.pushed().await[2], r#"a{empty="",instance="",job="j",path="/data",x="1"} 2"#);
    server.post(&key.to_path(), "b 1\n").await.is(200);
    assert_eq!(server.pushed().await.len(), 5);
    assert!(server.gateway.delete(&key));
    assert!(!server.gateway.delete(&key));
}

#[tokio::test]
async fn groups_are_deleted_by_any_of_their_labels() {
    let server = Server::start().await;
    for path in ["job/j/ns/a/x/1", "job/j/ns/a/x/2", "job/j/ns/b/x/1", "job/k/ns/a"] {
        server.put(&format!("/metrics/{path}"), "a 1\n").await.is(200);
    }
    let labels =
        |pairs: &[(&str, &str)]| pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    assert_eq!(server.gateway.delete_matching(&labels(&[("ns", "a"), ("job", "j")])), 2);
    assert_eq!(server.gateway.delete_matching(&labels(&[("ns", "a"), ("x", "1")])), 0);
    assert_eq!(server.pushed().await.len(), 3);
    assert_eq!(server.gateway.delete_matching(&labels(&[])), 2);
    assert!(server.pushed().await.is_empty());
}

#[tokio::test]
async fn no_scrape_shows_half_of_a_push() {
    let server = Server::start().await;
    let gateway = server.gateway.clone();
    let writer = std::thread::spawn(move || {
        for n in 0..200 {
            let text: String = (0..20).map(|family| format!("f{family} {n}\n")).collect();
            let key = GroupingKey::from_path("/metrics/job/j").unwrap();
            gateway.push(key, parse(text).unwrap(), PushMode::Replace).unwrap();
        }
    });
    while !writer.is_finished() {
        let lines = server.pushed().await;
        let mut values: Vec<_> = lines
            .iter()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split(' ').nth(1))
            .collect();
        assert!(values.is_empty() || values.len() == 20);
        values.dedup();
        assert!(values.len() <= 1, "{values:?}");
    }
    writer.join().unwrap();
}
