//! `stash recover`: one recovery session now, or the one of a Job.

use std::path::PathBuf;

use clap::Args;
use domain::handoff::{env, flag};
use domain::report::{Failure, FailureReason};
use standalone::folder::Key;

use super::folder::{DirArgs, FolderArgs};
use super::in_pod::InPodArgs;
use crate::console::Terminal;
use crate::exit::{Exit, Reasoned};

/// Run a Recovery now: with --dir one of a folder, also one that has ended before; without, in the pod of its Job,
/// and only if it has not ended before.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  stash recover --dir examples/quickstart --recovery-name quickstart\n\n\
    Exit codes in a pod: 0 every path is restored; 1 it failed and would again; 75 another pod may do better.")]
pub(crate) struct RecoverArgs {
    /// Folder with the YAML of a standalone set-up.
    #[arg(long, value_name = "DIR", env = "STASH_DIR")]
    dir: Option<PathBuf>,
    #[command(flatten)]
    folder: FolderArgs,
    /// The Recovery to run.
    #[arg(long = flag::RECOVERY_NAME, value_name = "NAME")]
    recovery_name: String,
    /// Namespace of the Recovery.
    #[arg(long, value_name = "NAMESPACE", default_value = "default")]
    namespace: String,
    /// The Repository to restore from, as JSON; what the operator hands to a Job.
    #[arg(long, hide = true, env = env::REPOSITORY)]
    repository: Option<String>,
    #[command(flatten)]
    pub(crate) pod: InPodArgs,
}

pub(crate) async fn execute(args: RecoverArgs, console: Terminal) -> anyhow::Result<Exit> {
    let Some(dir) = args.dir else {
        let pod = args.pod.pod(args.folder.pushgateway_url).await?;
        return Ok(match sidecar::recover::run(pod, &args.recovery_name, args.repository.as_deref()).await {
            Ok(sidecar::recover::End::Done) => Exit::Done,
            Ok(sidecar::recover::End::Failed) => Exit::Failed,
            Ok(sidecar::recover::End::TryAgain) => Exit::TryAgain,
            Err(error) if error.is_worth_a_retry() => {
                tracing::error!("{error}");
                Exit::TryAgain
            }
            Err(error) => return Err(error.into()),
        });
    };
    let (ready, desired) = DirArgs { dir, folder: args.folder }.worker(console)?;
    super::cancel_on_signal(&ready.worker.cancel);
    let key = Key::new(Some(&args.namespace), &args.recovery_name);
    let Some(recovery) = desired.recoveries.get(&key) else {
        return Err(Reasoned(Failure {
            reason: FailureReason::InvalidSpec,
            message: format!(
                "the folder has no usable Recovery {key}; it has: {}",
                super::listed(desired.recoveries.keys())
            ),
        })
        .into());
    };
    let report = ready.worker.recover(&desired, &key, &recovery.value).await;
    standalone::once::keep(&ready)?;
    Ok(Exit::of_outcome(report.outcome, report.failure.map(|failure| failure.reason)))
}
