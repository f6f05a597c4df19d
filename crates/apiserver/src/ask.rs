//! Questions to the API server, and its answers, which count for a moment.

use std::fmt;
use std::time::{Duration, Instant};

use kube::Api;
use quick_cache::sync::Cache;
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;

/// How long an answer counts: a right that was taken away is gone so soon. As in the original.
const MEMORY: Duration = Duration::from_secs(10);
/// Most answers that are remembered.
const MOST: usize = 4096;
/// How long the API server may take.
const DEADLINE: Duration = Duration::from_secs(10);
/// Most questions at the same time: who sends many tokens must not make us flood the API server.
static QUESTIONS: Semaphore = Semaphore::const_new(64);

/// An API that is asked, without a form for a log.
#[derive(Clone)]
pub(crate) struct Asked<K>(pub(crate) Api<K>);

impl<K> fmt::Debug for Asked<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Asked")
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    #[error("the API server did not answer within {DEADLINE:?}")]
    Slow,
    #[error(transparent)]
    Refused(#[from] Box<kube::Error>),
}

/// Asks, within the time and number that are set.
pub(crate) async fn ask<T>(question: impl Future<Output = kube::Result<T>>) -> Result<T, AskError> {
    let asked = async {
        // It is never closed.
        let _turn = QUESTIONS.acquire().await;
        question.await
    };
    match tokio::time::timeout(DEADLINE, asked).await {
        Ok(answer) => answer.map_err(|error| AskError::Refused(Box::new(error))),
        Err(_) => Err(AskError::Slow),
    }
}

/// Answers by the hash of their questions, so that no secret of a question stays in memory.
pub(crate) struct Remembered<T>(Cache<[u8; 32], (Instant, T)>);

impl<T: Clone> Default for Remembered<T> {
    fn default() -> Self {
        Self(Cache::new(MOST))
    }
}

impl<T> fmt::Debug for Remembered<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Remembered")
    }
}

impl<T: Clone> Remembered<T> {
    pub(crate) fn key(question: &[u8]) -> [u8; 32] {
        Sha256::digest(question).into()
    }

    pub(crate) fn get(&self, key: &[u8; 32]) -> Option<T> {
        self.0.get(key).filter(|(since, _)| since.elapsed() < MEMORY).map(|(_, answer)| answer)
    }

    pub(crate) fn put(&self, key: [u8; 32], answer: T) {
        self.0.insert(key, (Instant::now(), answer));
    }
}
