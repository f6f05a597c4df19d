//! PUT and POST on a grouping key: PUT replaces a group, POST merges into it.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use exposition::GroupingKey;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, StatusCode};

use crate::route::refuse;
use crate::{Gateway, PushMode, Rejected};

/// Bodies from this size on are parsed and stored on a thread that may block.
const LARGE: usize = 64 * 1024;

/// Takes the push of `request` to the group `key`.
pub(crate) async fn push(gateway: Gateway, key: GroupingKey, mode: PushMode, request: Request) -> Response {
    if let Some(reason) = unsupported(request.headers()) {
        gateway.0.counters.rejected("encoding");
        return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, reason);
    }
    let body = match Bytes::from_request(request, &()).await {
        Ok(body) => body,
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            gateway.0.counters.rejected("too_large");
            let limit = gateway.0.config.body_limit;
            return refuse(StatusCode::PAYLOAD_TOO_LARGE, &format!("the body is larger than {limit} bytes"));
        }
        Err(_) => {
            gateway.0.counters.rejected("syntax");
            return refuse(StatusCode::BAD_REQUEST, "unexpected EOF");
        }
    };
    if body.len() < LARGE {
        return store(&gateway, key, mode, &body);
    }
    let storing = tokio::task::spawn_blocking(move || store(&gateway, key, mode, &body));
    storing.await.unwrap_or_else(|_| crate::route::internal_error())
}

fn store(gateway: &Gateway, key: GroupingKey, mode: PushMode, body: &[u8]) -> Response {
    let families = match exposition::parse(body) {
        Ok(families) => families,
        Err(error) => {
            gateway.0.counters.rejected("syntax");
            tracing::debug!(group = key.to_path(), "push refused: {error}");
            return refuse(StatusCode::BAD_REQUEST, &error.to_string());
        }
    };
    match gateway.push(key, families, mode) {
        Ok(()) => StatusCode::OK.into_response(),
        Err(rejected @ Rejected::Closed) => refuse(StatusCode::SERVICE_UNAVAILABLE, &rejected.to_string()),
        Err(rejected) => refuse(StatusCode::BAD_REQUEST, &rejected.to_string()),
    }
}

/// Why a body of these headers cannot be read, when it cannot. Only the first of two equal headers counts.
fn unsupported(headers: &HeaderMap) -> Option<&'static str> {
    let value = |name: HeaderName| {
        let value = headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        value.trim().to_ascii_lowercase()
    };
    if matches!(value(CONTENT_ENCODING).as_str(), "gzip" | "snappy") {
        return Some("compressed bodies are not supported: push without Content-Encoding");
    }
    let content_type = value(CONTENT_TYPE);
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    (media_type == "application/vnd.google.protobuf")
        .then_some("protobuf bodies are not supported: push the text format 0.0.4")
}
