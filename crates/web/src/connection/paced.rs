//! The bytes of a connection: what comes is told to its pulse, what goes must be taken in time.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::patience::Patience;
use super::pulse::{Heard, Pulse};
use crate::socket::Socket;
use crate::{Counts, Limits, TimedOut};

/// So much is read at once: hyper's buffer grows with what a read brings, and need not.
const READ: usize = 64 * 1024;

/// A connection that does not wait for ever.
pub(super) struct Paced {
    socket: Box<dyn Socket>,
    pulse: Arc<Pulse>,
    counts: Arc<Counts>,
    writing: Patience,
    /// Bytes that were read before, and are given out again.
    again: Bytes,
    has_many_headers: bool,
}

impl Paced {
    pub(super) fn new(
        socket: Box<dyn Socket>,
        pulse: Arc<Pulse>,
        counts: Arc<Counts>,
        limits: &Limits,
    ) -> Self {
        let writing = Patience::new(limits.answer_timeout, limits.answer_rate);
        Self { socket, pulse, counts, writing, again: Bytes::new(), has_many_headers: false }
    }

    /// Whether reading was stopped because a head has many headers.
    pub(super) fn has_many_headers(&self) -> bool {
        self.has_many_headers
    }

    /// The connection from its begin: `read` was taken from it already, and is read once more.
    pub(super) fn again(mut self, read: Bytes) -> Self {
        self.has_many_headers = false;
        self.again = if self.again.is_empty() { read } else { [read, self.again].concat().into() };
        self
    }

    fn pace<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
        bytes: impl Fn(&T) -> usize,
    ) -> Poll<io::Result<T>> {
        match &written {
            Poll::Ready(Ok(written)) => {
                let bytes = bytes(written);
                self.writing.progress(bytes);
                self.pulse.sent(bytes);
            }
            Poll::Ready(Err(_)) => {}
            Poll::Pending => {
                if self.writing.poll_over(cx).is_ready() {
                    self.counts.time_out(TimedOut::Answer);
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
            }
        }
        written
    }
}

impl AsyncRead for Paced {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.again.is_empty() {
            let count = self.again.len().min(buf.remaining());
            buf.put_slice(&self.again.split_to(count));
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        let polled = if buf.remaining() > READ {
            let mut part = ReadBuf::new(buf.initialize_unfilled_to(READ));
            let polled = Pin::new(&mut self.socket).poll_read(cx, &mut part);
            let read = part.filled().len();
            buf.advance(read);
            polled
        } else {
            Pin::new(&mut self.socket).poll_read(cx, buf)
        };
        let heard = buf.filled().get(before..).unwrap_or_default();
        match self.pulse.hear(heard) {
            Heard::Go => polled,
            Heard::NoRoom => Poll::Ready(Err(io::ErrorKind::OutOfMemory.into())),
            Heard::ManyHeaders => {
                // Whoever reads is told to stop, and does not keep what came.
                self.has_many_headers = true;
                self.again = Bytes::copy_from_slice(heard);
                Poll::Ready(Err(io::ErrorKind::Interrupted.into()))
            }
        }
    }
}

impl AsyncWrite for Paced {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.pace(cx, written, |bytes| *bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write_vectored(cx, slices);
        self.pace(cx, written, |bytes| *bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.socket).poll_flush(cx);
        self.pace(cx, flushed, |()| 0)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let closed = Pin::new(&mut self.socket).poll_shutdown(cx);
        self.pace(cx, closed, |()| 0)
    }
}
