//! What does not fit together is refused, whatever else is held.

use crate::server::Server;

const INCONSISTENT: &str = "pushed metrics are invalid or inconsistent with existing metrics: ";

/// The reason why the push is refused.
async fn refusal(server: &Server, path: &str, body: &str) -> String {
    let answer = server.put(path, body).await;
    answer.refused(400).strip_prefix(INCONSISTENT).unwrap().to_owned()
}

#[tokio::test]
async fn a_series_comes_once_in_a_push() {
    let server = Server::start().await;
    assert_eq!(
        refusal(&server, "/metrics/job/j", "a{x=\"1\"} 1\na{x=\"1\"} 2\n").await,
        r#"collected metric "a" {instance="",job="j",x="1"} was collected before with the same name and label values"#
    );
    // They become the same by the grouping labels.
    refusal(&server, "/metrics/job/j/x/1", "a{x=\"2\"} 1\na{x=\"3\"} 2\n").await;
}

#[tokio::test]
async fn a_series_comes_once_over_all_groups() {
    let server = Server::start().await;
    server.put("/metrics/job/j/x/1", "a 1\n").await.is(200);
    let reason = refusal(&server, "/metrics/job/j", "a{x=\"1\"} 1\n").await;
    assert!(reason.ends_with("was collected before with the same name and label values"), "{reason}");
    // An empty label is another label set than a missing one.
    server.put("/metrics/job/j", "a{x=\"\"} 1\na 1\n").await.is(200);
    server.delete("/metrics/job/j/x/1").await.is(202);
    server.put("/metrics/job/j", "a{x=\"1\"} 1\n").await.is(200);
}

#[tokio::test]
async fn several_reasons_are_all_told() {
    let server = Server::start().await;
    let reasons = refusal(&server, "/metrics/job/j", "a 1\na 2\nb 1\nb 2\n").await;
    assert!(reasons.starts_with("2 error(s) occurred:\n* collected metric \"a\""), "{reasons}");
    assert_eq!(reasons.lines().count(), 3);
}

#[tokio::test]
async fn the_type_of_a_family_is_one_for_all_groups() {
    let server = Server::start().await;
    server.put("/metrics/job/j", "# TYPE a gauge\na 1\n").await.is(200);
    let reason = refusal(&server, "/metrics/job/k", "# TYPE a counter\na 1\n").await;
    assert!(reason.contains("is not a GAUGE"), "{reason}");
    // The only group that has it may change it.
    server.put("/metrics/job/j", "# TYPE a counter\na 1\n").await.is(200);
    server.post("/metrics/job/j", "# TYPE a gauge\na 1\n").await.is(200);
    server.put("/metrics/job/k", "# TYPE a gauge\na 1\n").await.is(200);
    refusal(&server, "/metrics/job/j", "# TYPE a counter\na 1\n").await;
    server.delete("/metrics/job/k").await.is(202);
    server.put("/metrics/job/j", "# TYPE a counter\na 1\n").await.is(200);
}

#[tokio::test]
async fn own_families_keep_their_type() {
    let server = Server::start().await;
    assert_eq!(
        refusal(
            &server,
            "/metrics/job/j",
            "# TYPE pushgateway_http_requests_total gauge\npushgateway_http_requests_total 1\n"
        )
        .await,
        "gathered metric family pushgateway_http_requests_total has type GAUGE but should have COUNTER"
    );
    let body = "# HELP pushgateway_groups Other.\n# TYPE pushgateway_groups gauge\npushgateway_groups 7\n";
    server.put("/metrics/job/k", body).await.is(200);
    let text = server.get("/metrics").await.body;
    assert!(
        text.contains(
            "# TYPE pushgateway_groups gauge\npushgateway_groups 2\npushgateway_groups{instance=\"\",job=\"k\"} 7\n"
        ),
        "{text}"
    );
    assert!(!text.contains("Other."));
}

#[tokio::test]
async fn parts_of_histograms_and_summaries_are_no_families() {
    let server = Server::start().await;
    server
        .put("/metrics/job/j", "# TYPE h histogram\nh_count 1\n# TYPE s summary\ns_count 1\n")
        .await
        .is(200);
    for (part, base) in [
        ("h_bucket", "histogram"),
        ("h_count", "histogram"),
        ("h_sum", "histogram"),
        ("s_count", "summary"),
        ("s_sum", "summary"),
    ] {
        let name = &part[..1];
        assert_eq!(
            refusal(&server, "/metrics/job/k", &format!("{part} 1\n")).await,
            format!(
                "collected metric named {part:?} collides with previously collected {base} named {name:?}"
            )
        );
    }
    server.put("/metrics/job/k", "s_bucket 1\nx_sum 1\n").await.is(200);
    for kind in ["histogram", "summary"] {
        assert_eq!(
            refusal(&server, "/metrics/job/l", &format!("# TYPE x {kind}\nx_count 1\n")).await,
            format!("collected metric named \"x_sum\" collides with previously collected {kind} named \"x\"")
        );
    }
    // Within one push as well, and what a push replaces does not count.
    refusal(&server, "/metrics/job/k", "y_count 1\n# TYPE y histogram\ny_sum 1\n").await;
    assert_eq!(server.post("/metrics/job/k", "# TYPE x summary\nx_count 1\n").await.code, 400);
    server.put("/metrics/job/k", "# TYPE x summary\nx_count 1\n").await.is(200);
}

#[tokio::test]
async fn groups_without_the_family_are_not_in_the_way() {
    let server = Server::start().await;
    server.put("/metrics/job/j", "# TYPE h histogram\nh_count 1\n").await.is(200);
    server.put("/metrics/job/j", "h_count 1\n").await.is(200);
    server.put("/metrics/job/k", "h_sum 1\n").await.is(200);
}
