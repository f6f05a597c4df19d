//! What people see of the gateway: its groups, its state, and how to push.
//!
//! One view is one document, rendered on the server from a snapshot of the store, so that it is whole without
//! JavaScript and holds up no push. Views are told apart by the query, see [`query`]: the path is `/` or `/status`, as
//! in the original. Nothing is rendered that nobody asked for: the list has one page of groups and none of their
//! families, a group one page of its families.
//!
//! Everything that is spliced in comes from strangers. `maud` escapes it, [`labels`] cuts what is too long, and a
//! browser that obeys the headers runs and loads nothing but our own files.

mod asset;
mod confirm;
mod delete;
mod filter;
mod frame;
mod group;
mod groups;
mod help;
mod labels;
mod query;
mod state;
mod values;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
    VARY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use look::Clock;
use maud::Markup;

pub(crate) use asset::asset;
pub(crate) use delete::delete;

use crate::store::Store;
use crate::{Config, Gateway};
use meter::compress::{Gzip, prefers_gzip};
use query::{Links, View};

/// Nothing is allowed but our own files; the icon is in the document, forms lead to us alone, nobody frames us.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; \
                      base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// What every view is made of.
struct Scene<'a> {
    gateway: &'a Gateway,
    config: &'a Config,
    store: &'a Store,
    links: Links,
    clock: Clock<'a>,
    /// Where clients push to, as far as the request tells: scheme, host and prefix, without a slash at its end.
    address: String,
}

/// One view: the answer's code, the title of the document, what it shows.
struct Shown {
    code: StatusCode,
    title: String,
    content: Markup,
}

impl Shown {
    fn new(title: impl Into<String>, content: Markup) -> Self {
        Self { code: StatusCode::OK, title: title.into(), content }
    }
}

/// `GET /` and `GET /status`.
pub(crate) async fn page(gateway: &Gateway, head: &Parts) -> Response {
    let (gateway, headers) = (gateway.clone(), head.headers.clone());
    let query = head.uri.query().unwrap_or_default().to_owned();
    let address = help::address(&gateway.0.config, head);
    // Beside the async threads: sorting thousands of groups takes milliseconds.
    let rendering = tokio::task::spawn_blocking(move || {
        let (code, document) = render(&gateway, &query, address);
        answer(code, "text/html; charset=utf-8", document.into_bytes(), &headers)
    });
    rendering.await.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

fn render(gateway: &Gateway, query: &str, address: String) -> (StatusCode, String) {
    let (store, zone) = (gateway.snapshot(), TimeZone::system());
    let config = &gateway.0.config;
    let scene = Scene {
        gateway,
        config,
        store: &store,
        links: Links::new(config.external_prefix()),
        clock: Clock { now: Timestamp::now(), zone: &zone },
        address,
    };
    let view = View::of(query);
    let shown = match &view {
        View::Groups { listing, deleted } => groups::render(&scene, listing, *deleted),
        View::Group(path, from) => group::render(&scene, path, *from),
        View::Family(path, family, from) => group::render_family(&scene, path, family, *from),
        View::Delete(target, back) => confirm::render(&scene, target, back),
        View::State => state::render(&scene),
        View::Help => help::render(&scene),
        View::Unknown(reason) => Shown {
            code: StatusCode::BAD_REQUEST,
            ..Shown::new("Not understood", frame::sorry("That is not understood", reason, &scene))
        },
    };
    (shown.code, frame::document(&scene, &view, &shown))
}

/// An answer with the headers that all files of the page have. Compressed when the client prefers that.
fn answer(code: StatusCode, content_type: &'static str, body: Vec<u8>, asked: &HeaderMap) -> Response {
    let accepted = asked.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let compress = prefers_gzip(accepted);
    let body = if compress { gzipped(&body) } else { body };
    let headers = [
        (CONTENT_TYPE, content_type),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        // With `no-referrer` browsers would hide the origin of our own forms from us, too.
        (REFERRER_POLICY, "same-origin"),
        (CACHE_CONTROL, "no-store"),
        (VARY, "Accept-Encoding"),
    ];
    let mut response = (code, headers, Body::from(body)).into_response();
    if compress {
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

fn gzipped(body: &[u8]) -> Vec<u8> {
    let (mut gzip, mut packed) = (Gzip::default(), Vec::new());
    gzip.write(body, &mut packed);
    gzip.finish(&mut packed);
    packed
}

#[cfg(test)]
mod tests;
