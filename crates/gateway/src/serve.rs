//! Answers requests: asks [`crate::route`] what each is for, and lets its endpoint do it.

use std::time::Instant;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CONTENT_TYPE, HOST, HeaderName, LOCATION, X_CONTENT_TYPE_OPTIONS};
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode, Version};

use crate::route::{Endpoint, Routed};
use crate::{Gateway, expose, page, push, remove, status};

/// One fallback for everything: so the gateway owns every path, and what is merged with it comes first.
pub(crate) fn router(gateway: Gateway) -> Router {
    Router::new().fallback(answer).with_state(gateway)
}

async fn answer(State(gateway): State<Gateway>, request: Request) -> Response {
    let gateway = &gateway;
    let _in_flight = gateway.0.counters.in_flight();
    if let Some(reason) = bad_host(&request) {
        return bad_request(reason);
    }
    let uri = request.uri();
    match gateway.0.routes.route(request.method(), uri.path(), uri.query()) {
        Routed::To(endpoint, path) => {
            let (head, body) = request.into_parts();
            let began = Instant::now();
            let response = match endpoint {
                Endpoint::Push(mode) => push::push(gateway, &path, mode, &head, body).await,
                Endpoint::PageDelete => page::delete(gateway, &head, body).await,
                endpoint => other(gateway, endpoint, &path, &head).await,
            };
            if let Some(handler) = counted_as(endpoint) {
                let method = method_name(&head.method);
                gateway.0.counters.request(response.status(), handler, method);
                if handler == "push" {
                    gateway.0.counters.push(method, began.elapsed(), size(&head));
                }
            }
            response
        }
        Routed::Redirect(code, location) => redirect(request.method(), code, &location),
        Routed::Options(allowed) => with_allow(StatusCode::OK.into_response(), &allowed),
        Routed::OtherMethod(allowed) => {
            with_allow(refuse(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed"), &allowed)
        }
        Routed::Server => StatusCode::OK.into_response(),
        Routed::NotFound => refuse(StatusCode::NOT_FOUND, "404 page not found"),
        Routed::BadRequest if request.uri().path() == "*" => StatusCode::BAD_REQUEST.into_response(),
        Routed::BadRequest => bad_request("400 Bad Request"),
    }
}

async fn other(gateway: &Gateway, endpoint: Endpoint, path: &[u8], head: &Parts) -> Response {
    match endpoint {
        Endpoint::Delete => remove::delete(gateway, path),
        Endpoint::Scrape => expose::scrape(State(gateway.clone()), head.headers.clone()).await,
        // There is no listening before the groups are loaded, so whoever gets an answer gets this one.
        Endpoint::Healthy | Endpoint::Ready => plain(StatusCode::OK, "OK"),
        Endpoint::Quit => status::quit(gateway),
        Endpoint::QuitRead => plain(StatusCode::METHOD_NOT_ALLOWED, "Only POST or PUT requests allowed."),
        Endpoint::Groups => status::groups(gateway),
        Endpoint::GroupLabels => status::group_labels(gateway),
        Endpoint::Status => status::status(gateway),
        Endpoint::Preflight => status::preflight(),
        Endpoint::DeleteGroups => remove::delete_groups(gateway, head).await,
        Endpoint::Wipe => remove::wipe(gateway).await,
        Endpoint::Page => page::page(gateway, head).await,
        Endpoint::Asset => page::asset(path, head),
        // These need the body, so they are answered before.
        Endpoint::Push(_) | Endpoint::PageDelete => refuse(StatusCode::NOT_FOUND, "404 page not found"),
    }
}

/// The label `handler` of `pushgateway_http_requests_total`; scrapes and `/-/quit` are not counted.
fn counted_as(endpoint: Endpoint) -> Option<&'static str> {
    Some(match endpoint {
        Endpoint::Push(_) => "push",
        Endpoint::Delete => "delete",
        Endpoint::Healthy => "healthy",
        Endpoint::Ready => "ready",
        Endpoint::Page | Endpoint::PageDelete => "status",
        Endpoint::Asset => "static",
        Endpoint::Groups => "api/v1/metrics",
        Endpoint::Status => "api/v1/status",
        Endpoint::GroupLabels | Endpoint::DeleteGroups => "api/v1/groups",
        Endpoint::Preflight => "api/v1/options",
        Endpoint::Wipe => "wipe",
        Endpoint::Scrape | Endpoint::Quit | Endpoint::QuitRead => return None,
    })
}

/// The label `method`. Only these methods reach an endpoint.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "get",
        Method::HEAD => "head",
        Method::PUT => "put",
        Method::POST => "post",
        Method::DELETE => "delete",
        Method::OPTIONS => "options",
        _ => "unknown",
    }
}

/// Size of a request: its head, and its body when that is said beforehand.
fn size(head: &Parts) -> u64 {
    let target = head.uri.path_and_query().map_or(0, |target| target.as_str().len());
    // As Go counts it, for which the host is no header.
    let name_len = |name: &HeaderName| if name == HOST { 0 } else { name.as_str().len() };
    let headers = head.headers.iter().map(|(name, value)| name_len(name) + value.len());
    let length = head.headers.get(http::header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    let start = head.method.as_str().len() + target + "HTTP/1.1".len();
    let body: u64 = length.and_then(|length| length.parse().ok()).unwrap_or_default();
    body.saturating_add((start + headers.sum::<usize>()) as u64)
}

fn with_allow(mut response: Response, allowed: &str) -> Response {
    if let Ok(allowed) = HeaderValue::from_str(allowed) {
        response.headers_mut().insert(ALLOW, allowed);
    }
    response
}

/// A redirect, with a page for people who ask by GET, as the original has it.
fn redirect(method: &Method, code: StatusCode, location: &str) -> Response {
    if !matches!(*method, Method::GET | Method::HEAD) {
        return (code, [(LOCATION, location)]).into_response();
    }
    let (headers, reason) =
        ([(LOCATION, location), (CONTENT_TYPE, "text/html; charset=utf-8")], code.canonical_reason());
    // A location has none of the quotes and brackets that would have to be escaped, only `&`.
    let (target, reason) = (location.replace('&', "&amp;"), reason.unwrap_or_default());
    (code, headers, format!("<a href=\"{target}\">{reason}</a>.\n\n")).into_response()
}

/// A text without the newline and the header of [`refuse`]: so the original answers in a few places.
pub(crate) fn plain(code: StatusCode, text: &'static str) -> Response {
    (code, [(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}

/// HTTP/1.1 wants one header `Host`, even beside an absolute target.
fn bad_host(request: &Request) -> Option<&'static str> {
    if request.version() != Version::HTTP_11 {
        return None;
    }
    match request.headers().get_all(HOST).iter().count() {
        0 => Some("400 Bad Request: missing required Host header"),
        1 => None,
        _ => Some("400 Bad Request: too many Host headers"),
    }
}

fn bad_request(reason: &'static str) -> Response {
    let mut response = plain(StatusCode::BAD_REQUEST, reason);
    response.headers_mut().insert(http::header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// An error as the original answers it.
pub(crate) fn refuse(code: StatusCode, reason: &str) -> Response {
    let headers = [(CONTENT_TYPE, "text/plain; charset=utf-8"), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
    (code, headers, format!("{reason}\n")).into_response()
}
