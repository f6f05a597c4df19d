//! `/static/*`: the style and the scripts. A file with its fingerprint in the address never changes and is kept by the
//! browser; without one it is asked for each time, and answered 304 when it is the same.

use std::sync::LazyLock;

use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use sha2::{Digest, Sha256};

use super::answer;
use super::query::Links;
use crate::serve::refuse;

struct Asset {
    name: &'static str,
    content_type: &'static str,
    content: String,
    /// Part of the SHA-256 of the content.
    fingerprint: String,
}

pub(super) const STYLE: &str = "page.css";
pub(super) const SCRIPT: &str = "page.js";
/// Imported by the script.
const MORPH: &str = "morph.js";

static ASSETS: LazyLock<[Asset; 3]> = LazyLock::new(|| {
    let css = "text/css; charset=utf-8";
    let js = "text/javascript; charset=utf-8";
    [
        Asset::new(STYLE, css, [look::STYLE, include_str!("page.css")].concat()),
        Asset::new(SCRIPT, js, include_str!("page.js").to_owned()),
        Asset::new(MORPH, js, look::MORPH.to_owned()),
    ]
});

impl Asset {
    fn new(name: &'static str, content_type: &'static str, content: String) -> Self {
        let hash = Sha256::digest(content.as_bytes());
        let fingerprint = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Self { name, content_type, content, fingerprint }
    }
}

/// The address of a file, with its fingerprint.
pub(super) fn address(name: &str, links: &Links) -> String {
    let fingerprint = ASSETS.iter().find(|asset| asset.name == name).map(|asset| asset.fingerprint.as_str());
    links.below(&format!("/static/{name}?v={}", fingerprint.unwrap_or_default()))
}

/// The file at `path`, which is below the prefix.
pub(crate) fn asset(path: &[u8], head: &Parts) -> Response {
    let Some(asset) =
        ASSETS.iter().find(|asset| path.strip_prefix(b"/static/") == Some(asset.name.as_bytes()))
    else {
        return refuse(StatusCode::NOT_FOUND, "404 page not found");
    };
    let tag = format!("\"{}\"", asset.fingerprint);
    let known = head.headers.get_all(IF_NONE_MATCH).iter().filter_map(|tags| tags.to_str().ok());
    // A proxy that compresses makes a weak tag of ours.
    let is_known = known
        .flat_map(|tags| tags.split(','))
        .any(|known| matches!(known.trim(), known if known == "*" || known.trim_start_matches("W/") == tag));
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        answer(StatusCode::OK, asset.content_type, asset.content.clone().into_bytes(), &head.headers)
    };
    let is_this = head.uri.query() == Some(&format!("v={}", asset.fingerprint));
    let caching = if is_this { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(caching));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(ETAG, tag);
    }
    response
}
