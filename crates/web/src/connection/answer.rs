//! The body of an answer, made no faster than the client takes it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};

use super::pulse::Request;

/// An answer is handed on in pieces of at most this size, however large those are in which it is made: on a connection
/// with one answer at a time, and on one with many.
const PIECE: (usize, usize) = (64 * 1024, 16 * 1024);

/// The body of an answer; with its end the request ends.
pub(super) struct Answer {
    body: Body,
    /// What is left of a large piece.
    rest: Bytes,
    request: Request,
}

impl Answer {
    pub(super) fn new(body: Body, request: Request) -> Self {
        // Before the first piece is asked for, the client has to make room for it.
        request.make(0);
        Self { body, rest: Bytes::new(), request }
    }

    fn next_piece(&mut self) -> Bytes {
        let most = if self.request.is_one_of_many() { PIECE.1 } else { PIECE.0 };
        let piece = self.rest.split_to(self.rest.len().min(most));
        self.request.make(piece.len());
        piece
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        ready!(this.request.poll_room(cx));
        if this.rest.is_empty() {
            match ready!(Pin::new(&mut this.body).poll_frame(cx)).transpose()? {
                None => return Poll::Ready(None),
                Some(frame) => match frame.into_data() {
                    Ok(data) => this.rest = data,
                    // Trailers.
                    Err(frame) => return Poll::Ready(Some(Ok(frame))),
                },
            }
        }
        Poll::Ready(Some(Ok(Frame::data(this.next_piece()))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.rest.len() as u64;
        let of_body = self.body.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(of_body.lower().saturating_add(rest));
        if let Some(upper) = of_body.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint
    }
}
