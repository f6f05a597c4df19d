//! HTTP/2, over TLS.

use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use http::{Request, StatusCode};
use hyper::client::conn::http2::{SendRequest, handshake as begin};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tempfile::TempDir;
use tokio_rustls::rustls::DEFAULT_VERSIONS;
use web::{ConfigFile, Limits, TimedOut};

use crate::certificates::{Authority, handshake};
use crate::server::{Running, within};

struct Secure {
    _folder: TempDir,
    authority: Authority,
    running: Running,
}

impl Secure {
    async fn start(limits: Limits) -> Self {
        let folder = TempDir::new().unwrap();
        let authority = Authority::new();
        authority.sign("localhost").write(folder.path());
        let path = folder.path().join("web.yml");
        std::fs::write(&path, "tls_server_config: {cert_file: cert.pem, key_file: key.pem}\n").unwrap();
        let file = ConfigFile::open(path).unwrap();
        Self { running: Running::start(limits, Some(file)).await, authority, _folder: folder }
    }

    async fn connect(&self) -> SendRequest<Body> {
        let config = self.authority.client(None, &["h2"], DEFAULT_VERSIONS);
        let stream = handshake(self.running.connect().await, config).await.unwrap();
        let (sender, connection) = begin(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        sender
    }
}

fn get(path: &str) -> Request<Body> {
    Request::get(format!("https://localhost{path}")).body(Body::empty()).unwrap()
}

#[tokio::test]
async fn many_requests_go_over_one_connection() {
    let server = Secure::start(Limits::default()).await;
    let sender = server.connect().await;
    let requests = (0..100).map(|_| {
        let mut sender = sender.clone();
        async move {
            let put = Request::put("https://localhost/length").body(Body::from(vec![b'x'; 300_000])).unwrap();
            let answer = within(sender.send_request(put)).await.unwrap();
            to_bytes(Body::new(answer.into_body()), 100).await.unwrap()
        }
    });
    let answers = futures_util::future::join_all(requests).await;
    assert!(answers.iter().all(|answer| answer == "300000"));
    assert_eq!(server.running.counts().accepted(), 1);
}

#[tokio::test]
async fn headers_above_the_limit_are_answered_431() {
    let server = Secure::start(Limits::default()).await;
    let mut sender = server.connect().await;
    let request = |bytes: usize| {
        let mut request = get("/ok");
        request.headers_mut().insert("x", "x".repeat(bytes).parse().unwrap());
        request
    };
    let taken = within(sender.send_request(request(60_000))).await.unwrap();
    assert_eq!(taken.status(), StatusCode::OK);
    let refused = within(sender.send_request(request(70_000))).await;
    // A client may know beforehand, since the limit was announced to it.
    assert!(
        refused.is_err()
            || refused.is_ok_and(|answer| answer.status() == StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE)
    );
}

#[tokio::test]
async fn an_answer_that_is_not_taken_ends_the_connection_and_little_is_kept_for_it() {
    let limits = Limits { answer_timeout: Duration::from_millis(500), ..Limits::default() };
    let server = Secure::start(limits).await;
    let mut sender = server.connect().await;
    let mut answers = Vec::new();
    for _ in 0..20 {
        // On a slow machine it is over before all are sent.
        answers.extend(within(sender.send_request(get("/endless"))).await);
    }
    assert!(!answers.is_empty());
    server.running.until("the client to be let go", |counts| counts.timed_out(TimedOut::Answer) >= 1).await;
    server.running.until("its connection to be closed", |counts| counts.open() == 0).await;
    let made = server.running.made.load(Ordering::Relaxed);
    assert!(made < 40 << 20, "{made} bytes were made for a client that took none");
}

#[tokio::test]
async fn an_answer_for_which_a_client_gives_no_room_at_all_ends_the_connection() {
    let limits = Limits { answer_timeout: Duration::from_millis(500), ..Limits::default() };
    let server = Secure::start(limits).await;
    let config = server.authority.client(None, &["h2"], DEFAULT_VERSIONS);
    let stream = handshake(server.running.connect().await, config).await.unwrap();
    let mut builder = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
    let (mut sender, connection) =
        builder.initial_stream_window_size(0).handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let _answer = within(sender.send_request(get("/endless"))).await.unwrap();
    server.running.until("its connection to be closed", |counts| counts.open() == 0).await;
    assert_eq!(server.running.counts().timed_out(TimedOut::Answer), 1);
}

#[tokio::test]
async fn a_body_that_does_not_go_on_is_answered_408_and_the_connection_goes_on() {
    let limits = Limits { body_timeout: Duration::from_millis(300), ..Limits::default() };
    let server = Secure::start(limits).await;
    let mut sender = server.connect().await;
    let body = Body::from_stream(futures_util::stream::pending::<Result<&'static [u8], std::io::Error>>());
    let request = Request::put("https://localhost/length").body(body).unwrap();
    let answer = within(sender.send_request(request)).await.unwrap();
    assert_eq!(answer.status(), StatusCode::REQUEST_TIMEOUT);
    assert_eq!(within(sender.send_request(get("/ok"))).await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn a_connection_without_requests_is_closed_after_a_while() {
    let limits = Limits { idle_timeout: Duration::from_millis(300), ..Limits::default() };
    let server = Secure::start(limits).await;
    let mut sender = server.connect().await;
    within(sender.send_request(get("/ok"))).await.unwrap();
    server.running.until("the time-out", |counts| counts.timed_out(TimedOut::Idle) == 1).await;
    server.running.until("the end", |counts| counts.open() == 0).await;
}

#[tokio::test]
async fn a_stop_lets_requests_under_way_finish() {
    let server = Secure::start(Limits::default()).await;
    let mut sender = server.connect().await;
    let (going, waiting) = tokio::sync::oneshot::channel::<()>();
    let body = Body::from_stream(futures_util::stream::once(async move {
        drop(waiting.await);
        Ok::<_, std::io::Error>("12")
    }));
    let answer = sender.send_request(Request::put("https://localhost/length").body(body).unwrap());
    let mut answer = std::pin::pin!(answer);
    let begun = |_: &web::Counts| server.running.made.load(Ordering::Relaxed) == 1;
    tokio::select! {
        _ = &mut answer => panic!("there is no answer yet"),
        () = server.running.until("the request to begin", begun) => {}
    }
    server.running.tell_to_stop();
    going.send(()).unwrap();
    let answer = within(answer).await.unwrap();
    assert_eq!(to_bytes(Body::new(answer.into_body()), 10).await.unwrap(), "2");
    assert_eq!(server.running.stop().await, 0);
}
