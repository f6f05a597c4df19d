//! `stash backup`: one backup session now, or those of a workload in its pod.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args};
use domain::handoff::flag;
use domain::objects::workload::{Workload, WorkloadKind};
use domain::report::{Failure, FailureReason, Outcome};
use domain::rules::go_duration;
use sidecar::{once, scheduled};
use standalone::folder::Key;

use super::folder::{DirArgs, FolderArgs};
use super::in_pod::InPodArgs;
use crate::console::Terminal;
use crate::exit::{Exit, Reasoned};

/// Run one backup session now: back up the file groups of a Restic, forget by its policies, report.
///
/// Beside a running `stash standalone` of the same folder this is safe: the sessions of a repository wait for one
/// another, and the metrics go to the running process.
///
/// With --workload-kind it is the container in a pod of that workload: with --run-via-cron beside it, backing up on
/// schedule until it is stopped; without, before it, once, and only when it is the pod's turn. Then the objects come
/// from the API server, and a backup that is due is made also while that is away.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    stash backup --dir examples/quickstart --restic-name quickstart\n  \
    stash backup --workload-kind=Deployment --workload-name=web --restic-name=nightly --run-via-cron=true\n\n\
    Exit codes before a workload: 0 done, not the pod's turn, or given up so that the application starts; \
    75 failed and to be tried again.")]
pub(crate) struct BackupArgs {
    /// Folder with the YAML of a standalone set-up.
    #[arg(long, value_name = "DIR", env = "STASH_DIR", required_unless_present = "workload_kind")]
    dir: Option<PathBuf>,
    #[command(flatten)]
    folder: FolderArgs,
    /// The Restic to run; of a folder, all that are not paused when left out.
    #[arg(long = flag::RESTIC_NAME, value_name = "NAME")]
    restic_name: Option<String>,
    /// Namespace of the Restic in the folder.
    #[arg(long, value_name = "NAMESPACE", default_value = "default")]
    namespace: String,
    /// Kind of the pod's workload, as Deployment, sts or daemonsets.
    #[arg(long = flag::WORKLOAD_KIND, value_name = "KIND", requires_all = ["workload_name", "restic_name"], help_heading = "In a pod of a cluster")]
    workload_kind: Option<WorkloadKind>,
    /// Name of the pod's workload.
    #[arg(long = flag::WORKLOAD_NAME, value_name = "NAME", requires = "workload_kind", help_heading = "In a pod of a cluster")]
    workload_name: Option<String>,
    /// Back up on schedule, beside the workload.
    #[arg(long = flag::RUN_VIA_CRON, value_name = "BOOL", num_args = 0..=1, default_value_t = false, default_missing_value = "true", action = ArgAction::Set, help_heading = "In a pod of a cluster")]
    run_via_cron: bool,
    /// Longest delay of a session after its tick, always the same for one repository, and at most a tenth of the time
    /// until the next tick.
    #[arg(long = flag::SCHEDULE_JITTER, value_name = "DURATION", default_value = "0s", value_parser = go_duration::parse, help_heading = "In a pod of a cluster")]
    schedule_jitter: Duration,
    /// Time between two checks of the repository, made after a session; 0s turns them off.
    #[arg(long = flag::CHECK_INTERVAL, value_name = "DURATION", default_value = "72h0m0s", value_parser = go_duration::parse, help_heading = "In a pod of a cluster")]
    check_interval: Duration,
    #[command(flatten)]
    pub(crate) pod: InPodArgs,
}

pub(crate) async fn execute(args: BackupArgs, console: Terminal) -> anyhow::Result<Exit> {
    match args.workload_kind {
        Some(kind) => in_pod(args, kind).await,
        None => in_folder(args, console).await,
    }
}

async fn in_pod(args: BackupArgs, kind: WorkloadKind) -> anyhow::Result<Exit> {
    // clap has seen to it that both are there.
    let restic = args.restic_name.unwrap_or_default();
    let name = args.workload_name.unwrap_or_default();
    let pod = args.pod.pod(args.folder.pushgateway_url).await?;
    let workload = Workload::new(kind, &name, Some(&pod.name), Some(&pod.node))?;
    if args.run_via_cron {
        let check_interval = Some(args.check_interval).filter(|interval| !interval.is_zero());
        let options = scheduled::Options { restic, workload, jitter: args.schedule_jitter, check_interval };
        scheduled::run(pod, options).await?;
        return Ok(Exit::Done);
    }
    Ok(match once::run(pod, &restic, &workload).await? {
        once::End::NothingToDo | once::End::Done | once::End::GivenUp => Exit::Done,
        once::End::TryAgain => Exit::TryAgain,
    })
}

async fn in_folder(args: BackupArgs, console: Terminal) -> anyhow::Result<Exit> {
    let dir = DirArgs { dir: args.dir.unwrap_or_default(), folder: args.folder };
    let (ready, desired) = dir.worker(console)?;
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
