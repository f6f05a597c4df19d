//! `stash recover`: one recovery session now, of a standalone folder or in the Job of a Recovery.

use std::path::PathBuf;

use clap::Args;
use domain::handoff::env;
use domain::report::{Failure, FailureReason};
use engine::Cancel;
use sidecar::outlet::Outlet;
use sidecar::recover::{self, Ended};
use standalone::folder::Key;

use super::folder::{DirArgs, FolderArgs};
use super::glog::GlogFlags;
use super::in_cluster::ClusterArgs;
use crate::console::Terminal;
use crate::exit::{Exit, Reasoned};

/// Run a Recovery now.
///
/// With --dir it is one of a standalone folder, also one that has ended before. Without, it is one of the cluster, as the
/// operator runs it in a Job: one that has ended is not run again.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  stash recover --dir examples/quickstart --recovery-name quickstart\n\n\
    Exit codes in a cluster: 0 done; 1 failed for good; 2 wrong usage; 75 worth another try.")]
pub(crate) struct RecoverArgs {
    /// Folder with the YAML of a standalone set-up.
    #[arg(long, value_name = "DIR", env = "STASH_DIR")]
    dir: Option<PathBuf>,
    #[command(flatten)]
    folder: FolderArgs,
    /// The Recovery to run.
    #[arg(long, value_name = "NAME")]
    recovery_name: String,
    /// Namespace of the Recovery in the folder.
    #[arg(long, value_name = "NAMESPACE", default_value = "default")]
    namespace: String,
    #[command(flatten)]
    job: JobArgs,
    #[command(flatten)]
    pub(crate) glog: GlogFlags,
}

/// What a Job of the operator is told.
#[derive(Args, Debug)]
pub(crate) struct JobArgs {
    /// Folder where the storage Secret is mounted; without it the Secret is read from the API.
    #[arg(long, value_name = "DIR", help_heading = "Cluster")]
    pub(crate) storage_secret_dir: Option<PathBuf>,
    /// Our own pod, for events.
    #[arg(long, value_name = "NAME", env = env::POD_NAME, help_heading = "Cluster")]
    pub(crate) pod_name: Option<String>,
    /// The Repository as JSON; without it the API is asked.
    #[arg(long, value_name = "JSON", env = env::REPOSITORY, hide = true)]
    pub(crate) repository: Option<String>,
    /// Accepted from Jobs of 0.8.3: how long to ask for the Recovery.
    #[arg(long, hide = true)]
    pub(crate) backoff_max_wait: Option<String>,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

pub(crate) async fn execute(args: RecoverArgs, console: Terminal) -> anyhow::Result<Exit> {
    match args.dir {
        Some(dir) => {
            let dir = DirArgs { dir, folder: args.folder };
            of_folder(dir, &args.namespace, &args.recovery_name, console).await
        }
        None => {
            let outlet = Outlet::new(args.folder.pushgateway_url.as_deref().unwrap_or_default())?;
            in_cluster(args.job, args.recovery_name, outlet).await
        }
    }
}

async fn of_folder(dir: DirArgs, namespace: &str, name: &str, console: Terminal) -> anyhow::Result<Exit> {
    let (ready, desired) = dir.worker(console)?;
    super::cancel_on_signal(&ready.worker.cancel);
    let key = Key::new(Some(namespace), name);
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

async fn in_cluster(job: JobArgs, recovery: String, outlet: Outlet) -> anyhow::Result<Exit> {
    let client = job.cluster.api.connect("stash-recovery").await?;
    let options = recover::Options {
        namespace: job.cluster.namespace(&client),
        recovery,
        pod: job.pod_name,
        repository: job.repository.filter(|text| !text.is_empty()),
        secret_dir: job.storage_secret_dir,
    };
    let cancel = Cancel::default();
    super::cancel_on_signal(&cancel);
    Ok(match recover::run(client, options, outlet, cancel).await {
        Ended::Done => Exit::Done,
        // The last line of the log is what the operator reads.
        Ended::Failed(message) => {
            tracing::error!("{message}");
            Exit::Failed
        }
        Ended::TryAgain(message) => {
            tracing::error!("{message}; another pod may try again");
            Exit::TryAgain
        }
    })
}
