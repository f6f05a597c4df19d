//! Who is believed, who may, and what is said to those who may not.

use std::sync::Arc;
use std::time::Duration;

use apiserver::{Audit, AuditLog, User};
use axum::body::Body;
use axum::routing::get;
use axum::{Extension, Json, Router};
use futures_util::StreamExt as _;
use http::header::RETRY_AFTER;
use http::{Method, StatusCode};
use operator::serve::RequestLimits;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Notify;

use crate::delegate::{Delegating, request};
use crate::server::{DEADLINE, within};

const SNAPSHOTS: &str = "/apis/repositories.stash.appscode.com/v1alpha1/namespaces/demo/snapshots";

fn message(answer: &Value) -> &str {
    answer["message"].as_str().unwrap()
}

/// A resource that tells who its caller is.
fn resource() -> Router {
    let told = async |Extension(user): Extension<User>| {
        Json(json!({"name": user.name, "groups": user.groups, "extra": user.extra, "uid": user.uid}))
    };
    Router::new().route(SNAPSHOTS, get(told).delete(told))
}

#[tokio::test]
async fn health_and_webhooks_are_open_and_everything_else_is_not() {
    let server = Delegating::start().await;
    for path in ["/healthz", "/livez", "/readyz"] {
        assert_eq!(server.get(path, &[]).await.0, StatusCode::OK, "{path}");
    }
    let review = crate::server::review(
        "apps",
        "deployments",
        &json!({"metadata": {"name": "web", "namespace": "demo"}, "spec": {"template": {"spec": {}}}}),
        &Value::Null,
    );
    assert_eq!(server.running.review("deployments", &review).await["allowed"], true);
    for path in ["/metrics", "/version", "/", "/nothing", "/healthzzz", "/apis", SNAPSHOTS] {
        let (code, answer) = server.get(path, &[]).await;
        assert_eq!((code, &answer["reason"]), (StatusCode::FORBIDDEN, &json!("Forbidden")), "{path}");
    }
    let (_, answer) = server.get("/metrics", &[]).await;
    assert_eq!(message(&answer), "forbidden: User \"system:anonymous\" cannot get path \"/metrics\"");
    let (_, answer) = server.get(SNAPSHOTS, &[]).await;
    assert_eq!(
        message(&answer),
        "snapshots.repositories.stash.appscode.com is forbidden: User \"system:anonymous\" cannot list resource \
         \"snapshots\" in API group \"repositories.stash.appscode.com\" in the namespace \"demo\""
    );
    assert_eq!(server.get("/a%2Fb", &[]).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_token_is_asked_for_once_and_its_owner_may_what_the_cluster_says() {
    let server = Delegating::start().await;
    let scraper = [("authorization", "Bearer of-scraper")];
    for _ in 0..3 {
        assert_eq!(server.get("/metrics", &scraper).await.0, StatusCode::OK);
    }
    assert_eq!(server.tokens_asked(), 1);
    let asked = server.questions();
    let [question] = &*asked else { panic!("{asked:?}") };
    assert_eq!(question.user.as_deref(), Some("scraper"));
    assert_eq!(
        question.groups.as_deref(),
        Some(&["staff".to_owned(), "system:authenticated".to_owned()][..])
    );
    assert_eq!(server.get("/version", &scraper).await.0, StatusCode::FORBIDDEN);
    let (code, answer) = server.get("/metrics", &[("authorization", "Bearer nonsense")]).await;
    assert_eq!((code, message(&answer)), (StatusCode::UNAUTHORIZED, "Unauthorized"));
}

#[tokio::test]
async fn a_proxy_is_believed_by_its_certificate_alone() {
    let server = Delegating::with(RequestLimits::default(), Audit::default(), resource()).await;
    let said = [
        ("x-remote-user", "reader"),
        ("x-remote-group", "one"),
        ("x-remote-group", "two"),
        ("x-remote-extra-acme%2fscope", "wide"),
    ];
    let proxy = server.proxies.sign("front-proxy-client", "");
    let (code, answer) = server.get_as(&proxy, SNAPSHOTS, &said).await;
    assert_eq!(code, StatusCode::OK, "{answer}");
    assert_eq!(
        answer,
        json!({
            "name": "reader", "groups": ["one", "two", "system:authenticated"],
            "extra": {"acme/scope": ["wide"]}, "uid": "",
        })
    );
    // Nobody else's word counts: without a certificate, with another name, of another authority.
    let (code, answer) = server.get(SNAPSHOTS, &said).await;
    assert_eq!(code, StatusCode::FORBIDDEN);
    assert!(message(&answer).contains("system:anonymous"), "{answer}");
    let other = server.proxies.sign("somebody-else", "");
    assert_eq!(server.get_as(&other, SNAPSHOTS, &said).await.0, StatusCode::UNAUTHORIZED);
    let client = server.clients.sign("front-proxy-client", "");
    let (code, answer) = server.get_as(&client, SNAPSHOTS, &said).await;
    assert_eq!(code, StatusCode::FORBIDDEN);
    assert!(message(&answer).contains("User \"front-proxy-client\""), "{answer}");
}

#[tokio::test]
async fn a_certificate_is_its_owner_and_one_that_nobody_vouches_for_is_refused() {
    let server = Delegating::with(RequestLimits::default(), Audit::default(), resource()).await;
    let reader = server.clients.sign("reader", "staff");
    let (code, answer) = server.get_as(&reader, SNAPSHOTS, &[]).await;
    assert_eq!((code, &answer["groups"]), (StatusCode::OK, &json!(["staff", "system:authenticated"])));
    let stranger = crate::delegate::Authority::new().sign("reader", "system:masters");
    assert_eq!(server.get_as(&stranger, SNAPSHOTS, &[]).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(server.get_as(&stranger, "/healthz", &[]).await.0, StatusCode::OK);
    // A token makes up for it.
    let token = [("authorization", "bearer of-reader")];
    assert_eq!(server.get_as(&stranger, SNAPSHOTS, &token).await.0, StatusCode::OK);
}

#[tokio::test]
async fn while_the_cluster_is_silent_nobody_but_a_master_is_let_in() {
    let server = Delegating::start().await;
    server.fall_silent();
    let (code, _) = server.get("/metrics", &[("authorization", "Bearer of-scraper")]).await;
    assert_eq!(code, StatusCode::UNAUTHORIZED);
    let scraper = server.clients.sign("scraper", "staff");
    let (code, answer) = server.get_as(&scraper, "/metrics", &[]).await;
    assert_eq!((code, &answer["reason"]), (StatusCode::INTERNAL_SERVER_ERROR, &json!("InternalError")));
    let master = server.clients.sign("admin", "system:masters");
    assert_eq!(server.get_as(&master, "/metrics", &[]).await.0, StatusCode::OK);
    assert_eq!(server.get("/healthz", &[]).await.0, StatusCode::OK);
}

#[tokio::test]
async fn one_too_many_is_told_to_ask_again_and_one_that_takes_too_long_is_given_up() {
    let (entered, leave) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let slow = {
        let (entered, leave) = (Arc::clone(&entered), Arc::clone(&leave));
        async move || {
            entered.notify_one();
            leave.notified().await;
            "done"
        }
    };
    let routes = Router::new().route(SNAPSHOTS, get(slow));
    let limits = RequestLimits { read_only: 1, mutating: 0, timeout: DEADLINE };
    let server = Delegating::with(limits, Audit::default(), routes).await;
    let reader = [("authorization", "Bearer of-reader")];
    let ((code, _), ()) = tokio::join!(server.get(SNAPSHOTS, &reader), async {
        within(entered.notified()).await;
        let bundle = server.running.bundle.borrow().clone();
        let mut connection = server.running.connect(&bundle).await.unwrap();
        let (head, body) = connection.ask(request(SNAPSHOTS, &reader)).await;
        assert_eq!(
            (head.status, &head.headers[RETRY_AFTER]),
            (StatusCode::TOO_MANY_REQUESTS, &"1".parse().unwrap())
        );
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((&body["kind"], &body["reason"]), (&json!("Status"), &json!("TooManyRequests")));
        // Those who watch over it are let in.
        assert_eq!(server.get("/healthz", &[]).await.0, StatusCode::OK);
        leave.notify_one();
    });
    assert_eq!(code, StatusCode::OK);

    let routes = Router::new().route(SNAPSHOTS, get(async || std::future::pending::<&str>().await));
    let limits = RequestLimits { timeout: Duration::from_millis(50), ..RequestLimits::default() };
    let server = Delegating::with(limits, Audit::default(), routes).await;
    let (code, answer) = server.get(SNAPSHOTS, &reader).await;
    assert_eq!((code, &answer["reason"]), (StatusCode::GATEWAY_TIMEOUT, &json!("Timeout")));
    let counted =
        crate::metrics::number(&server.api.families(), "apiserver_request_count", &[("code", "504")]);
    assert_eq!(counted, Some(1.0));
}

#[tokio::test]
async fn what_would_change_something_is_told_of() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("audit.log");
    let audit = Audit { log: Some(AuditLog::open(&path).unwrap()), ..Audit::default() };
    let server = Delegating::with(RequestLimits::default(), audit, resource()).await;
    for (user, method) in [("reader", Method::GET), ("reader", Method::DELETE), ("writer", Method::DELETE)] {
        let mut request = request(SNAPSHOTS, &[("authorization", &format!("Bearer of-{user}"))]);
        *request.method_mut() = method;
        server.running.send(request).await;
    }
    let lines = within(async {
        loop {
            let text = std::fs::read_to_string(&path).unwrap();
            let lines: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
            if lines.len() == 2 {
                return lines;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    let told: Vec<String> = lines
        .iter()
        .map(|line| {
            format!("{} {} {}", line["user"]["username"], line["verb"], line["responseStatus"]["code"])
        })
        .collect();
    assert_eq!(told, ["\"reader\" \"deletecollection\" 403", "\"writer\" \"deletecollection\" 200"]);
    assert!(!std::fs::read_to_string(&path).unwrap().contains("of-writer"), "a token is in no log");
    let counted = crate::metrics::number(&server.api.families(), "apiserver_audit_event_total", &[]);
    assert_eq!(counted, Some(2.0));
}

#[tokio::test]
async fn a_watch_takes_no_room_and_is_counted_at_its_end() {
    let end = Arc::new(Notify::new());
    let ended = Arc::clone(&end);
    let events = async move || {
        let last = futures_util::stream::once(async move {
            ended.notified().await;
            Ok::<_, std::io::Error>("ended")
        });
        Body::from_stream(futures_util::stream::iter([Ok("begun")]).chain(last))
    };
    let routes = Router::new().route(SNAPSHOTS, get(events));
    let limits = RequestLimits { read_only: 1, mutating: 1, timeout: Duration::from_millis(500) };
    let server = Delegating::with(limits, Audit::default(), routes).await;
    let watches = |api: &apiserver::ApiServer| {
        crate::metrics::number(&api.families(), "apiserver_request_total", &[("verb", "WATCH")])
    };
    let mut stream = server.running.stream().await;
    let request =
        format!("GET {SNAPSHOTS}?watch=1 HTTP/1.1\r\nhost: test\r\nauthorization: Bearer of-reader\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(b"begun\r\n") {
        within(stream.read_buf(&mut seen)).await.unwrap();
    }
    let inflight = |api: &apiserver::ApiServer| {
        let labels = [("requestKind", "readOnly")];
        crate::metrics::number(&api.families(), "apiserver_current_inflight_requests", &labels)
    };
    within(async {
        while inflight(&server.api) != Some(0.0) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    assert_eq!(watches(&server.api), None);
    end.notify_one();
    within(async {
        while watches(&server.api) != Some(1.0) {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
