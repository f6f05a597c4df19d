//! Whose a token is: the API server's word (`TokenReview`), remembered for a moment.

use std::sync::Arc;

use http::HeaderValue;
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec};
use kube::api::PostParams;
use kube::{Api, Client};

use crate::ask::{AskError, Asked, Remembered, ask};
use crate::user::User;

/// Asks whose tokens are. Tokens themselves are not kept.
#[derive(Clone, Debug)]
pub(crate) struct Tokens {
    api: Asked<TokenReview>,
    answers: Arc<Remembered<Option<User>>>,
}

impl Tokens {
    pub(crate) fn new(client: Client) -> Self {
        Self { api: Asked(Api::all(client)), answers: Arc::default() }
    }

    /// Whose a token is; `None` when it is none.
    pub(crate) async fn review(&self, token: &str) -> Result<Option<User>, AskError> {
        let key = Remembered::<()>::key(token.as_bytes());
        if let Some(known) = self.answers.get(&key) {
            return Ok(known);
        }
        let spec = TokenReviewSpec { token: Some(token.to_owned()), audiences: None };
        let review = TokenReview { spec, ..TokenReview::default() };
        let status =
            ask(self.api.0.create(&PostParams::default(), &review)).await?.status.unwrap_or_default();
        let user = match status.user {
            Some(user) if status.authenticated == Some(true) => Some(User {
                name: user.username.unwrap_or_default(),
                uid: user.uid.unwrap_or_default(),
                groups: user.groups.unwrap_or_default(),
                extra: user.extra.unwrap_or_default(),
            }),
            _ => None,
        };
        let user = user.filter(|user| !user.name.is_empty());
        self.answers.put(key, user.clone());
        Ok(user)
    }
}

/// The token of the header `Authorization`; `None` when it holds something else.
pub(super) fn bearer(value: &HeaderValue) -> Option<String> {
    let (scheme, token) = value.to_str().ok()?.trim().split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then(|| token.to_owned())
}
