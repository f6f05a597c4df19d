//! Takes connections from all listeners until it is told to stop, and lets those under way come to their end.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use futures_util::future::join_all;
use tokio::sync::Semaphore;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::server::{NoClientAuth, ResolvesServerCert};
use tokio_rustls::rustls::{self, ServerConfig};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admission::Admission;
use crate::config::AnyCertificate;
use crate::connection::{Shared, refuse, serve};
use crate::guard::Guard;
use crate::heads::Heads;
use crate::{ConfigFile, Counts, Limits, Listener};

/// So many clients above the number of connections are told so at once; more are only closed.
const REFUSALS: usize = 64;

/// How long to wait when the system has no more connections to give, as it is out of files.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves a router within limits.
#[derive(Clone, Debug)]
pub struct Server {
    limits: Limits,
    file: Option<ConfigFile>,
    tls: Option<Arc<ServerConfig>>,
    counts: Arc<Counts>,
}

/// Ends what is under way when it is dropped.
struct Running {
    stop: CancellationToken,
    abort: CancellationToken,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
        self.abort.cancel();
    }
}

impl Server {
    /// A server with these limits; with a file, it says who may ask, and whether over TLS.
    #[must_use]
    pub fn new(limits: Limits, file: Option<ConfigFile>) -> Self {
        Self { limits, file, tls: None, counts: Arc::default() }
    }

    /// A server that always speaks TLS, with whatever certificate it is given at each handshake; so the certificate can
    /// be another one from one handshake to the next, and connections that are open go on. Both versions of HTTP are
    /// offered, in TLS 1.2 and 1.3. While there is no certificate, handshakes fail.
    ///
    /// # Errors
    ///
    /// When the cryptography cannot do any of these versions of TLS.
    pub fn with_certificates(
        limits: Limits,
        certificates: Arc<dyn ResolvesServerCert>,
    ) -> Result<Self, rustls::Error> {
        Self::with_tls(limits, certificates, Arc::new(NoClientAuth))
    }

    /// As [`Server::with_certificates`], and each client is asked for a certificate, too. It may have none. One is taken
    /// whoever signed it, and comes with each request as [`crate::PeerCertificates`]: who is believed is for whoever
    /// answers to decide, by authorities that may change at any time, and nobody is turned away for showing one.
    ///
    /// # Errors
    ///
    /// As [`Server::with_certificates`].
    pub fn asking_for_certificates(
        limits: Limits,
        certificates: Arc<dyn ResolvesServerCert>,
    ) -> Result<Self, rustls::Error> {
        let provider = Arc::new(ring::default_provider());
        Self::with_tls(limits, certificates, Arc::new(AnyCertificate { is_needed: false, provider }))
    }

    fn with_tls(
        limits: Limits,
        certificates: Arc<dyn ResolvesServerCert>,
        clients: Arc<dyn ClientCertVerifier>,
    ) -> Result<Self, rustls::Error> {
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_protocol_versions(rustls::DEFAULT_VERSIONS)?;
        let mut tls = builder.with_client_cert_verifier(clients).with_cert_resolver(certificates);
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { limits, file: None, tls: Some(Arc::new(tls)), counts: Arc::default() })
    }

    /// How often a limit was met.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Serves `app` on all listeners until `stop` is cancelled. Then nobody new is taken, connections without a
    /// request are closed, and requests under way have `drain` to finish. Returns how many connections did not, and
    /// were cut off. When it is dropped before, all connections are cut off.
    ///
    /// Each request has a [`crate::Peer`] among its extensions, and the [`crate::PeerCertificates`] when there are some.
    pub async fn serve(
        &self,
        listeners: Vec<Listener>,
        app: Router,
        stop: &CancellationToken,
        drain: Duration,
    ) -> usize {
        let running = Running { stop: stop.child_token(), abort: CancellationToken::new() };
        let shared = Arc::new(Shared {
            limits: self.limits,
            counts: Arc::clone(&self.counts),
            heads: Heads::new(self.limits.header_memory_bytes),
            guard: self.file.clone().map(Guard::new),
            tls: self.tls.clone(),
            app,
            stop: running.stop.clone(),
        });
        let tasks = TaskTracker::new();
        let admission = Admission::new(&self.limits, Arc::clone(&self.counts));
        let refusals = Arc::new(Semaphore::new(REFUSALS));
        let accepting = listeners
            .into_iter()
            .map(|listener| accept(listener, &shared, &admission, &refusals, &tasks, &running));
        join_all(accepting).await;
        tasks.close();
        if tokio::time::timeout(drain, tasks.wait()).await.is_ok() {
            return 0;
        }
        let unfinished = self.counts.open();
        running.abort.cancel();
        tasks.wait().await;
        unfinished
    }
}

/// Takes connections from one listener until the end.
async fn accept(
    listener: Listener,
    shared: &Arc<Shared>,
    admission: &Admission,
    refusals: &Arc<Semaphore>,
    tasks: &TaskTracker,
    running: &Running,
) {
    let mut is_failing = false;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = running.stop.cancelled() => return,
        };
        let (socket, peer) = match accepted {
            Ok(accepted) => {
                is_failing = false;
                accepted
            }
            Err(error) if is_of_client(&error) => continue,
            Err(error) => {
                if !is_failing {
                    tracing::error!(
                        address = listener.address(),
                        "cannot take connections: {error}; trying on"
                    );
                }
                is_failing = true;
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let abort = running.abort.clone();
        match admission.admit(peer) {
            Ok(admitted) => {
                shared.counts.accept();
                let shared = Arc::clone(shared);
                tasks.spawn(async move {
                    let _admitted = admitted;
                    tokio::select! {
                        () = serve(shared, socket, peer) => {}
                        () = abort.cancelled() => {}
                    }
                });
            }
            Err(why) => {
                shared.counts.refuse(why);
                tracing::debug!(?peer, why = why.label(), "connection refused");
                let is_tls = shared.is_tls();
                // To tell over TLS takes a handshake, which is the dear part of a connection.
                if let (false, Ok(permit)) = (is_tls, Arc::clone(refusals).try_acquire_owned()) {
                    tasks.spawn(async move {
                        let _permit = permit;
                        tokio::select! {
                            () = refuse(socket) => {}
                            () = abort.cancelled() => {}
                        }
                    });
                }
            }
        }
    }
}

/// Whether a connection failed before it was taken, which says nothing of the next one.
fn is_of_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, InvalidInput};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | InvalidInput)
}
