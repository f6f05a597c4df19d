//! A connection of any kind, with its first bytes looked at.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// A connection of any kind.
pub(crate) trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Socket for T {}

/// As many bytes as tell a TLS handshake from a request.
const LOOK: usize = 5;

/// A connection whose first bytes were read and are given out again.
pub(crate) struct Looked {
    socket: Box<dyn Socket>,
    first: [u8; LOOK],
    given: usize,
}

impl Looked {
    /// Reads the first bytes.
    pub(crate) async fn at(mut socket: Box<dyn Socket>) -> io::Result<Self> {
        let mut first = [0; LOOK];
        socket.read_exact(&mut first).await?;
        Ok(Self { socket, first, given: 0 })
    }

    /// Whether the client speaks HTTP where TLS is expected. These are the beginnings of requests that Go looks for.
    pub(crate) fn is_http(&self) -> bool {
        [b"GET /", b"HEAD ", b"POST ", b"PUT /", b"OPTIO", b"DELET"].contains(&&self.first)
    }

    pub(crate) fn into_socket(self) -> Box<dyn Socket> {
        self.socket
    }
}

impl AsyncRead for Looked {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if let Some(left @ [_, ..]) = this.first.get(this.given..) {
            let count = left.len().min(buf.remaining());
            buf.put_slice(&left[..count]);
            this.given += count;
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut this.socket).poll_read(cx, buf)
    }
}

impl AsyncWrite for Looked {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
