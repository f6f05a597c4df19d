//! Stopping loses nothing that was answered.

use std::time::Duration;

use exposition::{Family, GroupingKey, Labels};
use gateway::{Config, PushMode, Rejected};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::server::{DEADLINE, Server, read_answer};

const HALF: &[u8] =
    b"PUT /metrics/job/half HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n";

/// A connection in the middle of a push: the server has answered `100 Continue` and waits for the body.
async fn half_sent(server: &Server) -> TcpStream {
    use tokio::io::AsyncReadExt;
    let mut stream = TcpStream::connect(server.client.0).await.unwrap();
    stream.write_all(HALF).await.unwrap();
    let mut interim = [0; 25];
    tokio::time::timeout(DEADLINE, stream.read_exact(&mut interim)).await.unwrap().unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream
}

#[tokio::test]
async fn a_push_under_way_is_finished_and_saved() {
    let folder = TempDir::new().unwrap();
    let config = || Config { persistence_file: Some(folder.path().join("groups.json")), ..Config::default() };
    let server = Server::with(config()).await;
    let mut stream = half_sent(&server).await;
    let stopped = server.tell_to_stop();
    stream.write_all(b"a 1\n").await.unwrap();
    read_answer(&mut stream).await.is(200);
    stopped.await.unwrap().unwrap().unwrap();
    let server = Server::with(config()).await;
    assert_eq!(server.pushed().await[1], r#"a{instance="",job="half"} 1"#);
}

#[tokio::test]
async fn a_push_that_never_ends_does_not_hold_up_the_stop() {
    let server = Server::with(Config { drain_timeout: Duration::from_millis(50), ..Config::default() }).await;
    let _stream = half_sent(&server).await;
    server.stop().await.unwrap();
}

#[tokio::test]
async fn after_the_stop_pushes_are_refused() {
    let server = Server::start().await;
    let gateway = server.gateway.clone();
    server.stop().await.unwrap();
    let key = GroupingKey::new("late", Labels::new()).unwrap();
    let families = vec![Family::gauge("a", "").with([("x", "1")], 1.0)];
    assert_eq!(gateway.push(key.clone(), families, PushMode::Replace), Err(Rejected::Closed));
    assert!(!gateway.delete(&key));
}
