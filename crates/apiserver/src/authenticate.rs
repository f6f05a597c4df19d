//! Who asks: the user a trusted proxy speaks for, the owner of a certificate or of a token, or nobody in particular.
//!
//! Asked in the order of the original. A certificate that nobody vouches for, or a token that is none, is a refusal, and
//! not an anonymous request: whoever shows something wants to be known.

mod certificate;
mod proxy;
pub(crate) mod tokens;

use axum::http::HeaderMap;
use http::header::AUTHORIZATION;
use web::PeerCertificates;

use crate::measure::Metrics;
use crate::status::Status;
use crate::trust::Trusted;
use crate::user::User;
use certificate::Subject;
use tokens::Tokens;

/// Finds out who asks.
#[derive(Clone, Debug)]
pub(crate) struct Authenticator {
    pub(crate) trusted: Trusted,
    pub(crate) tokens: Tokens,
    pub(crate) metrics: Metrics,
}

/// Who asks, and through whom.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) user: User,
    /// Whether a trusted proxy says so.
    pub(crate) is_proxied: bool,
}

impl Authenticator {
    /// Who asks. What identifies is taken out of the headers, so that no handler can pass it on or believe it.
    ///
    /// With `open`, nothing is asked of the API server and nobody is turned away: that is for paths that everybody may
    /// use, which must answer while the API server does not.
    pub(crate) async fn authenticate(
        &self,
        headers: &mut HeaderMap,
        shown: Option<&PeerCertificates>,
        open: bool,
    ) -> Result<Identity, Status> {
        let trust = self.trusted.now();
        let said = trust.proxy.as_ref().map(|proxy| proxy.take(headers)).unwrap_or_default();
        let token = headers.remove(AUTHORIZATION).and_then(|value| tokens::bearer(&value));
        let identity = |user: User, is_proxied| Ok(Identity { user: user.known(), is_proxied });
        let mut is_doubtful = false;
        if let Some(shown) = shown {
            let subject = Subject::read(shown);
            let is_proxy = match (&trust.proxy, &subject) {
                (Some(proxy), Some(subject)) => proxy.is(shown, &subject.common_name),
                _ => false,
            };
            if is_proxy && let Some(user) = said {
                self.observe(subject.as_ref());
                return identity(user, true);
            }
            match subject {
                Some(subject) if trust.is_client(shown) && !subject.common_name.is_empty() => {
                    self.observe(Some(&subject));
                    return identity(subject.user(), false);
                }
                _ => is_doubtful = !is_proxy,
            }
        }
        if open {
            return identity(User::anonymous(), false);
        }
        match token {
            Some(token) => match self.tokens.review(&token).await {
                Ok(Some(user)) => identity(user, false),
                Ok(None) => Err(Status::unauthorized()),
                Err(error) => {
                    tracing::warn!("whose a token is cannot be asked, so its owner is refused: {error}");
                    Err(Status::unauthorized())
                }
            },
            None if is_doubtful => {
                tracing::debug!("a certificate of a client that no authority vouches for");
                Err(Status::unauthorized())
            }
            None => identity(User::anonymous(), false),
        }
    }

    fn observe(&self, subject: Option<&Subject>) {
        if let Some(subject) = subject {
            self.metrics.certificate(subject.seconds_left());
        }
    }
}
