//! Prometheus' own parser and linter takes what the gateway shows.

use std::process::Stdio;
use std::time::Duration;

use gateway::{Config, Limits};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::proto;
use crate::server::{DEADLINE, PROTOBUF, Server};

#[tokio::test]
async fn promtool_accepts_the_exposition() {
    let server = Server::start().await;
    let body = "# HELP g_bytes Help with \\\\ and\\nlines.\n# TYPE g_bytes gauge\ng_bytes{x=\"a \\\\ \\\" \\n é\"} NaN\n\
                # HELP c_total Help.\n# TYPE c_total counter\nc_total 1e+300\n\
                # HELP h_seconds Help.\n# TYPE h_seconds histogram\nh_seconds_bucket{le=\"0.1\"} 1\nh_seconds_count 2\n\
                # HELP s_seconds Help.\n# TYPE s_seconds summary\ns_seconds{quantile=\"0.5\"} 3\ns_seconds_count 4\n";
    server.put("/metrics/job/j/path@base64/L2RhdGE", body).await.is(200);
    server.put("/metrics/job/k", body).await.is(200);
    server.put("/metrics/job/k", "nonsense").await.is(400);
    let text = server.get("/metrics").await.body;

    lint(&text).await;
}

/// Asserts that promtool can read the exposition and has nothing to say about it.
async fn lint(text: &str) {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is needed for this test: put promtool 3 or newer on the path, or use `cargo xtask test`");
    promtool.stdin.take().unwrap().write_all(text.as_bytes()).await.unwrap();
    let output = promtool.wait_with_output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "promtool: {said}\n{text}");
    assert_eq!(said, "", "{text}");
}

#[tokio::test]
async fn promtool_finds_nothing_in_own_metrics_whatever_has_happened() {
    let folder = TempDir::new().unwrap();
    let missing = folder.path().join("missing");
    let config = Config {
        persistence_file: Some(missing.join("groups")),
        persistence_interval: Duration::from_millis(5),
        enable_admin_api: true,
        limits: Limits { body_bytes: 10_000, series: 5, ..Limits::default() },
        ..Config::default()
    };
    let server = Server::with(config).await;
    lint(&server.get("/metrics").await.body).await;

    let message = proto::body([&proto::family("m", 9, [proto::gauge(1.0)])]);
    for (method, path, headers, body, code) in [
        ("PUT", "/metrics/job/j", "", &b"# HELP ok Text.\n# TYPE ok gauge\nok 1\n"[..], 200),
        ("POST", "/metrics/job/j", "", b"", 200),
        ("PUT", "/metrics/job/k/x", "", b"", 400),
        ("PUT", "/metrics/job/k", "Content-Encoding: gzip\r\n", b"no gzip, not even a header of it", 400),
        ("PUT", "/metrics/job/k", "", &[b'#'; 10_001], 413),
        ("PUT", "/metrics/job/k", "", b"a 1\nb 1\nc 1\nd 1\ne 1\nf 1\n", 413),
        ("PUT", "/metrics/job/k", "", b"broken\n", 400),
        ("PUT", "/metrics/job/k", "", b"a 1 1\n", 400),
        ("PUT", "/metrics/job/k", "", b"a 1\na 1\n", 400),
        ("PUT", "/metrics/job/k", PROTOBUF, &message, 400),
        ("DELETE", "/metrics/job/k", "", b"", 202),
        ("DELETE", "/metrics/job/k/x", "", b"", 400),
        ("DELETE", "/api/v1/groups?label.job=k", "", b"", 200),
        ("GET", "/api/v1/metrics", "", b"", 200),
        ("GET", "/api/v1/status", "", b"", 200),
        ("HEAD", "/-/ready", "", b"", 200),
        ("OPTIONS", "/api/v1/x", "", b"", 200),
        ("PUT", "/api/v1/admin/wipe", "", b"", 202),
        ("PUT", "/metrics/job/j", "", b"# HELP ok Text.\n# TYPE ok gauge\nok 1\n", 200),
    ] {
        let answer = server.client.send_with(method, path, headers, body).await;
        assert_eq!(answer.code, code, "{method} {path}: {}", answer.body);
    }
    // Saves that failed, then some that did not.
    until(&server, |text| !text.contains("\npushgateway_persistence_save_errors_total 0\n")).await;
    lint(&server.get("/metrics").await.body).await;
    std::fs::create_dir(&missing).unwrap();
    until(&server, |text| !text.contains("\npushgateway_persistence_size_bytes 0\n")).await;

    let text = server.get("/metrics").await.body;
    lint(&text).await;
    for reason in
        ["grouping_key", "encoding", "too_large", "too_many_series", "syntax", "timestamp", "inconsistent"]
    {
        assert!(
            text.contains(&format!("pushgateway_pushes_rejected_total{{reason=\"{reason}\"}} ")),
            "{text}"
        );
    }
}

async fn until(server: &Server, condition: impl Fn(&str) -> bool) {
    let holds = async {
        while !condition(&server.get("/metrics").await.body) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(DEADLINE, holds).await.unwrap();
}
