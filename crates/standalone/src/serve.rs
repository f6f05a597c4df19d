//! `stash standalone`: the folder is watched, sessions run, the gateway and the page are served, until the end.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use engine::Cancel;
use gateway::{Gateway, Listener};
use jiff::Timestamp;
use pusher::{PushError, Pusher};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::folder::{self, FolderError};
use crate::host::Host;
use crate::ledger::{Ledger, LedgerError, Server, ServerLock};
use crate::live::{Console, Live};
use crate::outlet::{Door, Outlet};
use crate::views::Views;
use crate::work::Worker;
use crate::{page, runner, watch as watcher};

/// A session that is stopped may take this long to come to its end: it has to give up a file it reads, delete nothing,
/// and report.
const STOP_PATIENCE: Duration = Duration::from_secs(30);

/// What a standalone process is told.
pub struct Options {
    /// The host and its folder.
    pub host: Host,
    /// Where status is kept.
    pub status: PathBuf,
    /// A gateway elsewhere; none uses the embedded one.
    pub pushgateway_url: Option<String>,
    /// Version of the program, for the page.
    pub version: String,
    /// Shows progress.
    pub console: Box<dyn Console>,
}

/// Why a standalone process cannot run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder cannot be read.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The status folder cannot be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The gateway cannot start, or could not keep its groups.
    #[error("the push gateway: {0}")]
    Gateway(String),
    /// The address of another gateway is wrong.
    #[error(transparent)]
    Push(#[from] PushError),
}

/// A worker with its outlet, and the lock that makes the embedded gateway ours.
pub struct Ready {
    /// Runs sessions.
    pub worker: Arc<Worker>,
    /// The embedded gateway, when this process owns it.
    pub gateway: Option<Gateway>,
    /// What makes it ours.
    pub lock: Option<ServerLock>,
    /// For the page.
    pub version: String,
}

impl Options {
    /// For the process that serves: it has to be the only one.
    ///
    /// # Errors
    /// When another process serves the folder, or a part cannot start.
    pub fn into_server(self) -> Result<Ready, Error> {
        let ledger = Ledger::new(self.status.clone());
        let lock = ledger.lock_server()?;
        self.ready(ledger, Some(lock))
    }

    /// For a process that runs sessions and ends: metrics go to the serving process when there is one.
    ///
    /// # Errors
    /// When a part cannot start.
    pub fn into_worker(mut self) -> Result<Ready, Error> {
        let ledger = Ledger::new(self.status.clone());
        match ledger.lock_server() {
            Ok(lock) => self.ready(ledger, Some(lock)),
            Err(LedgerError::Served { .. }) => {
                // Without an address the server has only just begun, or is itself a short-lived process.
                let url = ledger.server().map(|server| server.url);
                self.pushgateway_url = self.pushgateway_url.or(url);
                self.ready(ledger, None)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn ready(self, ledger: Ledger, lock: Option<ServerLock>) -> Result<Ready, Error> {
        let open = |file: Option<PathBuf>| {
            let other_pages = vec![gateway::OtherPage { name: "Backups".to_owned(), href: "/".to_owned() }];
            let config =
                gateway::Config { persistence_file: file, other_pages, ..gateway::Config::default() };
            Gateway::open(config).map_err(|error| Error::Gateway(error.to_string()))
        };
        let gateway = lock.as_ref().map(|_| open(Some(ledger.gateway_file()))).transpose()?;
        let door = match (&self.pushgateway_url, &gateway) {
            (Some(url), _) => Door::Remote(Pusher::new(url)?),
            (None, Some(gateway)) => Door::Embedded(gateway.clone()),
            // Another process owns the file and cannot be reached: nothing is lost but this session's metrics.
            (None, None) => {
                tracing::warn!(
                    "another stash process owns the metrics of this folder and cannot be reached; this run is not in them"
                );
                Door::Embedded(open(None)?)
            }
        };
        let worker = Worker {
            host: self.host,
            ledger,
            outlet: Outlet::new(door),
            live: Live::default(),
            console: self.console,
            cancel: Cancel::default(),
            sessions: watch::Sender::new(0),
        };
        Ok(Ready { worker: Arc::new(worker), gateway, lock, version: self.version })
    }
}

/// Serves until `shutdown` is done, then stops sessions, waits for them in bounded time, and keeps the metrics.
///
/// # Errors
/// When the folder cannot be read at the start, or the gateway cannot serve.
pub async fn run(
    ready: Ready,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Error> {
    let Ready { worker, gateway, lock, version } = ready;
    let address = listener.local_addr().map_err(|error| Error::Gateway(error.to_string()))?;
    if let Some(lock) = &lock {
        let server = Server { url: reachable(address), pid: std::process::id() };
        worker.ledger.announce_server(lock, &server)?;
    }
    let host = worker.host.clone();
    let first = tokio::task::spawn_blocking(move || folder::load(&host, Timestamp::now()))
        .await
        .map_err(|error| Error::Gateway(error.to_string()))??;
    let (newest, subscribed) = watch::channel(Arc::new(first));

    let stop = CancellationToken::new();
    let tasks = TaskTracker::new();
    let views = Views::new(Arc::clone(&worker), subscribed.clone(), version);
    tasks.spawn(watcher::run(worker.host.clone(), newest, stop.clone()));
    tasks.spawn(runner::run(Arc::clone(&worker), subscribed, tasks.clone(), stop.clone()));
    tasks.spawn({
        let (stop, cancel) = (stop.clone(), worker.cancel.clone());
        async move {
            shutdown.await;
            tracing::info!("stopping: running sessions are cancelled");
            cancel.cancel();
            stop.cancel();
        }
    });

    let drained = drain(tasks, stop.clone());
    let served = match gateway {
        Some(gateway) => {
            let page = page::router(Arc::new(views));
            gateway
                .run_beside(page, vec![Listener::Tcp(listener)], drained)
                .await
                .map_err(|error| Error::Gateway(error.to_string()))
        }
        None => {
            drained.await;
            Ok(())
        }
    };
    drop(lock);
    served
}

/// Done when every task has ended after `stop`, or patience is at its end: the last sessions still push, so the
/// gateway has to outlive them.
async fn drain(tasks: TaskTracker, stop: CancellationToken) {
    stop.cancelled().await;
    tasks.close();
    if tokio::time::timeout(STOP_PATIENCE, tasks.wait()).await.is_err() {
        tracing::error!(
            seconds = STOP_PATIENCE.as_secs(),
            "a session did not stop in time and is left behind; its snapshot does not exist, earlier ones are whole"
        );
    }
}

/// An address people and programs on this host can open.
#[must_use]
pub fn reachable(address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        format!("http://127.0.0.1:{}", address.port())
    } else {
        format!("http://{address}")
    }
}
