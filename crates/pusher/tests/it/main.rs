//! What arrives at a gateway, and what becomes of a push that does not.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on panics: that is how it fails"
)]

use std::sync::{Arc, Mutex};

use exposition::{Family, GroupingKey};
use pusher::{PushError, Pusher};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A gateway that answers each request with the next of these statuses, and remembers what it was sent.
async fn gateway(statuses: Vec<&'static str>) -> (String, Arc<Mutex<Vec<String>>>) {
    answering(statuses.into_iter().map(|status| (status, "because")).collect()).await
}

async fn answering(answers: Vec<(&'static str, &'static str)>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let requests = Arc::clone(&seen);
    tokio::spawn(async move {
        for (status, body) in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            let mut buffer = [0; 4096];
            while !whole(&request) {
                let read = stream.read(&mut buffer).await.unwrap();
                assert!(read > 0, "the client hung up");
                request.extend_from_slice(&buffer[..read]);
            }
            requests.lock().unwrap().push(String::from_utf8_lossy(&request).into_owned());
            let length = body.len();
            let answer =
                format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (url, seen)
}

fn whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length =
        head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ").map(str::to_owned));
    body.len() >= length.map_or(0, |length| length.trim().parse().unwrap())
}

fn key() -> GroupingKey {
    GroupingKey::new("demo-web", [("namespace", "demo"), ("filegroup", "|data")]).unwrap()
}

fn families() -> Vec<Family> {
    let none: [(&str, &str); 0] = [];
    vec![Family::gauge("restic_session_success", "help").with(none, 1.0)]
}

#[tokio::test]
async fn a_push_is_a_put_of_text_on_the_grouping_key() {
    let (url, seen) = gateway(vec!["200 OK"]).await;
    Pusher::new(&format!("{url}/")).unwrap().push(&key(), &families()).await.unwrap();
    let request = seen.lock().unwrap().remove(0);
    assert!(request.starts_with(&format!("PUT {} HTTP/1.1", key().to_path())), "{request}");
    assert!(request.contains("content-type: text/plain; version=0.0.4"), "{request}");
    assert!(request.ends_with("restic_session_success 1\n"), "{request}");
}

#[tokio::test]
async fn older_gateways_answer_202() {
    let (url, _) = gateway(vec!["202 Accepted"]).await;
    Pusher::new(&url).unwrap().push(&key(), &families()).await.unwrap();
}

#[tokio::test]
async fn a_gateway_in_trouble_is_asked_again() {
    let (url, seen) = gateway(vec!["503 Service Unavailable", "500 Oh", "200 OK"]).await;
    Pusher::new(&url).unwrap().push(&key(), &families()).await.unwrap();
    assert_eq!(seen.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn a_refusal_is_final_and_says_why() {
    let (url, seen) = gateway(vec!["400 Bad Request", "200 OK"]).await;
    let error = Pusher::new(&url).unwrap().push(&key(), &families()).await.unwrap_err();
    assert!(error.to_string().contains("because") && error.to_string().contains(&url), "{error}");
    assert_eq!(seen.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn nobody_there_is_an_error_with_the_address() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = Pusher::new(&url).unwrap().push(&key(), &families()).await.unwrap_err();
    assert!(matches!(&error, PushError::Unreachable { url: named, .. } if *named == url), "{error}");
}

#[test]
fn what_is_no_http_address_is_refused_at_once() {
    for url in ["", "ftp://host", "http://", "https://host", "http://a b"] {
        let error = Pusher::new(url).unwrap_err();
        assert!(matches!(error, PushError::Address { .. }), "{url}: {error}");
    }
    assert_eq!(Pusher::new("gateway:9091/").unwrap().address(), "http://gateway:9091");
}

#[tokio::test]
async fn groups_are_listed_by_their_labels() {
    let list = r#"{"status":"success","data":[{"labels":{"job":"a","x":""},"last_push_successful":true}]}"#;
    let (url, seen) = answering(vec![("200 OK", list)]).await;
    let groups = Pusher::new(&url).unwrap().groups().await.unwrap();
    assert_eq!(groups.len(), 1);
    assert_eq!((groups[0]["job"].as_str(), groups[0]["x"].as_str()), ("a", ""));
    assert!(seen.lock().unwrap()[0].starts_with("GET /api/v1/groups "));
}

/// The original has no list without the metrics.
#[tokio::test]
async fn groups_of_the_original_are_listed_with_their_metrics() {
    let list = r#"{"status":"success","data":[{"labels":{"job":"a"},"last_push_successful":true,
        "up":{"time_stamp":"2026-01-01T00:00:00Z","type":"GAUGE","metrics":[{"labels":{},"value":"1"}]}}]}"#;
    let (url, seen) = answering(vec![("404 Not Found", "404 page not found"), ("200 OK", list)]).await;
    assert_eq!(Pusher::new(&url).unwrap().groups().await.unwrap()[0]["job"], "a");
    assert!(seen.lock().unwrap()[1].starts_with("GET /api/v1/metrics "));
}

#[tokio::test]
async fn what_is_no_gateway_is_said_to_be_none() {
    let (url, _) = answering(vec![("200 OK", "<html>")]).await;
    let error = Pusher::new(&url).unwrap().groups().await.unwrap_err();
    assert!(matches!(error, PushError::Unreadable { .. }), "{error}");
}
