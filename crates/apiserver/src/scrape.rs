//! `GET /metrics`: everything that is counted, in the format that is asked for.

use std::time::Instant;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use exposition::Format;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use meter::compress::{Gzip, prefers_gzip};

use crate::measure::{Scraped, size};
use crate::server::ApiServer;

pub(crate) async fn scrape(State(server): State<ApiServer>, request: Request) -> Response {
    let begun = Instant::now();
    let method = if *request.method() == Method::HEAD { "head" } else { "get" };
    let request_bytes = size(&request);
    let (text, response) = answer(&server, request.headers());
    let code = StatusCode::OK.as_u16();
    let scraped = Scraped { method, code, took: begun.elapsed(), request_bytes, response_bytes: text };
    server.metrics().scraped(scraped);
    response
}

fn answer(server: &ApiServer, headers: &HeaderMap) -> (usize, Response) {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    let format = Format::negotiate(accept, true);
    let mut text = format.encode(&server.families());
    let accepted = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let is_compressed = prefers_gzip(accepted);
    if is_compressed {
        let (mut gzip, mut out) = (Gzip::default(), Vec::new());
        gzip.write(&text, &mut out);
        gzip.finish(&mut out);
        text = out;
    }
    let bytes = text.len();
    let mut response = ([(CONTENT_TYPE, format.content_type())], Body::from(text)).into_response();
    response.headers_mut().insert(VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
    if is_compressed {
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    (bytes, response)
}
