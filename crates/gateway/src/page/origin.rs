//! Whether a form was sent by our own page, and not by another site that the reader's browser has open.
//!
//! Every browser says so, and no site can make it say otherwise: `Sec-Fetch-Site` on encrypted and local connections
//! (<https://www.w3.org/TR/fetch-metadata/>), `Origin` with every POST (<https://fetch.spec.whatwg.org/#origin-header>).
//! What says neither is no browser, and can use the API.

use http::header::{HOST, ORIGIN};
use http::{HeaderMap, Uri};

/// `external_url` is the one of [`crate::Config`]: behind a proxy that hides the host it was asked for, it is the only
/// thing to compare with.
pub(super) fn is_own(headers: &HeaderMap, external_url: &str) -> bool {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if headers.contains_key("sec-fetch-site") {
        return header("sec-fetch-site") == Some("same-origin");
    }
    let Some(origin) = header(ORIGIN.as_str()).and_then(authority) else { return false };
    let is_origin = |authority: &str| authority.eq_ignore_ascii_case(&origin);
    header(HOST.as_str()).is_some_and(is_origin)
        || authority(external_url).is_some_and(|authority| is_origin(&authority))
}

fn authority(url: &str) -> Option<String> {
    let url: Uri = url.parse().ok()?;
    url.scheme()?;
    url.authority().map(|authority| authority.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    fn is_own(headers: &[(&str, &str)], external_url: &str) -> bool {
        let headers = headers.iter().map(|(name, value)| {
            (name.parse::<HeaderName>().unwrap(), http::HeaderValue::from_str(value).unwrap())
        });
        super::is_own(&headers.collect(), external_url)
    }

    #[test]
    fn the_own_page_is_recognised() {
        assert!(is_own(&[("sec-fetch-site", "same-origin"), ("origin", "null")], ""));
        assert!(is_own(&[("origin", "http://gateway:9091"), ("host", "Gateway:9091")], ""));
        let proxied = [("origin", "https://example.com"), ("host", "10.0.0.1:9091")];
        assert!(is_own(&proxied, "https://example.com/pg/"));
        assert!(!is_own(&proxied, ""));
    }

    #[test]
    fn everybody_else_is_refused() {
        for headers in [
            &[][..],
            &[("host", "gateway:9091")],
            &[("sec-fetch-site", "cross-site"), ("origin", "http://gateway:9091"), ("host", "gateway:9091")],
            &[("sec-fetch-site", "same-site"), ("host", "gateway:9091")],
            &[("sec-fetch-site", "none"), ("host", "gateway:9091")],
            &[("origin", "null"), ("host", "gateway:9091")],
            &[("origin", "null"), ("host", "null")],
            &[("origin", "http://evil.example"), ("host", "gateway:9091")],
            &[("origin", "http://gateway:9092"), ("host", "gateway:9091")],
            &[("origin", "gateway:9091"), ("host", "gateway:9091")],
        ] {
            assert!(!is_own(headers, "/pg"), "{headers:?}");
        }
    }
}
