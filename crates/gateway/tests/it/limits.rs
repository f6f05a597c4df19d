//! What is too much is refused with the right code, and harms nobody else.

use std::io::Write;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use gateway::{Config, Limits};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::server::{DEADLINE, Server, read_answer};

async fn limited(limits: Limits) -> Server {
    Server::with(Config { limits, ..Config::default() }).await
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

const GZIP: &str = "Content-Encoding: gzip\r\n";

#[tokio::test]
async fn packed_bodies_are_unpacked() {
    let server = Server::start().await;
    let body: String = (0..8000).map(|n| format!("a{{n=\"{n}\"}} {n}\n")).collect();
    server.client.send_with("PUT", "/metrics/job/j", GZIP, &gzip(body.as_bytes())).await.is(200);
    assert_eq!(server.pushed().await.len(), 8001);
    for broken in [&b""[..], b"a 1\n"] {
        server.client.send_with("PUT", "/metrics/job/k", GZIP, broken).await.refused(400);
    }
    server.client.send_with("DELETE", "/metrics/job/j", GZIP, b"").await.is(202);
    assert!(server.pushed().await.is_empty());
}

#[tokio::test]
async fn a_body_that_unpacks_to_too_much_is_refused() {
    let server = limited(Limits { unpacked_bytes: 1_000_000, ..Limits::default() }).await;
    let bomb = gzip(&vec![b'#'; 50_000_000]);
    assert!(bomb.len() < 60_000);
    let answer = server.client.send_with("PUT", "/metrics/job/j", GZIP, &bomb).await;
    assert!(answer.refused(413).contains("when it is unpacked"));
    server.put("/metrics/job/j", "a 1\n").await.is(200);
}

#[tokio::test]
async fn a_body_that_says_to_be_too_large_is_refused_before_it_is_sent() {
    let server = limited(Limits { body_bytes: 1000, ..Limits::default() }).await;
    let mut stream = TcpStream::connect(server.client.0).await.unwrap();
    let head = b"PUT /metrics/job/j HTTP/1.1\r\nHost: t\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 1001\r\n\r\n";
    stream.write_all(head).await.unwrap();
    read_answer(&mut stream).await.refused(413);
}

#[tokio::test]
async fn a_chunked_body_is_refused_when_it_gets_too_large() {
    let server = limited(Limits { body_bytes: 1000, ..Limits::default() }).await;
    let mut stream = TcpStream::connect(server.client.0).await.unwrap();
    let head =
        b"PUT /metrics/job/j HTTP/1.1\r\nHost: t\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3E9\r\n";
    stream.write_all(head).await.unwrap();
    stream.write_all(&[b'#'; 1001]).await.unwrap();
    read_answer(&mut stream).await.refused(413);
}

#[tokio::test]
async fn too_many_series_are_refused() {
    let server = limited(Limits { series: 3, ..Limits::default() }).await;
    server.put("/metrics/job/j", "# TYPE a gauge\na{x=\"1\"} 1\na{x=\"2\"} 1\n\nb 1\n").await.is(200);
    let answer = server.put("/metrics/job/k", "a 1\nb 1\nc 1\nd 1\n").await;
    assert!(answer.refused(413).contains("more than 3 series"));
    let text = server.get("/metrics").await.body;
    assert!(text.contains(r#"pushgateway_pushes_rejected_total{reason="too_many_series"} 1"#));
    assert!(!text.contains(r#"job="k""#));
}

#[tokio::test]
async fn a_text_that_takes_more_memory_than_there_is_is_refused() {
    let server = limited(Limits { memory_bytes: 1_000_000, ..Limits::default() }).await;
    let lines = "# TYPE a gauge\n".repeat(10_000);
    assert!(server.put("/metrics/job/j", &lines).await.refused(413).contains("memory"));
    let one_line = format!("a{{x=\"{}\"}} 1\n", "y".repeat(500_000));
    server.put("/metrics/job/j", &one_line).await.is(200);
}

/// A push that has sent all of its large body but the last byte.
async fn almost_sent(server: &Server, size: usize) -> TcpStream {
    almost_sent_from("127.0.0.1", server, size).await
}

/// The same from another address of this machine.
async fn almost_sent_from(address: &str, server: &Server, size: usize) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{address}:0").parse().unwrap()).unwrap();
    let mut stream = socket.connect(server.client.0).await.unwrap();
    let head = format!(
        "PUT /metrics/job/slow HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Length: {size}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut interim = [0; 25];
    tokio::time::timeout(DEADLINE, stream.read_exact(&mut interim)).await.unwrap().unwrap();
    stream.write_all(&vec![b'#'; size - 1]).await.unwrap();
    stream
}

#[tokio::test]
async fn large_pushes_that_find_no_room_are_told_to_come_again_and_small_ones_are_taken() {
    let limits =
        Limits { memory_bytes: 3_000_000, memory_wait: Duration::from_millis(1), ..Limits::default() };
    let server = limited(limits).await;
    let mut slow = almost_sent(&server, 2_500_000).await;
    let large = format!("# {}\na 1\n", "x".repeat(1_500_000));
    let refused = server.put("/metrics/job/large", &large).await;
    refused.refused(503);
    assert_eq!(refused.header("retry-after"), Some("1"));
    server.put("/metrics/job/small", "a 1\n").await.is(200);
    slow.write_all(b"\n").await.unwrap();
    read_answer(&mut slow).await.is(200);
    server.put("/metrics/job/large", &large).await.is(200);
}

#[tokio::test]
async fn an_address_whose_pushes_never_end_does_not_keep_those_of_others_out() {
    let limits =
        Limits { memory_bytes: 4_000_000, memory_wait: Duration::from_secs(20), ..Limits::default() };
    let server = limited(limits).await;
    let mut slow = Vec::new();
    for _ in 0..4 {
        slow.push(almost_sent_from("127.0.0.9", &server, 1_000_000).await);
    }
    let large = format!("# {}\na 1\n", "x".repeat(900_000));
    server.put("/metrics/job/large", &large).await.is(200);
    // The first one gave way and was told so; the others go on, and end well.
    let told = read_answer(&mut slow[0]).await;
    assert!(told.refused(503).contains("other addresses"));
    assert_eq!((told.header("retry-after"), told.header("connection")), (Some("20"), Some("close")));
    for stream in &mut slow[1..] {
        stream.write_all(b"\n").await.unwrap();
        read_answer(stream).await.is(200);
    }
    let text = server.get("/metrics").await.body;
    assert!(text.contains(r#"pushgateway_pushes_rejected_total{reason="gave_way"} 1"#));
}

#[tokio::test]
async fn an_address_that_is_alone_may_have_all_memory() {
    let limits = Limits { memory_bytes: 4_000_000, memory_wait: Duration::ZERO, ..Limits::default() };
    let server = limited(limits).await;
    let mut pushes = Vec::new();
    for _ in 0..4 {
        pushes.push(almost_sent(&server, 1_000_000).await);
    }
    for stream in &mut pushes {
        stream.write_all(b"\n").await.unwrap();
        read_answer(stream).await.is(200);
    }
}

#[tokio::test]
async fn a_push_that_is_given_up_frees_its_memory() {
    let limits = Limits { memory_bytes: 3_000_000, memory_wait: DEADLINE, ..Limits::default() };
    let server = limited(limits).await;
    let slow = almost_sent(&server, 2_500_000).await;
    drop(slow);
    let large = format!("# {}\na 1\n", "x".repeat(2_000_000));
    server.put("/metrics/job/large", &large).await.is(200);
}

#[tokio::test]
async fn a_body_that_comes_too_slowly_is_answered_408_and_counted() {
    let serving = web::Limits { body_timeout: Duration::from_millis(100), ..web::Limits::default() };
    let server = Server::with(Config { serving, ..Config::default() }).await;
    let mut slow = almost_sent(&server, 1000).await;
    let answer = read_answer(&mut slow).await;
    assert!(answer.refused(408).contains("too slowly"));
    assert_eq!(answer.header("connection"), Some("close"));
    let text = server.get("/metrics").await.body;
    for line in [
        r#"pushgateway_pushes_rejected_total{reason="slow"} 1"#,
        r#"pushgateway_http_timeouts_total{reason="body"} 1"#,
        r#"pushgateway_http_requests_total{code="408",handler="push",method="put"} 1"#,
        r#"pushgateway_http_refused_total{reason="connections"} 0"#,
        "pushgateway_http_connections_total 2",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
}
