//! Health, the JSON API, and what the gateway says about itself.

use gateway::Config;
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
    let flags = [("persistence.interval".to_owned(), "5m0s".to_owned())].into();
    let server = Server::with(Config { version: "1.2.3".to_owned(), flags, ..Config::default() }).await;
    let json = server.get("/api/v1/status").await.json();
    assert_eq!(json["status"], json!("success"));
    assert_eq!(json["data"]["flags"], json!({"persistence.interval": "5m0s"}));
    let build = json!({
        "branch": "", "buildDate": "", "buildUser": "", "goVersion": "", "revision": "", "version": "1.2.3"
    });
    assert_eq!(json["data"]["build_information"], build);
    assert!(json["data"]["start_time"].as_str().unwrap().contains('T'));
}

#[tokio::test]
async fn every_preflight_below_the_api_is_answered() {
    let server = Server::start().await;
    for path in ["/api/v1/status", "/api/v1/what/ever", "/api/v1/"] {
        let preflight = server.client.send("OPTIONS", path, "").await;
        preflight.is(200);
        assert_eq!(preflight.header("access-control-allow-methods"), Some("GET, POST, DELETE, OPTIONS"));
        assert_eq!(preflight.header("cache-control"), Some("no-cache, no-store, must-revalidate"));
        assert_eq!(preflight.header("content-type"), None);
    }
}

#[tokio::test]
async fn many_groups_are_shown_whole() {
    let server = Server::start().await;
    let body: String = (0..200).map(|n| format!("a{{n=\"{n}\"}} {n}\n")).collect();
    for job in 0..40 {
        server.put(&format!("/metrics/job/{job}"), &body).await.is(200);
    }
    let json = server.get("/api/v1/metrics").await.json();
    let groups = json["data"].as_array().unwrap();
    assert_eq!(groups.len(), 40);
    assert!(groups.iter().all(|group| group["a"]["metrics"].as_array().unwrap().len() == 200));
    let short = server.get("/api/v1/groups").await.json();
    let groups = short["data"].as_array().unwrap();
    assert_eq!(groups.len(), 40);
    assert_eq!(groups[0], json!({"labels": {"job": "0"}, "last_push_successful": true}));
}

#[tokio::test]
async fn groups_are_deleted_by_labels_and_never_all_of_them() {
    let server = Server::start().await;
    for path in ["job/a/ns/1", "job/a/ns/2", "job/b/ns/1", "job/a%20b"] {
        server.put(&format!("/metrics/{path}"), "m 1\n").await.is(200);
    }
    let delete = async |query: &str| server.delete(&format!("/api/v1/groups{query}")).await;
    for query in ["", "?", "?job=a", "?label.job=a&ns=1", "?label.=a", "?label.job=a&label.job=b"] {
        delete(query).await.refused(400);
    }
    let deleted = |count: usize| json!({"status": "success", "data": {"deleted": count}});
    let answer = delete("?label.job=a&label.ns=1").await;
    answer.is(200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.json(), deleted(1));
    assert_eq!(delete("?label.ns=3").await.json(), deleted(0));
    assert_eq!(delete("?label.job=a+b").await.json(), deleted(1));
    assert_eq!(delete("?label.ns=1").await.json(), deleted(1));
    assert_eq!(server.pushed().await[1..], [r#"m{instance="",job="a",ns="2"} 1"#]);
}

#[tokio::test]
async fn a_page_of_another_site_deletes_no_groups_by_their_labels() {
    let server = Server::start().await;
    server.put("/metrics/job/a", "m 1\n").await.is(200);
    let delete = async |headers: &str| {
        server.client.send_with("DELETE", "/api/v1/groups?label.job=a", headers, b"").await
    };
    delete("Origin: http://evil.example\r\n").await.refused(403);
    delete("Sec-Fetch-Site: cross-site\r\n").await.refused(403);
    assert!(!server.pushed().await.is_empty());
    delete("Origin: http://test\r\n").await.is(200);
    assert!(server.pushed().await.is_empty());
}

#[tokio::test]
async fn wiping_deletes_everything_when_it_is_enabled() {
    let server = Server::start().await;
    server.put("/metrics/job/j", "a 1\n").await.is(200);
    server.put("/api/v1/admin/wipe", "").await.refused(404);
    assert!(!server.pushed().await.is_empty());
    let server = Server::with(Config { enable_admin_api: true, ..Config::default() }).await;
    for job in 0..200 {
        server.put(&format!("/metrics/job/{job}"), "a 1\n").await.is(200);
    }
    server.post("/api/v1/admin/wipe", "").await.refused(405);
    server.put("/api/v1/admin/wipe", "").await.is(202);
    assert!(server.pushed().await.is_empty());
    server.put("/metrics/job/j", "a 1\n").await.is(200);
}

#[tokio::test]
async fn a_client_may_end_it_when_that_is_enabled() {
    let server = Server::start().await;
    for method in ["PUT", "POST"] {
        let answer = server.client.send(method, "/-/quit", "").await;
        answer.is(403);
        assert_eq!(answer.body, "Lifecycle API is not enabled.");
    }
    let answer = server.get("/-/quit").await;
    answer.is(405);
    assert_eq!(answer.body, "Only POST or PUT requests allowed.");
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("groups");
    let persistence_file = Some(file.clone());
    let server = Server::with(Config { enable_lifecycle: true, persistence_file, ..Config::default() }).await;
    server.put("/metrics/job/j", "a 1\n").await.is(200);
    let answer = server.post("/-/quit", "").await;
    answer.is(200);
    assert_eq!(answer.body, "Requesting termination... Goodbye!");
    server.ended().await.unwrap();
    assert!(file.exists());
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
    for line in [
        "pushgateway_build_info{branch=\"\",goarch=",
        "pushgateway_http_push_duration_seconds{method=\"put\",quantile=\"0.1\"} ",
        "pushgateway_http_push_duration_seconds_count{method=\"post\"} 2",
        "pushgateway_http_push_size_bytes_sum{method=\"post\"} ",
        "pushgateway_http_requests_in_flight 1",
        "pushgateway_oldest_push_timestamp_seconds 1",
        "process_resident_memory_bytes ",
    ] {
        assert!(text.lines().any(|shown| shown.starts_with(line)), "{line} is missing in {text}");
    }
}

#[tokio::test]
async fn pushed_families_of_own_names_are_shown_with_the_own_ones() {
    let server = Server::start().await;
    let body = "# HELP process_open_fds Of the job.\n# TYPE process_open_fds gauge\nprocess_open_fds 7\n";
    server.put("/metrics/job/j", body).await.is(200);
    server.put("/metrics/job/k", "# TYPE process_open_fds counter\nprocess_open_fds 7\n").await.refused(400);
    let text = server.get("/metrics").await.body;
    let shown: Vec<&str> = text.lines().filter(|line| line.contains("process_open_fds")).collect();
    assert_eq!(shown[0], "# HELP process_open_fds Number of open file descriptors.");
    assert!(shown[2].starts_with("process_open_fds "), "{shown:?}");
    assert_eq!(shown[3..], [r#"process_open_fds{instance="",job="j"} 7"#]);
    let json = server.get("/api/v1/metrics").await.json();
    assert_eq!(json["data"][0]["process_open_fds"]["help"], json!("Of the job."));
}
