//! The end: requests under way finish, the rest goes.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use web::Limits;

use crate::server::{Running, code, read_all, within};

#[tokio::test]
async fn connections_without_a_request_are_closed_and_one_under_way_is_finished() {
    let server = Running::start(Limits::default(), None).await;
    let mut silent = server.connect().await;
    let mut idle = server.connect().await;
    idle.write_all(b"GET /ok HTTP/1.1\r\nHost: test\r\n\r\n").await.unwrap();
    let mut begin = [0; 15];
    idle.read_exact(&mut begin).await.unwrap();
    let mut busy = server.connect().await;
    busy.write_all(
        b"PUT /length HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n",
    )
    .await
    .unwrap();
    let mut interim = [0; 25];
    within(busy.read_exact(&mut interim)).await.unwrap();
    server.tell_to_stop();
    assert_eq!(read_all(&mut silent).await, "");
    assert!(read_all(&mut idle).await.ends_with("ok"));
    busy.write_all(b"12").await.unwrap();
    let answer = read_all(&mut busy).await;
    assert!(code(&answer) == 200 && answer.ends_with('2'), "{answer}");
    assert_eq!(server.stop().await, 0);
}

#[tokio::test]
async fn what_does_not_finish_in_time_is_cut_off_and_counted() {
    let server = Running::start(Limits::default(), None).await;
    let mut busy = server.connect().await;
    busy.write_all(b"PUT /length HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\n\r\n1").await.unwrap();
    server.until("the connection", |counts| counts.open() == 1).await;
    assert_eq!(server.stop().await, 1);
    assert_eq!(read_all(&mut busy).await, "");
}

#[tokio::test]
async fn nobody_new_is_taken() {
    let server = Running::start(Limits::default(), None).await;
    let address = server.address;
    server.stop().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}
