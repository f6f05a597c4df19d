//! Answers to clients with whom there is no request to speak about, and the end of a connection.

use std::time::Duration;

use http::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::socket::Socket;

/// How long a client that may still be sending is listened to, so that it sees the answer: a connection that is closed
/// with unread bytes is reset, and the answer lost. Go waits half as long.
const LINGER: Duration = Duration::from_secs(1);

/// An answer with a line of text, after which the connection ends.
pub(super) fn answer(code: StatusCode, headers: &str, text: &str) -> String {
    let length = text.len() + 1;
    format!(
        "HTTP/1.1 {code}\r\nContent-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n\
         Connection: close\r\n{headers}Content-Length: {length}\r\n\r\n{text}\n"
    )
}

/// Says there is too much to do, and when to come again.
pub(super) fn busy() -> String {
    answer(StatusCode::SERVICE_UNAVAILABLE, "Retry-After: 1\r\n", "503 Service Unavailable: too many at once")
}

/// Sends what is to be said, tells the client that this is all, and listens a moment longer when `linger`.
pub(super) async fn end(socket: &mut (impl Socket + ?Sized), say: &str, linger: bool) {
    let ending = async {
        // Whether the client is still there does not matter any more.
        if socket.write_all(say.as_bytes()).await.is_err() || socket.shutdown().await.is_err() || !linger {
            return;
        }
        let mut unread = [0; 4096];
        while let Ok(1..) = socket.read(&mut unread).await {}
    };
    let _ = tokio::time::timeout(LINGER, ending).await;
}
