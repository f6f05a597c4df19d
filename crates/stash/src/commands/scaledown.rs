//! `stash scaledown`: one tick of an offline Restic.

use clap::Args;
use domain::handoff::flag;

use super::in_pod::InPodArgs;
use crate::exit::Exit;

/// Take workloads down for their offline backup, and bring them back: what the CronJob of an offline Restic runs.
///
/// What a workload had is written into its annotations first, so that an attempt that dies is taken up by the next.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit codes: 0 every cycle has ended, or there was nothing to do; 1 one could not be ended."
)]
pub(crate) struct ScaleDownArgs {
    /// The offline Restic.
    #[arg(long = flag::RESTIC_NAME, value_name = "NAME")]
    restic_name: String,
    /// Labels of the workloads, as `app=web,tier in (db)`.
    #[arg(long = flag::SELECTOR, value_name = "SELECTOR")]
    selector: String,
    #[command(flatten)]
    pub(crate) pod: InPodArgs,
}

pub(crate) async fn execute(args: ScaleDownArgs) -> anyhow::Result<Exit> {
    let pod = args.pod.pod(None).await?;
    sidecar::scaledown::run(pod, &args.restic_name, &args.selector).await?;
    Ok(Exit::Done)
}
