//! What is done when an answer has been sent, or nobody takes it any more.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http_body::{Frame, SizeHint};

/// An answer, and what is done at its end.
struct Tailed<F: FnOnce()> {
    body: Body,
    _end: AtEnd<F>,
}

struct AtEnd<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> Drop for AtEnd<F> {
    fn drop(&mut self) {
        if let Some(end) = self.0.take() {
            end();
        }
    }
}

/// The answer, at whose end `end` is called.
pub(crate) fn with_tail(response: Response, end: impl FnOnce() + Send + Unpin + 'static) -> Response {
    response.map(|body| Body::new(Tailed { body, _end: AtEnd(Some(end)) }))
}

impl<F: FnOnce() + Unpin> http_body::Body for Tailed<F> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
