//! Health, the JSON API, and what the gateway says about itself.

use serde_json::json;

use crate::server::Server;

#[tokio::test]
async fn it_is_healthy_and_ready() {
    let server = Server::start().await;
    for path in ["/-/healthy", "/-/ready"] {
        let answer = server.get(path).await;
        answer.is(200);
        assert_eq!(answer.body, "OK");
    }
}

#[tokio::test]
async fn the_api_shows_groups_and_their_families() {
    let server = Server::start().await;
    assert_eq!(server.get("/api/v1/metrics").await.json(), json!({"status": "success", "data": []}));
    let body = "# HELP g Help.\n# TYPE g gauge\ng{x=\"1\"} 1000000\n\
                # TYPE h histogram\nh_bucket{le=\"0.1\"} 1\nh_count 9007199254740992\nh_sum NaN\n\
                # TYPE s summary\ns{quantile=\"0.5\"} 3\ns_count 4\n";
    server.put("/metrics/job/j/n/1", body).await.is(200);
    let answer = server.get("/api/v1/metrics").await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    let json = answer.json();
    let group = &json["data"][0];
    assert_eq!(group["labels"], json!({"job": "j", "n": "1"}));
    assert_eq!(group["last_push_successful"], json!(true));
    let labels = json!({"instance": "", "job": "j", "n": "1"});
    assert_eq!(group["g"]["type"], json!("GAUGE"));
    assert_eq!(group["g"]["help"], json!("Help."));
    assert!(group["g"]["time_stamp"].as_str().unwrap().contains('T'));
    let g = json!([{"labels": {"instance": "", "job": "j", "n": "1", "x": "1"}, "value": "1e+06"}]);
    assert_eq!(group["g"]["metrics"], g);
    let h = json!([{"labels": labels, "buckets": {"0.1": "1"}, "count": "9007199254740992", "sum": "NaN"}]);
    assert_eq!(group["h"]["metrics"], h);
    assert_eq!(group["h"].get("help"), None);
    let s = json!([{"labels": labels, "quantiles": {"0.5": "3"}, "count": "4", "sum": "0"}]);
    assert_eq!(group["s"]["metrics"], s);
    assert_eq!(group["push_failure_time_seconds"]["metrics"], json!([{"labels": labels, "value": "0"}]));
    assert_eq!(group["push_time_seconds"]["type"], json!("GAUGE"));

    server.put("/metrics/job/j/n/1", "a 1 1\n").await.refused(400);
    assert_eq!(server.get("/api/v1/metrics").await.json()["data"][0]["last_push_successful"], json!(false));
}

#[tokio::test]
async fn the_status_shows_version_flags_and_start() {
    let server = Server::start().await;
    let json = server.get("/api/v1/status").await.json();
    assert_eq!(json["status"], json!("success"));
    assert_eq!(json["data"]["flags"]["persistence.interval"], json!("5m0s"));
    assert!(json["data"]["build_information"]["version"].is_string());
    assert!(json["data"]["start_time"].as_str().unwrap().ends_with('Z'));
    let preflight = server.client.send("OPTIONS", "/api/v1/status", "").await;
    preflight.is(200);
    assert_eq!(preflight.header("access-control-allow-methods"), Some("GET, POST, DELETE, OPTIONS"));
}

#[tokio::test]
async fn it_counts_what_it_does() {
    let server = Server::start().await;
    server.put("/metrics/job/j", "a 1\nb 1\n").await.is(200);
    server.post("/metrics/job/j", "nonsense\n").await.is(400);
    server.post("/metrics/job/j", "a 1 1\n").await.is(400);
    server.put("/metrics/job/j/x", "").await.is(400);
    server.delete("/metrics/job/k").await.is(202);
    server.get("/-/ready").await.is(200);
    let text = server.get("/metrics").await.body;
    for line in [
        r#"pushgateway_http_requests_total{code="200",handler="push",method="put"} 1"#,
        r#"pushgateway_http_requests_total{code="400",handler="push",method="post"} 2"#,
        r#"pushgateway_http_requests_total{code="202",handler="delete",method="delete"} 1"#,
        r#"pushgateway_http_requests_total{code="200",handler="ready",method="get"} 1"#,
        r#"pushgateway_pushes_rejected_total{reason="grouping_key"} 1"#,
        r#"pushgateway_pushes_rejected_total{reason="syntax"} 1"#,
        r#"pushgateway_pushes_rejected_total{reason="timestamp"} 1"#,
        "pushgateway_groups 1",
        "pushgateway_series 4",
        "pushgateway_persistence_save_errors_total 0",
    ] {
        assert!(text.lines().any(|shown| shown == line), "{line} is missing in {text}");
    }
    assert!(text.contains("pushgateway_build_info{version=\""));
}
