//! Prometheus' own parser and linter takes what the gateway shows.

use std::process::Stdio;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::server::Server;

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
