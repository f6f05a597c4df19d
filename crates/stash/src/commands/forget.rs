//! `stash forget`: remove snapshots by hand, or as the Job of deleted Snapshots.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use domain::handoff::flag;
use domain::report::Failure;

use super::folder::{DirArgs, FolderArgs, RepositoryArgs};
use super::in_pod::InPodArgs;
use crate::console::Terminal;
use crate::exit::{Exit, Reasoned};

/// Remove snapshots and free their space. There is no way back.
///
/// Space is freed in two steps: what nobody uses is marked now and deleted by a later prune, at least 23 hours
/// later, so that a backup that runs at this moment cannot lose data. Without --dir it runs in a pod, the Repository is
/// one of the pod's namespace, and snapshots are named by their whole ids.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  stash forget --dir examples/quickstart 1a2b3c4d")]
pub(crate) struct ForgetArgs {
    /// Folder with the YAML of a standalone set-up.
    #[arg(long, value_name = "DIR", env = "STASH_DIR")]
    dir: Option<PathBuf>,
    #[command(flatten)]
    folder: FolderArgs,
    /// Repository to work on: `host.<restic>`, or a Repository object. May be left out when the folder has only one.
    #[arg(long = flag::REPO_NAME, value_name = "NAME")]
    repo_name: Option<String>,
    /// Namespace of the Repository in the folder.
    #[arg(long, value_name = "NAMESPACE", default_value = "default")]
    namespace: String,
    #[command(flatten)]
    pub(crate) pod: InPodArgs,
    /// The snapshots: 8 or more hex digits of their ids, or their names.
    #[arg(value_name = "SNAPSHOT", required = true)]
    ids: Vec<String>,
    /// Only remove the snapshots, free no space.
    #[arg(long)]
    no_prune: bool,
}

pub(crate) async fn execute(args: ForgetArgs, console: Terminal) -> anyhow::Result<Exit> {
    let Some(dir) = args.dir else {
        let name =
            args.repo_name.context("--repo-name is missing: name a Repository of the pod's namespace")?;
        if let Some(id) = args.ids.iter().find(|id| !domain::catalogue::is_id(id)) {
            anyhow::bail!("`{id}` is not the whole id of a snapshot: 64 hexadecimal digits in lower case");
        }
        let pod = args.pod.pod(args.folder.pushgateway_url).await?;
        sidecar::forget::run(pod, &name, args.ids, !args.no_prune).await?;
        return Ok(Exit::Done);
    };
    let repository = RepositoryArgs {
        dir: DirArgs { dir, folder: args.folder },
        repo_name: args.repo_name,
        namespace: args.namespace,
    };
    let work = tokio::task::spawn_blocking(move || -> anyhow::Result<_> {
        let bars = console.clone();
        let opened = repository.open(console)?;
        super::cancel_on_signal(&opened.ready.worker.cancel);
        let ledger = &opened.ready.worker.ledger;
        let _held = ledger
            .lock_repository(&opened.key.namespace, &opened.key.name, &opened.ready.worker.cancel)
            .map_err(Reasoned)?;
        let ids: Vec<String> = args.ids.iter().map(|id| super::snapshots::id_of(id).to_owned()).collect();
        let reasoned = |error: engine::Error| Reasoned(Failure::from(&error));
        let removed = opened.repository.forget_ids(&ids).map_err(reasoned)?;
        for snapshot in &removed.removed {
            tracing::info!(repository = %opened.key, id = snapshot.id, time = %snapshot.time, "snapshot removed");
        }
        if !args.no_prune {
            let pruned = opened.repository.prune(&bars.bar("prune")).map_err(reasoned)?;
            tracing::info!(?pruned, "pruned");
        }
        Ok(())
    });
    work.await??;
    Ok(Exit::Done)
}
