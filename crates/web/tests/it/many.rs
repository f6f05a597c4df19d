//! Too much at once: connections, headers, and memory for headers.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use web::{Limits, Refused, TimedOut};

use crate::server::{Running, ask, code, get_request, read_all, within};

/// Headers of so many bytes each, so that they have `bytes` in all.
fn headers(count: usize, bytes: usize) -> String {
    let each = bytes / count;
    let header = |n| {
        let name = format!("h{n}:");
        let value = "x".repeat(each - name.len() - 2);
        name + &value + "\r\n"
    };
    (0..count).map(header).collect()
}

#[tokio::test]
async fn headers_up_to_a_megabyte_are_taken_and_more_are_answered_431() {
    let server = Running::start(Limits::default(), None).await;
    for (count, bytes, expected) in [
        (1, 1_000_000, 200),
        (100, 1_000_000, 200),
        (10_000, 1_000_000, 200),
        (1, 1_052_000, 200),
        (1, 1_053_000, 431),
        (10_000, 1_100_000, 431),
        (1, 5_000_000, 431),
    ] {
        let answer = server.get("/ok", &headers(count, bytes)).await;
        assert_eq!(code(&answer), expected, "{count} headers of {bytes} bytes: {answer}");
    }
    assert_eq!(server.counts().refused(Refused::Headers), 3);
}

#[tokio::test]
async fn more_headers_than_are_allowed_are_answered_431() {
    let server = Running::start(Limits::default(), None).await;
    let most = Limits::MOST_HEADERS;
    // Two come from the request itself.
    assert_eq!(code(&server.get("/ok", &headers(most - 2, 40 * most)).await), 200);
    assert_eq!(code(&server.get("/ok", &headers(most - 1, 40 * most)).await), 431);
    let server = Running::start(Limits { headers: 10, ..Limits::default() }, None).await;
    assert_eq!(code(&server.get("/ok", &headers(8, 400)).await), 200);
    assert_eq!(code(&server.get("/ok", &headers(9, 400)).await), 431);
}

#[tokio::test]
async fn requests_with_few_and_with_many_headers_take_turns_on_one_connection() {
    let server = Running::start(Limits::default(), None).await;
    let mut stream = server.connect().await;
    for count in [1, 600, 3, 5000, 511, 512, 513, 1] {
        let headers = headers(count, 40 * count);
        let put = format!(
            "PUT /length HTTP/1.1\r\nHost: test\r\nContent-Length: 2000\r\n{headers}\r\n{}",
            "\n".repeat(2000)
        );
        stream.write_all(put.as_bytes()).await.unwrap();
        let mut answer = vec![0; 1024];
        let read = within(stream.read(&mut answer)).await.unwrap();
        let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
        assert!(code(&answer) == 200 && answer.ends_with("2000"), "{count} headers: {answer}");
    }
    assert_eq!(server.counts().accepted(), 1);
}

#[tokio::test]
async fn rubbish_of_many_lines_is_answered_400() {
    let server = Running::start(Limits::default(), None).await;
    let rubbish =
        format!("GET /ok HTTP/1.1\r\n{}no header\r\n{}\r\n", headers(600, 24_000), headers(600, 24_000));
    assert_eq!(code(&server.ask(&rubbish).await), 400);
}

#[tokio::test]
async fn a_request_line_that_is_too_long_is_answered_414() {
    let server = Running::start(Limits::default(), None).await;
    let path = format!("/ok?{}", "x".repeat(65_000));
    assert_eq!(code(&server.get(&path, "").await), 200);
    let path = format!("/ok?{}", "x".repeat(66_000));
    assert_eq!(code(&server.get(&path, "").await), 414);
}

#[tokio::test]
async fn one_address_cannot_take_all_connections() {
    let limits = Limits { connections: 5, connections_per_address: 3, ..Limits::default() };
    let server = Running::start(limits, None).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(server.connect().await);
    }
    server.until("three connections", |counts| counts.open() == 3).await;
    let refused = server.get("/ok", "").await;
    assert_eq!(code(&refused), 503, "{refused}");
    for header in ["Connection: close\r\n", "Retry-After: 1\r\n"] {
        assert!(refused.contains(header), "{refused}");
    }
    assert_eq!(server.counts().refused(Refused::ConnectionsPerAddress), 1);
    // Another one is served, until all are taken.
    let mut other = server.connect_from("127.0.0.2").await;
    assert_eq!(code(&ask(&mut other, &get_request("/ok", "")).await), 200);
    drop(other);
    server.until("the other to be gone", |counts| counts.open() == 3).await;
    let _two = [server.connect_from("127.0.0.2").await, server.connect_from("127.0.0.3").await];
    server.until("five connections", |counts| counts.open() == 5).await;
    let mut last = server.connect_from("127.0.0.4").await;
    assert_eq!(code(&ask(&mut last, &get_request("/ok", "")).await), 503);
    assert_eq!(server.counts().refused(Refused::Connections), 1);
    // What is given back can be had again.
    held.clear();
    server.until("three to be gone", |counts| counts.open() == 2).await;
    assert_eq!(code(&server.get("/ok", "").await), 200);
}

#[tokio::test]
async fn a_crowd_above_the_number_leaves_those_within_unharmed() {
    let limits = Limits { connections_per_address: 10, ..Limits::default() };
    let server = Running::start(limits, None).await;
    let mut crowd = Vec::new();
    for _ in 0..500 {
        crowd.push(server.connect_from("127.0.0.2").await);
    }
    let mut other = server.connect().await;
    assert_eq!(code(&ask(&mut other, &get_request("/ok", "")).await), 200);
    let refused = |counts: &web::Counts| counts.refused(Refused::ConnectionsPerAddress) == 490;
    server.until("the rest of the crowd to be refused", refused).await;
}

#[tokio::test]
async fn large_heads_that_find_no_room_are_told_to_come_again_and_ordinary_ones_are_served() {
    let limits = Limits { header_memory_bytes: 1_500_000, ..Limits::default() };
    let server = Running::start(limits, None).await;
    let half = format!("GET /ok HTTP/1.1\r\n{}", headers(1, 500_000));
    let mut first = server.connect().await;
    first.write_all(half.as_bytes()).await.unwrap();
    // One takes what a whole head may take, so two do not fit; which one is first is not said.
    let mut second = server.connect().await;
    second.write_all(half.as_bytes()).await.unwrap();
    let refused = tokio::select! {
        answer = read_all(&mut first) => answer,
        answer = read_all(&mut second) => answer,
    };
    assert_eq!(code(&refused), 503, "{refused}");
    assert_eq!(server.counts().refused(Refused::HeaderMemory), 1);
    assert_eq!(code(&server.get("/ok", "X: y\r\n").await), 200);
}

#[tokio::test]
async fn a_head_that_took_room_gives_it_back() {
    let limits = Limits {
        header_memory_bytes: 2_000_000,
        header_timeout: Duration::from_millis(300),
        ..Limits::default()
    };
    let server = Running::start(limits, None).await;
    let half = format!("GET /ok HTTP/1.1\r\n{}", headers(1, 500_000));
    assert_eq!(code(&server.ask(&half).await), 408);
    server.until("the time-out", |counts| counts.timed_out(TimedOut::Header) == 1).await;
    for _ in 0..5 {
        assert_eq!(code(&server.get("/ok", &headers(1, 500_000)).await), 200);
    }
}
