//! The JSON API for reading, and the end of the process on request.

mod groups;
pub(crate) mod native;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, CACHE_CONTROL, CONTENT_TYPE, HeaderName,
};
use http::{HeaderValue, StatusCode};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::json;

use crate::Gateway;
use crate::serve::plain;
pub(crate) use groups::{group_labels, groups};

/// Set on every answer of the API.
const API_HEADERS: [(HeaderName, &str); 5] = [
    (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    (ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, DELETE, OPTIONS"),
    (ACCESS_CONTROL_ALLOW_HEADERS, "Accept, Authorization, Content-Type, Origin"),
    (ACCESS_CONTROL_EXPOSE_HEADERS, "Date"),
    (CACHE_CONTROL, "no-cache, no-store, must-revalidate"),
];

pub(crate) fn preflight() -> Response {
    API_HEADERS.into_response()
}

/// `GET /api/v1/status`. What is not known about the build is an empty string: the keys are the original's.
pub(crate) fn status(gateway: &Gateway) -> Response {
    let config = &gateway.0.config;
    let body = json!({ "status": "success", "data": {
        "build_information": {
            "branch": "",
            "buildDate": "",
            "buildUser": "",
            "goVersion": "",
            "revision": "",
            "version": config.version,
        },
        "flags": config.flags,
        "start_time": local(gateway.0.started, &TimeZone::system()),
    }});
    json_response(body.to_string())
}

/// PUT or POST on `/-/quit`.
pub(crate) fn quit(gateway: &Gateway) -> Response {
    if !gateway.0.config.enable_lifecycle {
        return plain(StatusCode::FORBIDDEN, "Lifecycle API is not enabled.");
    }
    tracing::info!("a client asks for the end");
    gateway.0.quit.cancel();
    plain(StatusCode::OK, "Requesting termination... Goodbye!")
}

pub(crate) fn json_response(body: impl Into<Body>) -> Response {
    let mut response = (API_HEADERS, body.into()).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// RFC 3339 in local time, with as many digits of the second as it has.
fn local(time: Timestamp, zone: &TimeZone) -> String {
    let offset = zone.to_offset(time);
    if offset.is_zero() { time.to_string() } else { time.display_with_offset(offset).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_go_writes_them() {
        let time: Timestamp = "2026-11-22T14:09:06.243548300Z".parse().unwrap();
        assert_eq!(local(time, &TimeZone::UTC), "2026-11-22T14:09:06.2435483Z");
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        assert_eq!(local(time, &berlin), "2026-11-22T15:09:06.2435483+01:00");
        let whole: Timestamp = "2026-11-22T14:09:06Z".parse().unwrap();
        assert_eq!(local(whole, &TimeZone::UTC), "2026-11-22T14:09:06Z");
    }
}
