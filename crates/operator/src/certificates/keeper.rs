//! Keeps the certificate that is served, and the authorities that others are told of, as the Secret or the files say.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use kube::Client;
use kube::runtime::{WatchStreamExt as _, watcher};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::content::Content;
use super::files::{FileError, Files};
use super::make::MakeError;
use super::managed::Managed;
use super::plan::{Flaw, certified};
use super::served::Served;
use super::{CaBundle, CertificateSettings};

/// At least so often the Secret is looked at, whatever a watch says: clocks jump, and hosts sleep.
const LOOK: Duration = Duration::from_secs(600);
/// Files are looked at so often; what mounts them into a pod takes a minute to change them.
const LOOK_AT_FILES: Duration = Duration::from_secs(5);
/// After a failure, first and last.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum KeeperError {
    /// The API server refuses, or cannot be reached.
    #[error(
        "cannot {verb} the Secret {namespace}/{name} with the operator's certificate: {source}; the operator needs to get, list, watch, create and update it"
    )]
    Secret {
        /// What was tried.
        verb: &'static str,
        /// Namespace of the Secret.
        namespace: String,
        /// Name of the Secret.
        name: String,
        /// Why.
        source: Box<kube::Error>,
    },
    /// Others write it all the time.
    #[error(
        "the Secret {namespace}/{name} with the operator's certificate is written by others again and again; find out who else manages it, or give another name"
    )]
    Contended {
        /// Namespace of the Secret.
        namespace: String,
        /// Name of the Secret.
        name: String,
        /// The last refusal.
        source: Option<Box<kube::Error>>,
    },
    /// Nothing could be made.
    #[error(transparent)]
    Make(#[from] MakeError),
    /// What is there cannot be served.
    #[error("cannot serve the operator's certificate: {0}")]
    Unusable(#[from] Flaw),
    /// Files cannot be used.
    #[error(transparent)]
    Files(#[from] FileError),
}

/// Keeps certificate and authorities.
pub struct Keeper {
    source: Source,
    served: Arc<Served>,
    bundle: watch::Sender<CaBundle>,
    shown: Content,
    until: Timestamp,
}

enum Source {
    Managed(Box<Managed>),
    Files(Files),
}

impl Keeper {
    /// Sees to it that there is a certificate. From then on handshakes can be made with [`Keeper::certificates`]; new
    /// certificates come while [`Keeper::run`] runs.
    ///
    /// # Errors
    ///
    /// [`KeeperError`]. It does not try again: whoever starts the process does.
    pub async fn start(client: Client, settings: &CertificateSettings) -> Result<Self, KeeperError> {
        let source = match settings {
            CertificateSettings::Managed { namespace, secret, service } => {
                Source::Managed(Box::new(Managed::new(&client, namespace, secret, service)))
            }
            CertificateSettings::Files { certificate, key, authorities } => {
                Source::Files(Files::new(certificate, key, authorities.as_deref()))
            }
        };
        let (shown, until) = source.read().await?;
        let served = Arc::new(Served::new(certified(&shown.certificate, &shown.key)?));
        let (bundle, _) = watch::channel(CaBundle::new(shown.authorities.clone()));
        Ok(Self { source, served, bundle, shown, until })
    }

    /// What handshakes take their certificate from, for [`web::Server::with_certificates`].
    #[must_use]
    pub fn certificates(&self) -> Arc<Served> {
        Arc::clone(&self.served)
    }

    /// The authorities to trust, now and whenever they change.
    #[must_use]
    pub fn bundle(&self) -> watch::Receiver<CaBundle> {
        self.bundle.subscribe()
    }

    /// Renews in time, and follows what others write, until `stop` is cancelled. A failure is logged and tried again;
    /// meanwhile the last good certificate is served.
    pub async fn run(mut self, stop: &CancellationToken) {
        let mut changes = self.source.changes();
        let mut pause = PAUSES.0;
        let mut wait = self.wait();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
                Some(()) = changes.next() => {}
            }
            match self.look().await {
                Ok(()) => (pause, wait) = (PAUSES.0, self.wait()),
                Err(error) => {
                    tracing::error!("{error}; the last certificate is served on");
                    wait = pause;
                    pause = (pause * 2).min(PAUSES.1);
                }
            }
        }
    }

    fn wait(&self) -> Duration {
        let most = match self.source {
            Source::Managed(_) => LOOK,
            Source::Files(_) => LOOK_AT_FILES,
        };
        // A renewal that is overdue was tried just now.
        let left = Duration::try_from(self.until.duration_since(Timestamp::now())).unwrap_or(PAUSES.0);
        left.clamp(PAUSES.0, most)
    }

    async fn look(&mut self) -> Result<(), KeeperError> {
        let (content, until) = self.source.read().await?;
        self.until = until;
        if content == self.shown {
            return Ok(());
        }
        self.served.replace(certified(&content.certificate, &content.key)?);
        self.bundle.send_if_modified(|bundle| {
            let is_new = bundle.pem() != content.authorities;
            *bundle = CaBundle::new(content.authorities.clone());
            is_new
        });
        tracing::info!("the served certificate was replaced");
        self.shown = content;
        Ok(())
    }
}

impl Source {
    /// What to serve, and until when nothing has to be done about it.
    async fn read(&self) -> Result<(Content, Timestamp), KeeperError> {
        match self {
            Source::Managed(managed) => {
                let settled = managed.ensure(Timestamp::now()).await?;
                Ok((settled.content, settled.until))
            }
            Source::Files(files) => {
                let files = files.clone();
                let read = tokio::task::spawn_blocking(move || files.read()).await;
                let (content, _) = read.unwrap_or_else(|error| {
                    Err(FileError::Read {
                        flag: "--tls-cert-file",
                        path: std::path::PathBuf::new(),
                        source: std::io::Error::other(error),
                    })
                })?;
                Ok((content, Timestamp::MAX))
            }
        }
    }

    /// Says whenever somebody writes the Secret; a watch that breaks is begun anew, after a pause.
    fn changes(&self) -> futures_util::stream::BoxStream<'static, ()> {
        match self {
            Source::Managed(managed) => {
                let fields = watcher::Config::default().fields(&format!("metadata.name={}", managed.name));
                let events = watcher(managed.secrets(), fields).default_backoff();
                events
                    .inspect_err(|error| {
                        tracing::debug!("the watch of the certificate's Secret broke: {error}")
                    })
                    .filter_map(async |event| match event {
                        Ok(
                            watcher::Event::Apply(_) | watcher::Event::InitDone | watcher::Event::Delete(_),
                        ) => Some(()),
                        _ => None,
                    })
                    .boxed()
            }
            Source::Files(_) => futures_util::stream::pending().boxed(),
        }
    }
}
