//! Why a push is not taken, what it is answered, and under which reason it is counted.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use exposition::grouping::KeyError;
use http::header::{CONNECTION, RETRY_AFTER};
use http::{HeaderValue, StatusCode};

use crate::Rejected;
use crate::serve::refuse;

/// Why a push is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("{0}")]
    Key(KeyError),
    /// The body is not what its Content-Encoding says.
    #[error("{0}")]
    Encoding(String),
    #[error("the body has more than {limit} bytes: push less at once, or raise --web.max-body-bytes")]
    TooLarge { limit: usize },
    #[error(
        "the body has more than {limit} bytes when it is unpacked: push less at once, or raise \
         --web.max-unpacked-bytes"
    )]
    UnpackedTooLarge { limit: usize },
    #[error("the push has more than {limit} series: push less at once, or raise --push.max-series")]
    TooManySeries { limit: usize },
    #[error(
        "reading the push takes more than {limit} bytes of memory: push less at once, or raise \
         --push.max-memory-bytes"
    )]
    TooMuchMemory { limit: usize },
    #[error("other large pushes take all memory that pushes may take: push again later")]
    Busy { retry_after: Duration },
    #[error(
        "pushes of other addresses need the memory that those of this one take: push again later, or send faster"
    )]
    GaveWay { retry_after: Duration },
    /// The body ended before it was whole.
    #[error("unexpected EOF")]
    Cut,
    #[error(
        "the body came too slowly: send it faster, or raise --web.body-timeout or lower --web.min-body-rate"
    )]
    Slow,
    /// What the parser says.
    #[error("{0}")]
    Syntax(String),
    #[error("{0}")]
    Rejected(Rejected),
    /// A thread of the gateway died: a defect of the gateway.
    #[error("the request could not be finished")]
    Internal,
}

impl Refusal {
    /// The value of the label `reason` of `pushgateway_pushes_rejected_total`.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Refusal::Key(_) => "grouping_key",
            Refusal::Encoding(_) => "encoding",
            Refusal::TooLarge { .. } | Refusal::UnpackedTooLarge { .. } | Refusal::TooMuchMemory { .. } => {
                "too_large"
            }
            Refusal::TooManySeries { .. } => "too_many_series",
            Refusal::Busy { .. } => "busy",
            Refusal::GaveWay { .. } => "gave_way",
            Refusal::Cut => "cut",
            Refusal::Slow => "slow",
            Refusal::Syntax(_) => "syntax",
            Refusal::Rejected(rejected) => rejected.reason(),
            Refusal::Internal => "internal",
        }
    }

    fn code(&self) -> StatusCode {
        match self {
            Refusal::TooLarge { .. }
            | Refusal::UnpackedTooLarge { .. }
            | Refusal::TooManySeries { .. }
            | Refusal::TooMuchMemory { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Refusal::Busy { .. } | Refusal::GaveWay { .. } | Refusal::Rejected(Rejected::Closed) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Refusal::Slow => StatusCode::REQUEST_TIMEOUT,
            Refusal::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Refusal::Key(_)
            | Refusal::Encoding(_)
            | Refusal::Cut
            | Refusal::Syntax(_)
            | Refusal::Rejected(_) => StatusCode::BAD_REQUEST,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = refuse(self.code(), &self.to_string());
        if let Refusal::Busy { retry_after } | Refusal::GaveWay { retry_after } = self {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(retry_after.as_secs().max(1)));
        }
        // What is still to come of the body would be taken for the next request.
        if let Refusal::Slow | Refusal::GaveWay { .. } = self {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
