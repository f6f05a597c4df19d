//! Whether a request was sent by our own page, and not by another site that the reader's browser has open.
//!
//! Every browser says so, and no site can make it say otherwise: `Sec-Fetch-Site` on encrypted and local connections
//! (<https://www.w3.org/TR/fetch-metadata/>), `Origin` with every POST (<https://fetch.spec.whatwg.org/#origin-header>).
//! What says neither is no browser, and can use the API.

use http::header::{HOST, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, Uri};

/// `external_url` is the one of [`crate::Config`]: behind a proxy that hides the host it was asked for, it is the only
/// thing to compare with.
pub(crate) fn is_own(head: &Parts, external_url: &str) -> bool {
    if head.headers.contains_key("sec-fetch-site") {
        return header(&head.headers, "sec-fetch-site") == Some("same-origin");
    }
    let Some(origin) = header(&head.headers, ORIGIN.as_str()).and_then(place) else { return false };
    let is_origin = |place: &str| place.eq_ignore_ascii_case(&origin);
    host(head).is_some_and(is_origin) || place(external_url).is_some_and(|place| is_origin(&place))
}

/// Whether a page of another site has a reader's browser ask. The API allows every site to read, and so its preflight
/// lets every site ask for deletions, too. A program says nothing of where it comes from, and is not foreign.
pub(crate) fn is_foreign(head: &Parts, external_url: &str) -> bool {
    let is_browser = head.headers.contains_key("sec-fetch-site") || head.headers.contains_key(ORIGIN);
    is_browser && !is_own(head, external_url)
}

/// Host and port that a request is for: in HTTP/1.1 a header, in HTTP/2 a part of the address.
pub(crate) fn host(head: &Parts) -> Option<&str> {
    let authority = head.uri.authority().map(|authority| authority.as_str());
    authority.or_else(|| header(&head.headers, HOST.as_str()))
}

pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Host and port of a URL, without the user and password that may stand before them.
fn place(url: &str) -> Option<String> {
    let url: Uri = url.parse().ok()?;
    url.scheme()?;
    let authority = url.authority()?.as_str();
    Some(authority.rsplit_once('@').map_or(authority, |(_, place)| place).to_owned())
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    fn is_own(headers: &[(&str, &str)], external_url: &str) -> bool {
        let headers = headers.iter().map(|(name, value)| {
            (name.parse::<HeaderName>().unwrap(), http::HeaderValue::from_str(value).unwrap())
        });
        let (mut head, ()) = http::Request::new(()).into_parts();
        head.headers = headers.collect();
        super::is_own(&head, external_url)
    }

    #[test]
    fn the_own_page_is_recognised() {
        assert!(is_own(&[("sec-fetch-site", "same-origin"), ("origin", "null")], ""));
        assert!(is_own(&[("origin", "http://gateway:9091"), ("host", "Gateway:9091")], ""));
        let proxied = [("origin", "https://example.com"), ("host", "10.0.0.1:9091")];
        assert!(is_own(&proxied, "https://example.com/pg/"));
        assert!(is_own(&proxied, "https://user:secret@example.com/pg/"));
        assert!(!is_own(&proxied, ""));
        let request = http::Request::post("https://gateway:9091/status/delete")
            .header("origin", "https://gateway:9091");
        let (head, ()) = request.body(()).unwrap().into_parts();
        assert!(super::is_own(&head, ""), "HTTP/2 has no header `Host`");
    }

    #[test]
    fn a_program_is_not_foreign_and_another_site_is() {
        let head = |headers: &[(&str, &str)]| {
            let start = http::Request::delete("/api/v1/groups").header("host", "gateway:9091");
            let request = headers.iter().fold(start, |request, (name, value)| request.header(*name, *value));
            request.body(()).unwrap().into_parts().0
        };
        assert!(!super::is_foreign(&head(&[]), ""));
        assert!(!super::is_foreign(&head(&[("origin", "http://gateway:9091")]), ""));
        assert!(super::is_foreign(&head(&[("origin", "http://evil.example")]), ""));
        assert!(super::is_foreign(&head(&[("sec-fetch-site", "cross-site")]), ""));
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
