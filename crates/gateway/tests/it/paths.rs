//! Which path and method goes where.

use gateway::Config;

use crate::server::Server;

#[tokio::test]
async fn keys_are_read_from_all_spellings_of_a_path() {
    let server = Server::start().await;
    for (n, path) in [
        "/metrics/job/j/x/1",
        "/metrics/job/j%2Fx%2F1",
        "/metrics/job@base64/ag==/x@base64/MQ",
        "/metrics/job%40base64/ag/x/1?query=ignored",
    ]
    .iter()
    .enumerate()
    {
        server.post(path, &format!("a {n}\n")).await.is(200);
        assert_eq!(server.pushed().await[1], format!(r#"a{{instance="",job="j",x="1"}} {n}"#));
    }
    server.put("/metrics/job/j/x@base64/=", "a 1\n").await.is(200);
    server.put("/metrics/job/%C3%A4%20+/", "a 1\n").await.is(200);
    let shown = server.pushed().await;
    assert_eq!(shown[1], r#"a{instance="",job="ä +"} 1"#);
    assert_eq!(shown[2], r#"a{instance="",job="j",x=""} 1"#);
}

#[tokio::test]
async fn keys_that_are_none_are_refused_before_the_body_is_read() {
    let server = Server::start().await;
    let refusals = [
        ("/metrics/job/j/x", r#"odd number of components in label string "/x""#),
        ("/metrics/job/j/a-b/1", r#"improper label name "a-b""#),
        ("/metrics/job@base64/=", "job name is required"),
        (
            "/metrics/job@base64/+",
            "invalid base64 encoding in job name \"+\": illegal base64 data at input byte 0",
        ),
    ];
    for (path, reason) in refusals {
        assert_eq!(server.put(path, "nonsense").await.refused(400), reason);
        assert_eq!(server.delete(path).await.refused(400), reason);
    }
    for path in ["/metrics/job/j%2", "/metrics/job/%zz"] {
        let answer = server.put(path, "nonsense").await;
        answer.is(400);
        assert_eq!(answer.body, "400 Bad Request");
    }
}

#[tokio::test]
async fn unclean_paths_are_redirected() {
    let server = Server::start().await;
    let redirects = [
        ("/metrics/job/j//x/1", "/metrics/job/j/x/1"),
        ("/metrics/job/j/x/..", "/metrics/job/j"),
        ("/metrics/job/j/x/%2e%2e", "/metrics/job/j"),
        ("/metrics/job/j/./", "/metrics/job/j/"),
        ("/metrics/../../x", "/x"),
        ("/metrics/job//", "/metrics/job/"),
        ("/metrics/job/a%20b//", "/metrics/job/a%20b/"),
    ];
    for (path, location) in redirects {
        let answer = server.put(path, "a 1\n").await;
        answer.is(301);
        assert_eq!(answer.header("location"), Some(location), "{path}");
    }
    assert!(server.pushed().await.is_empty());
}

#[tokio::test]
async fn redirects_keep_the_query() {
    let server = Server::start().await;
    let answer = server.get("/Metrics/?x=1").await;
    answer.is(301);
    assert_eq!(answer.header("location"), Some("/metrics?x=1"));
    server.put("/-/quit/", "").await.is(307);
}

#[tokio::test]
async fn unknown_paths_are_not_found() {
    let server = Server::start().await;
    for path in ["/x", "/metrics/x", "/metrics/job", "/metrics/jobs/x", "/api/v1/x", "/-/x"] {
        assert_eq!(server.get(path).await.refused(404), "404 page not found");
    }
}

#[tokio::test]
async fn other_methods_are_told_which_there_are() {
    let server = Server::start().await;
    for (path, allow, method) in [
        ("/metrics", "GET, HEAD, OPTIONS", "PUT"),
        ("/-/ready", "GET, HEAD, OPTIONS", "POST"),
        ("/api/v1/metrics", "GET, HEAD, OPTIONS", "DELETE"),
        ("/metrics/job/j", "DELETE, OPTIONS, POST, PUT", "GET"),
        ("/metrics/job/j", "DELETE, OPTIONS, POST, PUT", "put"),
    ] {
        let answer = server.client.send(method, path, "").await;
        assert_eq!(answer.refused(405), "Method Not Allowed");
        assert_eq!(answer.header("allow"), Some(allow));
    }
    let answer = server.client.send("OPTIONS", "/metrics/job/j", "").await;
    answer.is(200);
    assert_eq!(answer.header("allow"), Some("DELETE, OPTIONS, POST, PUT"));
    assert_eq!(
        server.client.send("OPTIONS", "/metrics", "").await.header("allow"),
        Some("GET, HEAD, OPTIONS")
    );
    let head = server.client.send("HEAD", "/metrics", "").await;
    head.is(200);
    assert_eq!(head.body, "");
}

#[tokio::test]
async fn the_router_leaves_room_for_others() {
    let server = Server::start().await;
    let page = axum::Router::new().route("/", axum::routing::get(async || "a page"));
    let app = server.gateway.router().merge(page).route("/api/v1/own", axum::routing::get(async || "own"));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = crate::server::Client(listener.local_addr().unwrap());
    let serving = tokio::spawn(axum::serve(listener, app).into_future());
    assert_eq!(client.send("GET", "/", "").await.body, "a page");
    assert_eq!(client.send("GET", "/api/v1/own", "").await.body, "own");
    client.send("GET", "/nowhere", "").await.refused(404);
    client.send("GET", "/metrics", "").await.is(200);
    serving.abort();
}

#[tokio::test]
async fn everything_moves_with_the_prefix_and_the_telemetry_path() {
    let external_url = "https://example.com/pg/".to_owned();
    let config = Config { external_url, telemetry_path: "/tele/all".to_owned(), ..Config::default() };
    let server = Server::with(config).await;
    server.put("/pg/metrics/job/j", "a 1\n").await.is(200);
    assert!(server.get("/pg/tele/all").await.body.contains("a{"));
    server.get("/pg/-/ready").await.is(200);
    assert_eq!(server.get("/pg/api/v1/status").await.json()["status"], "success");
    for path in ["/pg/metrics", "/metrics", "/-/ready", "/api/v1/status"] {
        server.get(path).await.refused(404);
    }
    server.delete("/pg/metrics/job/j").await.is(202);
    assert_eq!(server.get("/pg/api/v1/metrics").await.json()["data"], serde_json::json!([]));
}
