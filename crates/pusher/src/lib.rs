//! A push gateway from outside: push a group, delete one, list them; over HTTP, with bounded retries.
//!
//! It speaks to ours and to prom/pushgateway alike. A failed push never fails the backup it reports: the caller logs it,
//! counts it and shows it.

use std::collections::BTreeMap;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use exposition::{Family, GroupingKey};
use http::{Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// One attempt may take this long.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
/// Attempts after the first, 1 s, 2 s and 4 s apart.
const RETRIES: usize = 3;
/// A refusal's text is shown up to here.
const ANSWER_LIMIT: usize = 4096;

/// The longest list of groups that is read: some ten thousand of them with all their metrics.
const LIST_LIMIT: usize = 256 * 1024 * 1024;

/// Why a push did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// The address is not one.
    #[error(
        "the address of the gateway, {url:?}, is not an HTTP address ({reason}); give one such as http://localhost:56789"
    )]
    Address {
        /// What was given.
        url: String,
        /// Why it is refused.
        reason: String,
    },
    /// Nobody answered.
    #[error(
        "the gateway at {url} does not answer ({reason}); is it running, and does a network policy let us through?"
    )]
    Unreachable {
        /// Its address.
        url: String,
        /// What the network said.
        reason: String,
    },
    /// It answered, and refused.
    #[error("the gateway at {url} refused the push with {status}: {answer}")]
    Refused {
        /// Its address.
        url: String,
        /// Its status.
        status: StatusCode,
        /// The start of its answer.
        answer: String,
    },
    /// It answered something else than a list of groups.
    #[error("what {url} answers is no list of groups ({reason}); is it a push gateway?")]
    Unreadable {
        /// What was asked.
        url: String,
        /// Why it cannot be read.
        reason: String,
    },
}

impl PushError {
    /// A refusal stays a refusal; everything else may pass.
    fn is_worth_a_retry(&self) -> bool {
        match self {
            PushError::Address { .. } | PushError::Unreadable { .. } => false,
            PushError::Unreachable { .. } => true,
            PushError::Refused { status, .. } => status.is_server_error(),
        }
    }
}

/// A gateway, by address.
#[derive(Clone, Debug)]
pub struct Pusher {
    base: String,
    client: Client<HttpConnector, Full<bytes::Bytes>>,
}

impl Pusher {
    /// `url` is the gateway's address without `/metrics`; `http://` is put before it when it has no scheme.
    ///
    /// # Errors
    /// [`PushError::Address`] when it is not an HTTP address. TLS is not supported yet.
    pub fn new(url: &str) -> Result<Self, PushError> {
        let refuse = |reason: &str| PushError::Address { url: url.to_owned(), reason: reason.to_owned() };
        let base = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
        let base = base.trim_end_matches('/').to_owned();
        let parsed: Uri = base.parse().map_err(|error: http::uri::InvalidUri| refuse(&error.to_string()))?;
        if parsed.scheme_str() != Some("http") {
            return Err(refuse("its scheme is not http"));
        }
        if parsed.host().is_none_or(str::is_empty) {
            return Err(refuse("it names no host"));
        }
        let client = Client::builder(TokioExecutor::new()).build_http();
        Ok(Self { base, client })
    }

    /// The address pushes go to.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.base
    }

    /// Replaces the group of a grouping key by these families (PUT), trying again for a while when nobody answers.
    ///
    /// # Errors
    /// The error of the last attempt.
    pub async fn push(&self, key: &GroupingKey, families: &[Family]) -> Result<(), PushError> {
        self.send(Method::PUT, key, exposition::encode(families).into()).await
    }

    /// Deletes the group of a grouping key; that it does not exist is no error.
    ///
    /// # Errors
    /// The error of the last attempt.
    pub async fn delete(&self, key: &GroupingKey) -> Result<(), PushError> {
        self.send(Method::DELETE, key, bytes::Bytes::new()).await
    }

    /// The labels of all groups, the job among them.
    ///
    /// # Errors
    /// The gateway does not answer, or not with groups.
    pub async fn groups(&self) -> Result<Vec<BTreeMap<String, String>>, PushError> {
        // prom/pushgateway has no list without the metrics.
        let listed = match self.get("/api/v1/groups").await {
            Err(PushError::Refused {
                status: StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED,
                ..
            }) => self.get("/api/v1/metrics").await?,
            listed => listed?,
        };
        let list: List = serde_json::from_slice(&listed)
            .map_err(|error| PushError::Unreadable { url: self.base.clone(), reason: error.to_string() })?;
        Ok(list.data.into_iter().map(|group| group.labels).collect())
    }

    async fn get(&self, path: &str) -> Result<bytes::Bytes, PushError> {
        let url = format!("{}{path}", self.base);
        self.attempt(Method::GET, &url, bytes::Bytes::new()).await
    }

    async fn send(&self, method: Method, key: &GroupingKey, body: bytes::Bytes) -> Result<(), PushError> {
        let url = format!("{}{}", self.base, key.to_path());
        let attempt = || self.attempt(method.clone(), &url, body.clone());
        attempt
            .retry(ExponentialBuilder::default().with_max_times(RETRIES).with_jitter())
            .when(PushError::is_worth_a_retry)
            .notify(|error, pause| tracing::debug!(%error, ?pause, "a push failed, trying again"))
            .await
            .map(drop)
    }

    async fn attempt(
        &self,
        method: Method,
        url: &str,
        body: bytes::Bytes,
    ) -> Result<bytes::Bytes, PushError> {
        let unreachable = |reason: String| PushError::Unreachable { url: self.base.clone(), reason };
        let request = Request::builder()
            .method(method)
            .uri(url)
            .header("content-type", "text/plain; version=0.0.4; charset=utf-8")
            .body(Full::new(body))
            .map_err(|error| PushError::Address { url: url.to_owned(), reason: error.to_string() })?;
        let exchange = async {
            let answer = self.client.request(request).await.map_err(|error| unreachable(chain(&error)))?;
            let status = answer.status();
            // 202 is the answer of older gateways and of those that do not check consistency.
            if status == StatusCode::OK || status == StatusCode::ACCEPTED {
                let body = Limited::new(answer.into_body(), LIST_LIMIT).collect().await;
                return body.map(|body| body.to_bytes()).map_err(|error| unreachable(error.to_string()));
            }
            let text = Limited::new(answer.into_body(), ANSWER_LIMIT).collect().await;
            let text = text.map(http_body_util::Collected::to_bytes).unwrap_or_default();
            let answer = String::from_utf8_lossy(&text).trim().to_owned();
            Err(PushError::Refused { url: self.base.clone(), status, answer })
        };
        match tokio::time::timeout(ATTEMPT_TIMEOUT, exchange).await {
            Ok(result) => result,
            Err(_) => Err(unreachable(format!("no answer within {} s", ATTEMPT_TIMEOUT.as_secs()))),
        }
    }
}

/// What is read of a list of groups. A group has more, and a family of metrics may be called like anything but this.
#[derive(serde::Deserialize)]
struct List {
    data: Vec<Group>,
}

#[derive(serde::Deserialize)]
struct Group {
    labels: BTreeMap<String, String>,
}

/// An error with its causes: hyper's own text alone says only "client error".
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
