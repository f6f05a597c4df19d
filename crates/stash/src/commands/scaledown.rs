//! `stash scaledown`: the offline backups of one tick.

use clap::Args;
use domain::handoff::env;
use sidecar::scaledown::{self, Options};

use super::glog::GlogFlags;
use super::in_cluster::ClusterArgs;
use crate::exit::Exit;

/// Take the workloads of an offline Restic down, have them back up, and bring them up again.
///
/// The operator runs it in the CronJob of the Restic. It may be stopped at any moment: the next attempt, or the
/// operator, goes on where it was.
#[derive(Args, Debug)]
#[command(after_help = "Exit codes: 0 every workload is as it was; 1 one is not yet, run it again.")]
pub(crate) struct ScaledownArgs {
    /// The Restic.
    #[arg(long, value_name = "NAME")]
    restic_name: String,
    /// Labels of its workloads, as of `kubectl get --selector`.
    #[arg(long, value_name = "SELECTOR")]
    selector: String,
    /// Our own pod, whose Job names the tick.
    #[arg(long, value_name = "NAME", env = env::POD_NAME)]
    pod_name: String,
    #[command(flatten)]
    cluster: ClusterArgs,
    #[command(flatten)]
    pub(crate) glog: GlogFlags,
}

pub(crate) async fn execute(args: ScaledownArgs) -> anyhow::Result<Exit> {
    let client = args.cluster.api.connect("stash-scaledown").await?;
    let options = Options {
        namespace: args.cluster.namespace(&client),
        restic: args.restic_name,
        selector: args.selector,
        pod: args.pod_name,
    };
    tokio::select! {
        done = scaledown::run(client, &options) => done?,
        () = super::signalled() => {
            tracing::info!("stopped; the operator goes on with what was begun");
            return Ok(Exit::Stopped);
        }
    }
    Ok(Exit::Done)
}
