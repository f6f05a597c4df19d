//! The page of standalone mode: what was backed up, when, how long it took, whether it worked.
//!
//! It is one document, rendered on the server from a [`PageModel`](model::PageModel), that refreshes itself in place.
//! Everything it loads comes from here, and a browser that obeys its headers loads nothing else.

pub mod history;
pub mod model;
mod plot;
pub mod render;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use self::model::PageModel;

/// Whoever knows what is going on.
pub trait PageSource: Send + Sync + 'static {
    /// The page of this moment. Called for each request, several times a second, on the server's threads: it must not
    /// wait for anything.
    fn model(&self) -> PageModel;
}

const STYLE: &str = include_str!("page/style.css");
const SCRIPT: &str = include_str!("page/live.js");
const ICON: &str = include_str!("page/icon.svg");

/// Nothing is allowed but our own files; no inline script or style, no frame around us, no form.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// `GET /` is the page, `GET /page/state` the part that changes, and below `/page/` are its style, scripts and icon.
///
/// To be merged with the gateway's routes, whose `/metrics` the page links to.
pub fn router(source: Arc<dyn PageSource>) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/page/state", get(state))
        .route(
            "/page/style.css",
            get(async || answer("text/css; charset=utf-8", look::STYLE.to_owned() + STYLE)),
        )
        .route("/page/live.js", get(async || answer("text/javascript; charset=utf-8", SCRIPT)))
        .route("/page/morph.js", get(async || answer("text/javascript; charset=utf-8", look::MORPH)))
        .route("/page/icon.svg", get(async || answer("image/svg+xml", ICON)))
        .with_state(source)
}

async fn page(State(source): State<Arc<dyn PageSource>>) -> Response {
    answer("text/html; charset=utf-8", render::document(&source.model()))
}

async fn state(State(source): State<Arc<dyn PageSource>>) -> Response {
    answer("text/html; charset=utf-8", render::fragment(&source.model()))
}

fn answer(content_type: &'static str, body: impl IntoResponse) -> Response {
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        // Also style and script: after an upgrade an old one would meet new markup.
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, body).into_response()
}
