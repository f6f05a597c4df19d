//! Clients that take their time, honestly or not.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use web::{Limits, TimedOut};

use crate::server::{Running, code, get_request, read_all};

/// A while that a test does not wait for, but passes in.
const SHORT: Duration = Duration::from_millis(100);

#[tokio::test]
async fn a_head_that_never_ends_is_answered_408_however_often_a_byte_comes() {
    let server = Running::start(Limits { header_timeout: 3 * SHORT, ..Limits::default() }, None).await;
    let (mut reading, mut writing) = server.connect().await.into_split();
    let trickle = async {
        let mut head = b"GET /ok HTTP/1.1\r\nX: ".to_vec();
        while writing.write_all(&head).await.is_ok() {
            head = b"x".to_vec();
            tokio::time::sleep(SHORT).await;
        }
        std::future::pending::<()>().await
    };
    let answer = tokio::select! {
        answer = read_all(&mut reading) => answer,
        () = trickle => String::new(),
    };
    assert_eq!(code(&answer), 408, "{answer}");
    assert!(answer.contains("Connection: close\r\n"), "{answer}");
    assert_eq!(server.counts().timed_out(TimedOut::Header), 1);
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed_without_a_word() {
    let server = Running::start(Limits { header_timeout: SHORT, ..Limits::default() }, None).await;
    assert_eq!(read_all(&mut server.connect().await).await, "");
    assert_eq!(server.counts().timed_out(TimedOut::Header), 1);
}

#[tokio::test]
async fn a_connection_is_closed_after_a_pause_between_two_requests() {
    let server = Running::start(Limits { idle_timeout: SHORT, ..Limits::default() }, None).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /ok HTTP/1.1\r\nHost: test\r\n\r\n").await.unwrap();
    let answer = read_all(&mut stream).await;
    assert!(code(&answer) == 200 && answer.ends_with("ok"), "{answer}");
    assert_eq!(server.counts().timed_out(TimedOut::Idle), 1);
}

#[tokio::test]
async fn a_body_that_trickles_is_answered_408() {
    let limits = Limits { body_timeout: 5 * SHORT, body_rate: 1000, ..Limits::default() };
    let server = Running::start(limits, None).await;
    let (mut reading, mut writing) = server.connect().await.into_split();
    let trickle = async {
        let mut bytes = b"PUT /length HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\n".to_vec();
        while writing.write_all(&bytes).await.is_ok() {
            bytes = b"x".to_vec();
            tokio::time::sleep(SHORT / 10).await;
        }
        std::future::pending::<()>().await
    };
    let answer = tokio::select! {
        answer = read_all(&mut reading) => answer,
        () = trickle => String::new(),
    };
    assert_eq!(code(&answer), 408, "{answer}");
    assert_eq!(server.counts().timed_out(TimedOut::Body), 1);
}

#[tokio::test]
async fn a_slow_body_that_goes_on_is_taken_though_the_whole_takes_longer_than_a_pause_may() {
    const PAUSE: Duration = Duration::from_secs(4);
    let limits = Limits { body_timeout: PAUSE, body_rate: 100, ..Limits::default() };
    let server = Running::start(limits, None).await;
    let mut stream = server.connect().await;
    stream
        .write_all(
            b"PUT /length HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: 60000\r\n\r\n",
        )
        .await
        .unwrap();
    for _ in 0..60 {
        stream.write_all(&[b'x'; 1000]).await.unwrap();
        tokio::time::sleep(PAUSE / 50).await;
    }
    let answer = read_all(&mut stream).await;
    assert!(code(&answer) == 200 && answer.ends_with("60000"), "{answer}");
}

#[tokio::test]
async fn a_client_that_does_not_read_is_let_go_and_little_is_kept_for_it() {
    let limits = Limits { answer_timeout: 5 * SHORT, ..Limits::default() };
    let server = Running::start(limits, None).await;
    let mut stream = server.connect().await;
    stream.write_all(get_request("/endless", "").as_bytes()).await.unwrap();
    server.until("the client to be let go", |counts| counts.timed_out(TimedOut::Answer) == 1).await;
    server.until("its connection to be closed", |counts| counts.open() == 0).await;
    // What the system keeps on its own is a few megabytes.
    let made = server.made.load(Ordering::Relaxed);
    assert!(made < 32 << 20, "{made} bytes were made for a client that took none");
}

#[tokio::test]
async fn a_client_that_reads_slowly_but_goes_on_is_served() {
    const PAUSE: Duration = Duration::from_secs(4);
    let limits = Limits { answer_timeout: PAUSE, answer_rate: 100, ..Limits::default() };
    let server = Running::start(limits, None).await;
    let mut stream = server.connect().await;
    stream.write_all(get_request("/endless", "").as_bytes()).await.unwrap();
    let mut piece = vec![0; 1 << 20];
    for _ in 0..60 {
        stream.read_exact(&mut piece).await.unwrap();
        tokio::time::sleep(PAUSE / 50).await;
    }
    assert_eq!(server.counts().timed_out(TimedOut::Answer), 0);
}

#[tokio::test]
async fn a_client_that_has_closed_its_side_gets_its_answer() {
    let server = Running::start(Limits::default(), None).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /ok HTTP/1.1\r\nHost: test\r\n\r\n").await.unwrap();
    stream.shutdown().await.unwrap();
    let answer = read_all(&mut stream).await;
    assert!(code(&answer) == 200 && answer.ends_with("ok"), "{answer}");
}
