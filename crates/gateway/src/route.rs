//! Puts the endpoints together: which path and method goes where, and what all others are answered.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any, get};
use exposition::GroupingKey;
use http::header::{ALLOW, CONTENT_TYPE, LOCATION, X_CONTENT_TYPE_OPTIONS};
use http::{Method, StatusCode, Uri};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, percent_encode};

use crate::push::push;
use crate::remove::delete;
use crate::{Gateway, PushMode, expose, status};

const READ: &str = "GET, HEAD, OPTIONS";
const WRITE: &str = "DELETE, OPTIONS, POST, PUT";

pub(crate) fn router(gateway: Gateway) -> Router {
    let limit = DefaultBodyLimit::max(gateway.0.config.body_limit);
    Router::new()
        .route("/metrics", read_only(get(expose::scrape)))
        .route("/metrics/", any(without_slash))
        .route("/metrics/{*rest}", any(group))
        .route("/-/healthy", read_only(get(status::healthy)))
        .route("/-/ready", read_only(get(status::ready)))
        .route("/api/v1/metrics", read_only(get(status::metrics)).options(status::preflight))
        .route("/api/v1/status", read_only(get(status::status)).options(status::preflight))
        .layer(limit)
        .with_state(gateway)
}

fn read_only(route: MethodRouter<Gateway>) -> MethodRouter<Gateway> {
    route.fallback(|method: Method| async move { other_method(&method, READ) })
}

/// Everything below `/metrics/`. Matching is on the decoded path, so it is done here and not by the router.
async fn group(State(gateway): State<Gateway>, request: Request) -> Response {
    let path = request.uri().path();
    if !has_valid_escapes(path) {
        return refuse(StatusCode::BAD_REQUEST, "400 Bad Request");
    }
    let decoded: Vec<u8> = percent_decode_str(path).collect();
    if let Some(clean) = cleaned(&decoded) {
        return redirect(StatusCode::MOVED_PERMANENTLY, &clean);
    }
    let Some(rest) = decoded.strip_prefix(b"/metrics/job") else {
        return not_found().await;
    };
    let rest = rest.strip_prefix(b"@base64").unwrap_or(rest);
    match rest.strip_prefix(b"/") {
        None => return not_found().await,
        Some(b"") => return without_slash(request.method().clone(), request.uri().clone()).await,
        Some(_) => {}
    }
    let (mode, handler, method) = match *request.method() {
        Method::PUT => (Some(PushMode::Replace), "push", "put"),
        Method::POST => (Some(PushMode::Merge), "push", "post"),
        Method::DELETE => (None, "delete", "delete"),
        _ => return other_method(request.method(), WRITE),
    };
    let response = match (GroupingKey::from_decoded_path(&decoded), mode) {
        (Err(error), mode) => {
            if mode.is_some() {
                gateway.0.counters.rejected("grouping_key");
            }
            tracing::debug!("{method} refused: {error}");
            refuse(StatusCode::BAD_REQUEST, &error.to_string())
        }
        (Ok(key), Some(mode)) => push(gateway.clone(), key, mode, request).await,
        (Ok(key), None) => delete(&gateway, &key),
    };
    gateway.0.counters.request(response.status(), handler, method);
    response
}

/// OPTIONS is answered with the methods there are, any other method is refused with them.
fn other_method(method: &Method, allowed: &'static str) -> Response {
    if method == Method::OPTIONS {
        return [(ALLOW, allowed)].into_response();
    }
    ([(ALLOW, allowed)], refuse(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")).into_response()
}

async fn without_slash(method: Method, uri: Uri) -> Response {
    let code = if method == Method::GET || method == Method::HEAD {
        StatusCode::MOVED_PERMANENTLY
    } else {
        StatusCode::TEMPORARY_REDIRECT
    };
    redirect(code, uri.path().trim_end_matches('/').as_bytes())
}

pub(crate) async fn not_found() -> Response {
    refuse(StatusCode::NOT_FOUND, "404 page not found")
}

/// For what can only be a defect of the gateway: a thread of it died.
pub(crate) fn internal_error() -> Response {
    refuse(StatusCode::INTERNAL_SERVER_ERROR, "the request could not be finished")
}

/// An error as the original answers it.
pub(crate) fn refuse(code: StatusCode, reason: &str) -> Response {
    let headers = [(CONTENT_TYPE, "text/plain; charset=utf-8"), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
    (code, headers, format!("{reason}\n")).into_response()
}

fn redirect(code: StatusCode, path: &[u8]) -> Response {
    const SPECIAL: &AsciiSet = &CONTROLS
        .add(b' ')
        .add(b'"')
        .add(b'#')
        .add(b'%')
        .add(b'<')
        .add(b'>')
        .add(b'?')
        .add(b'`')
        .add(b'{')
        .add(b'}');
    (code, [(LOCATION, percent_encode(path, SPECIAL).to_string())]).into_response()
}

fn has_valid_escapes(path: &str) -> bool {
    path.split('%').skip(1).all(|escape| {
        let digits = escape.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    })
}

/// The path without empty, `.` and `..` segments, when it has such. A slash at the end stays.
fn cleaned(path: &[u8]) -> Option<Vec<u8>> {
    let mut segments: Vec<&[u8]> = Vec::new();
    let mut parts = path.split(|byte| *byte == b'/').skip(1).peekable();
    let mut ends_in_slash = false;
    let mut clean = true;
    while let Some(part) = parts.next() {
        let is_last = parts.peek().is_none();
        ends_in_slash = is_last && part.is_empty();
        match part {
            b"" if is_last => {}
            b"" | b"." => clean = false,
            b".." => {
                clean = false;
                segments.pop();
            }
            part => segments.push(part),
        }
    }
    if clean {
        return None;
    }
    let mut path: Vec<u8> = segments.iter().flat_map(|segment| [b"/", *segment]).flatten().copied().collect();
    if ends_in_slash || path.is_empty() {
        path.push(b'/');
    }
    Some(path)
}
