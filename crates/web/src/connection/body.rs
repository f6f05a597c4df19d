//! The body of a request, for which the client has its time.

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::patience::Patience;
use super::pulse::Pulse;
use crate::{Counts, Limits, TimedOut};

/// Why a body could not be read to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum BodyError {
    #[error("the body came too slowly")]
    TooSlow,
    #[error("the body was cut off: {0}")]
    Cut(#[source] hyper::Error),
}

/// Whether reading a body failed because it came too slowly, which is answered 408.
#[must_use]
pub fn too_slow(error: &(dyn Error + 'static)) -> bool {
    let mut causes = std::iter::successors(Some(error), |error| (*error).source());
    causes.any(|error| matches!(error.downcast_ref(), Some(BodyError::TooSlow)))
}

/// The body of a request.
pub(super) struct Paced {
    body: Incoming,
    patience: Patience,
    pulse: Arc<Pulse>,
    counts: Arc<Counts>,
    is_over: bool,
}

impl Paced {
    pub(super) fn new(body: Incoming, pulse: Arc<Pulse>, counts: Arc<Counts>, limits: &Limits) -> Self {
        let patience = Patience::new(limits.body_timeout, limits.body_rate);
        Self { body, patience, pulse, counts, is_over: false }
    }
}

impl Body for Paced {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        if this.is_over {
            return Poll::Ready(None);
        }
        match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                this.patience.progress(frame.data_ref().map_or(0, Bytes::len));
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(BodyError::Cut(error)))),
            Poll::Ready(None) => {
                this.is_over = true;
                Poll::Ready(None)
            }
            Poll::Pending if this.patience.poll_over(cx).is_ready() => {
                this.is_over = true;
                this.pulse.leave_body();
                this.counts.time_out(TimedOut::Body);
                Poll::Ready(Some(Err(BodyError::TooSlow)))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.is_over || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Paced {
    fn drop(&mut self) {
        if !self.is_end_stream() {
            self.pulse.leave_body();
        }
    }
}
