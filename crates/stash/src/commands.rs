//! One file per subcommand: its flags, and what it does.

pub(crate) mod backup;
pub(crate) mod check;
pub(crate) mod folder;
pub(crate) mod forget;
pub(crate) mod glog;
pub(crate) mod in_cluster;
pub(crate) mod in_pod;
pub(crate) mod install;
pub(crate) mod pushgateway;
pub(crate) mod recover;
pub(crate) mod run;
pub(crate) mod scaledown;
pub(crate) mod snapshots;
pub(crate) mod standalone;
pub(crate) mod uninstall;
pub(crate) mod version;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cli::Command;
use crate::console::Terminal;
use crate::exit::Exit;

/// Runs a subcommand.
pub(crate) fn execute(command: Command, console: Terminal) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let exit = runtime.block_on(async {
        match command {
            Command::Standalone(args) => standalone::execute(args, console).await,
            Command::Backup(args) => backup::execute(*args, console).await,
            Command::Recover(args) => recover::execute(*args, console).await,
            Command::Run(args) => run::execute(*args).await,
            Command::Snapshots(args) => snapshots::execute(args, console).await,
            Command::Forget(args) => forget::execute(*args, console).await,
            Command::Check(args) => check::execute(*args, console).await,
            Command::Scaledown(args) => scaledown::execute(*args).await,
            Command::Pushgateway(args) => pushgateway::execute(*args).await,
            Command::Install(args) => install::execute(*args, console).await,
            Command::Uninstall(args) => uninstall::execute(args, console).await,
            Command::Version(args) => version::execute(&args),
        }
    });
    // A session that did not stop in time must not hold the exit.
    runtime.shutdown_background();
    exit
}

/// Done at the first SIGTERM or SIGINT after this call, whether or not somebody waits already: whoever is told that we
/// listen may stop us at once. A second one ends the process: somebody means it.
#[expect(
    clippy::disallowed_methods,
    reason = "whoever asks twice does not want to wait for `main` to return"
)]
pub(crate) fn signalled() -> impl Future<Output = ()> + Send + 'static {
    let signals = Signals::catch();
    async move {
        let mut signals = match signals {
            Ok(signals) => signals,
            Err(error) => {
                tracing::warn!(%error, "cannot wait for signals; stop the process with SIGKILL, earlier snapshots stay whole");
                return std::future::pending().await;
            }
        };
        signals.next().await;
        tokio::spawn(async move {
            signals.next().await;
            std::process::exit(130);
        });
    }
}

/// Signals that ask a process to stop, caught from the moment on at which this is made.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn catch() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Cancels the running session at the first signal.
pub(crate) fn cancel_on_signal(cancel: &engine::Cancel) {
    let (cancel, signalled) = (cancel.clone(), signalled());
    tokio::spawn(async move {
        signalled.await;
        tracing::info!("stopping: what runs is cancelled");
        cancel.cancel();
    });
}

/// Names for a message; `none` when there are none.
pub(crate) fn listed<T: ToString>(names: impl Iterator<Item = T>) -> String {
    let names: Vec<String> = names.map(|name| name.to_string()).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
