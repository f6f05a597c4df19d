//! Health, and the end.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::server::{Running, review, within};

#[tokio::test]
async fn readiness_names_what_is_wanting_and_life_does_not_depend_on_it() {
    let server = Running::start(None).await;
    let (leader, restics) = (server.health.check("leader"), server.health.check("restics"));
    leader.set(true, "");
    restics.set(false, "the API server does not answer");
    let (code, text) = server.get("/readyz").await;
    assert_eq!(code, 503);
    assert!(text.contains("[+]leader ok\n"), "{text}");
    assert!(text.contains("[-]restics failed: the API server does not answer\n"), "{text}");
    for path in ["/healthz", "/livez"] {
        assert_eq!(server.get(path).await.0, 200);
    }
    assert!(!server.health.is_ready());
    restics.set(true, "");
    assert_eq!(server.get("/readyz").await.0, 200);
    assert!(server.get("/version").await.1.contains("0.9.0"));
    server.stop().await;
}

#[tokio::test]
async fn a_review_that_is_under_way_at_the_end_is_answered() {
    let server = Running::start(Some(Vec::new())).await;
    let body = review("apps", "deployments", &json!({"metadata": {"name": "web"}}), &Value::Null).to_string();
    let mut stream = server.stream().await;
    let head = format!(
        "POST /admission/v1/deployments HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // It comes when the body is waited for.
    let expected = b"HTTP/1.1 100 Continue\r\n\r\n";
    let mut go_on = vec![0; expected.len()];
    within(stream.read_exact(&mut go_on)).await.unwrap();
    assert_eq!(go_on, expected);
    server.tell_to_stop();
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    // Whether the end is announced in TLS is no matter here.
    let _ = within(stream.read_to_string(&mut answer)).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("\"allowed\":true"), "{answer}");
    server.stop().await;
}
