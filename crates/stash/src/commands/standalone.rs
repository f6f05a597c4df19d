//! `stash standalone`: back up this host, by the same YAML as in a cluster.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use standalone::serve;
use tokio::net::TcpListener;

use super::folder::FolderArgs;
use crate::console::Terminal;
use crate::exit::Exit;

/// Back up this host without a cluster: run the Restics and Recoveries of a folder, serve metrics and a page.
///
/// DIR holds YAML files with Restic, Recovery, Repository and Secret objects, many documents a file. It is watched:
/// what you save is in force a moment later. Relative paths in it count from DIR. Status is written to DIR/status.
///
/// The workload of a Restic is this host: Restic NAME fills Repository host.NAME, in the folder
/// host/<hostname>/NAME of its backend.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    stash standalone examples/quickstart            run on its schedule, page at http://127.0.0.1:56789/\n  \
    stash standalone /etc/stash --once              run everything now, for cron; exit code tells\n  \
    curl http://127.0.0.1:56789/metrics             what Prometheus sees")]
pub(crate) struct StandaloneArgs {
    /// Folder with the objects.
    dir: PathBuf,
    /// Run every session and every recovery now, then exit: 0 when all succeeded. Serves nothing.
    #[arg(long)]
    once: bool,
    /// Where to serve the page, the metrics and the push gateway. It knows no passwords: keep it on this host, or
    /// behind something that does.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:56789")]
    listen_address: String,
    #[command(flatten)]
    folder: FolderArgs,
}

pub(crate) async fn execute(args: StandaloneArgs, console: Terminal) -> anyhow::Result<Exit> {
    let options = args.folder.options(&args.dir, console)?;
    if args.once {
        let ready = options.into_worker()?;
        let (cancel, signalled) = (ready.worker.cancel.clone(), super::signalled());
        tokio::spawn(async move {
            signalled.await;
            tracing::info!("stopping: the running session is cancelled");
            cancel.cancel();
        });
        let done = standalone::once::everything(&ready).await?;
        if done.reports.is_empty() {
            tracing::warn!(
                paused = done.paused.len(),
                "nothing to do: the folder has no Restic that is not paused, and no Recovery"
            );
        }
        return Ok(Exit::of_outcome(done.outcome(), done.reason()));
    }
    let ready = options.into_server()?;
    let listener = TcpListener::bind(&args.listen_address).await.with_context(|| {
        format!("cannot listen at {}; choose another --listen-address", args.listen_address)
    })?;
    let signalled = super::signalled();
    let url = serve::reachable(listener.local_addr()?);
    tracing::info!("page {url}/  metrics {url}/metrics  (stop with Ctrl-C)");
    serve::run(ready, listener, signalled).await?;
    Ok(Exit::Done)
}
