//! `stash backup`: one backup session now.

use clap::Args;
use domain::report::{Failure, FailureReason, Outcome};
use standalone::folder::Key;

use super::folder::DirArgs;
use crate::console::Terminal;
use crate::exit::{Exit, Reasoned};

/// Run one backup session now: back up the file groups of a Restic, forget by its policies, report.
///
/// Beside a running `stash standalone` of the same folder this is safe: the sessions of a repository wait for one
/// another, and the metrics go to the running process.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  stash backup --dir examples/quickstart --restic-name quickstart")]
pub(crate) struct BackupArgs {
    #[command(flatten)]
    dir: DirArgs,
    /// The Restic to run; all that are not paused when left out.
    #[arg(long, value_name = "NAME")]
    restic_name: Option<String>,
    /// Namespace of the Restic.
    #[arg(long, value_name = "NAMESPACE", default_value = "default")]
    namespace: String,
}

pub(crate) async fn execute(args: BackupArgs, console: Terminal) -> anyhow::Result<Exit> {
    let (ready, desired) = args.dir.worker(console)?;
    super::cancel_on_signal(&ready.worker.cancel);
    let keys: Vec<Key> = match args.restic_name {
        Some(name) => vec![Key::new(Some(&args.namespace), &name)],
        None => desired.restics.keys().cloned().collect(),
    };
    let mut worst = Outcome::Succeeded;
    let mut reason = None;
    for key in &keys {
        if !desired.restics.contains_key(key) {
            return Err(Reasoned(Failure {
                reason: FailureReason::InvalidSpec,
                message: format!(
                    "the folder has no usable Restic {key}; it has: {}",
                    super::listed(desired.restics.keys())
                ),
            })
            .into());
        }
        if let Some(report) = standalone::once::backup(&ready.worker, &desired, key).await {
            worst = worst.worst(report.outcome);
            reason = reason.or(report.failure.map(|failure| failure.reason));
        }
    }
    standalone::once::keep(&ready)?;
    Ok(Exit::of_outcome(worst, reason))
}
