//! Paths as they come over the wire: decoded, cleaned, and written into redirects.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};

/// What the original escapes in the path of a redirect.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b',')
    .remove(b'/')
    .remove(b':')
    .remove(b';')
    .remove(b'=')
    .remove(b'@');

/// The path with its escapes undone; `None` when it has broken ones or does not begin with a slash.
pub(super) fn decoded(path: &str) -> Option<Vec<u8>> {
    let escapes_are_whole = path.split('%').skip(1).all(|escape| {
        escape.as_bytes().get(..2).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    });
    (path.starts_with('/') && escapes_are_whole).then(|| percent_decode_str(path).collect())
}

/// The path with its escapes done, and the query behind it.
pub(super) fn encoded(path: &[u8], query: Option<&str>) -> String {
    let mut location = percent_encode(path, ESCAPED).to_string();
    if let Some(query) = query {
        location.push('?');
        location.push_str(query);
    }
    location
}

/// The path without empty, `.` and `..` segments, when it has such. A slash at the end stays.
pub(super) fn cleaned(path: &[u8]) -> Option<Vec<u8>> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_decoded_unless_its_escapes_are_broken() {
        assert_eq!(decoded("/a%2Fb%20%FF").as_deref(), Some(&b"/a/b \xff"[..]));
        for broken in ["/%zz", "/%2", "/%", "/a%é", "metrics", "*", ""] {
            assert_eq!(decoded(broken), None, "{broken}");
        }
    }

    #[test]
    fn a_clean_path_stays_and_others_are_cleaned() {
        for clean in ["/", "/a", "/a/", "/a/b", "/a/b/", "/a..b/.c"] {
            assert_eq!(cleaned(clean.as_bytes()), None, "{clean}");
        }
        for (path, clean) in [
            ("//", "/"),
            ("/a//b", "/a/b"),
            ("/a/./b", "/a/b"),
            ("/a/b/..", "/a"),
            ("/a/b/../", "/a/"),
            ("/../a", "/a"),
            ("/..", "/"),
            ("/a/.", "/a"),
            ("/a//", "/a/"),
        ] {
            assert_eq!(cleaned(path.as_bytes()).as_deref(), Some(clean.as_bytes()), "{path}");
        }
    }

    #[test]
    fn a_redirect_is_escaped_as_the_original_escapes_it() {
        let path = b"/a'b(c)[d]{e}|f^g~h;i,j@k&l=m+n!o$p*q\\r \xff";
        let escaped = "/a%27b%28c%29%5Bd%5D%7Be%7D%7Cf%5Eg~h;i,j@k&l=m+n%21o$p%2Aq%5Cr%20%FF";
        assert_eq!(encoded(path, None), escaped);
        assert_eq!(encoded(b"/a", Some("x=%zz")), "/a?x=%zz");
    }
}
