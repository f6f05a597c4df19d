//! Who we are and what we may use: the pod, the way to its Secret, its gateway, its scratch folder.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::secret::Secret;
use engine::{Cancel, Environment};
use kube::Client;
use tokio_util::sync::CancellationToken;

/// How long one call to the API may hold up something that has to go on without it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// The pod we run in, and what the command line said.
#[derive(Clone)]
pub struct Pod {
    /// The API.
    pub client: Client,
    /// Namespace of the pod; objects of other namespaces are none of its business.
    pub namespace: String,
    /// Name of the pod.
    pub name: String,
    /// Its node; may be empty where it does not matter.
    pub node: String,
    /// Folder with the keys of the storage Secret; without it the Secret is read from the API.
    pub secret_dir: Option<PathBuf>,
    /// Where the cache and the counter of attempts are.
    pub scratch_dir: PathBuf,
    /// Address of the push gateway; empty for none.
    pub pushgateway_url: String,
    /// The password that the API gave last.
    pub last_secret: LastSecret,
    /// The end of the process: the schedule stops, what runs is cancelled.
    pub stop: CancellationToken,
}

impl Pod {
    /// Cancels the engine's work when the process is to end. It waits for that as long as the process lives, so one is
    /// enough.
    pub(crate) fn cancel(&self) -> Cancel {
        let cancel = Cancel::default();
        let (ours, stop) = (cancel.clone(), self.stop.clone());
        tokio::spawn(async move {
            stop.cancelled().await;
            ours.cancel();
        });
        cancel
    }

    pub(crate) fn environment(&self) -> Environment {
        Environment { cache_dir: Some(self.scratch_dir.join("cache")) }
    }
}

/// The Secret as it was read from the API last, so that an API server which is away stops no backup. Never written
/// anywhere.
#[derive(Clone, Default)]
pub struct LastSecret(Arc<Mutex<Option<(String, Secret)>>>);

impl LastSecret {
    pub(crate) fn keep(&self, name: &str, password: &Secret) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Some((name.to_owned(), password.clone()));
    }

    pub(crate) fn of(&self, name: &str) -> Option<Secret> {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().filter(|(known, _)| known == name).map(|(_, password)| password.clone())
    }
}

/// Why a host in a pod ends without a report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PodError {
    /// The workload cannot be named.
    #[error(transparent)]
    Workload(#[from] domain::objects::workload::WorkloadError),
    /// The address of the gateway is not one.
    #[error(transparent)]
    Gateway(#[from] pusher::PushError),
    /// An object cannot be used as it is.
    #[error("{0}")]
    Unusable(String),
    /// The API refuses or does not answer.
    #[error("cannot {what}: {source}{}", if *.definite { "" } else { "; it is worth another attempt" })]
    Api {
        /// What was tried, on which object.
        what: String,
        /// Whether the API will answer the same again.
        definite: bool,
        /// What it said.
        source: Box<kube::Error>,
    },
}

impl PodError {
    pub(crate) fn api(what: impl Into<String>, error: kube::Error) -> Self {
        let definite = cluster::connect::is_definite(&error);
        Self::Api { what: what.into(), definite, source: Box::new(error) }
    }

    /// Whether another attempt may do better.
    #[must_use]
    pub fn is_worth_a_retry(&self) -> bool {
        matches!(self, PodError::Api { definite: false, .. })
    }
}
