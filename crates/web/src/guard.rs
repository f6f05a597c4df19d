//! Who may ask: what the configuration file says of each request.

mod passwords;
mod rate;

use std::sync::Mutex;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue, StatusCode};
use tokio_rustls::rustls::ServerConfig;

use crate::Refused;
use crate::config::{ConfigFile, Rate, Settings};
use crate::listener::Peer;
use passwords::{Checked, Passwords};
use rate::Bucket;

/// Asks the configuration file before each request and each handshake.
pub(crate) struct Guard {
    file: ConfigFile,
    is_tls: bool,
    passwords: Passwords,
    bucket: Mutex<Option<(Rate, Bucket)>>,
}

/// A refusal, boxed since it is large and seldom.
type Refusal = (Refused, Box<Response>);

impl Guard {
    pub(crate) fn new(file: ConfigFile) -> Self {
        let is_tls = file.has_tls();
        Self { file, is_tls, passwords: Passwords::default(), bucket: Mutex::default() }
    }

    /// Whether connections are over TLS. That is decided at the start.
    pub(crate) fn is_tls(&self) -> bool {
        self.is_tls
    }

    /// What handshakes are made with at this moment; `None` when the file cannot be used, which it says itself.
    pub(crate) async fn tls(&self) -> Option<Arc<ServerConfig>> {
        self.file.tls().await
    }

    /// Lets a request through, with the headers for its answer. In the order of Prometheus' own servers: the file, the
    /// rate, the password.
    pub(crate) async fn check(&self, peer: Peer, headers: &HeaderMap) -> Result<Arc<Settings>, Refusal> {
        let Some(settings) = self.file.settings().await else {
            return Err(refused(Refused::Configuration, StatusCode::INTERNAL_SERVER_ERROR));
        };
        if !self.is_within_rate(settings.rate) {
            return Err(refused(Refused::Rate, StatusCode::TOO_MANY_REQUESTS));
        }
        if settings.users.is_empty() {
            return Ok(settings);
        }
        let checked = match credentials(headers) {
            Some((user, password)) => self.passwords.check(peer, &settings, &user, password).await,
            None => Checked::Wrong,
        };
        let (why, mut response) = match checked {
            Checked::Right => return Ok(settings),
            Checked::Wrong => {
                let (why, mut response) = refused(Refused::Unauthorized, StatusCode::UNAUTHORIZED);
                response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic"));
                (why, response)
            }
            Checked::Busy => {
                let (why, mut response) = refused(Refused::Passwords, StatusCode::SERVICE_UNAVAILABLE);
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
                (why, response)
            }
        };
        settings.add_headers(response.headers_mut());
        Err((why, response))
    }

    fn is_within_rate(&self, rate: Option<Rate>) -> bool {
        let Some(rate) = rate else { return true };
        let now = Instant::now();
        let mut held = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = match &mut *held {
            Some((of, bucket)) if *of == rate => bucket,
            // It is the first request, or the file changed.
            other => &mut other.insert((rate, Bucket::new(rate, now))).1,
        };
        bucket.take(now)
    }
}

fn refused(why: Refused, code: StatusCode) -> Refusal {
    (why, Box::new(refusal(code, code.canonical_reason().unwrap_or_default())))
}

/// An error in the form of Go's servers.
pub(crate) fn refusal(code: StatusCode, reason: &str) -> Response {
    let headers = [(CONTENT_TYPE, "text/plain; charset=utf-8"), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
    (code, headers, format!("{reason}\n")).into_response()
}

/// User and password of a request. The scheme's name counts in any case; the user ends at the first colon.
fn credentials(headers: &HeaderMap) -> Option<(Vec<u8>, Vec<u8>)> {
    const SCHEME: usize = "Basic ".len();
    let value = headers.get(AUTHORIZATION)?.as_bytes();
    let (scheme, encoded) = value.split_at_checked(SCHEME)?;
    if !scheme.eq_ignore_ascii_case(b"Basic ") {
        return None;
    }
    let mut user = BASE64_STANDARD.decode(encoded).ok()?;
    let colon = user.iter().position(|byte| *byte == b':')?;
    let password = user.split_off(colon + 1);
    user.truncate(colon);
    Some((user, password))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(value: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
        credentials(&HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_bytes(value).ok()?)]))
    }

    proptest! {
        #[test]
        fn what_a_client_sends_is_read(user in "[^:]{0,20}", password in ".{0,20}", scheme in "(basic|Basic|BASIC) ") {
            let value = scheme + &BASE64_STANDARD.encode(format!("{user}:{password}"));
            prop_assert_eq!(read(value.as_bytes()), Some((user.into_bytes(), password.into_bytes())));
        }

        #[test]
        fn anything_else_is_no_panic(value: Vec<u8>) {
            let _ = read(&value);
            let _ = read(&[b"Basic ".to_vec(), value].concat());
        }
    }

    #[test]
    fn what_is_not_basic_is_nobody() {
        for value in
            ["", "Basic", "Basic ", "Bearer YTpi", "Basic YTpi=", "Basic !", "BasicYTpi", "Basic YWI="]
        {
            assert_eq!(read(value.as_bytes()), None, "{value}");
        }
        assert_eq!(read(b"Basic YTpi"), Some((b"a".to_vec(), b"b".to_vec())));
    }
}
