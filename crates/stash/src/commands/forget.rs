//! `stash forget`: remove snapshots by hand.

use clap::Args;
use domain::report::Failure;

use super::folder::RepositoryArgs;
use crate::console::Terminal;
use crate::exit::{Exit, Reasoned};

/// Remove snapshots and free their space. There is no way back.
///
/// Space is freed in two steps: what nobody uses is marked now and deleted by a later prune, at least 23 hours
/// later, so that a backup that runs at this moment cannot lose data.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  stash forget --dir examples/quickstart 1a2b3c4d")]
pub(crate) struct ForgetArgs {
    #[command(flatten)]
    repository: RepositoryArgs,
    /// The snapshots: 8 or more hex digits of their ids, or their names.
    #[arg(value_name = "SNAPSHOT", required = true)]
    ids: Vec<String>,
    /// Only remove the snapshots, free no space.
    #[arg(long)]
    no_prune: bool,
}

pub(crate) async fn execute(args: ForgetArgs, console: Terminal) -> anyhow::Result<Exit> {
    let work = tokio::task::spawn_blocking(move || -> anyhow::Result<_> {
        let bars = console.clone();
        let opened = args.repository.open(console)?;
        super::cancel_on_signal(&opened.ready.worker.cancel);
        let ledger = &opened.ready.worker.ledger;
        let _held = ledger
            .lock_repository(&opened.key.namespace, &opened.key.name, &opened.ready.worker.cancel)
            .map_err(Reasoned)?;
        let ids: Vec<String> = args.ids.iter().map(|id| super::snapshots::id_of(id).to_owned()).collect();
        let reasoned = |error: engine::Error| Reasoned(Failure::from(&error));
        let removed = opened.repository.forget_ids(&ids).map_err(reasoned)?;
        for snapshot in &removed {
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
