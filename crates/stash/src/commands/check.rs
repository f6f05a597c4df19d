//! `stash check`: is a repository whole?

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use domain::report::Failure;
use domain::rules::status;
use engine::{Cancel, CheckRequest};
use jiff::Timestamp;
use sidecar::check;

use super::folder::{DirArgs, FolderArgs, RepositoryArgs};
use super::glog::GlogFlags;
use super::recover::JobArgs;
use crate::console::Terminal;
use crate::exit::{Exit, Reasoned};

/// Check a repository: every snapshot's trees, the index, and with --read-data every byte.
///
/// With --dir it is one of a standalone folder; without, one of the cluster, as the operator checks it in a Job.
///
/// Ends with 1 when something is damaged. The finding is kept in the Repository's status.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  stash check --dir examples/quickstart --read-data")]
pub(crate) struct CheckArgs {
    /// Folder with the YAML of a standalone set-up.
    #[arg(long, value_name = "DIR", env = "STASH_DIR")]
    dir: Option<PathBuf>,
    #[command(flatten)]
    folder: FolderArgs,
    /// Repository to work on: of a folder `host.<restic>` or a Repository object, and may be left out when there is
    /// only one; of a cluster a Repository.
    #[arg(long, value_name = "NAME")]
    repo_name: Option<String>,
    /// Namespace of the Repository in the folder.
    #[arg(long, value_name = "NAMESPACE", default_value = "default")]
    namespace: String,
    #[command(flatten)]
    job: JobArgs,
    #[command(flatten)]
    pub(crate) glog: GlogFlags,
    /// Also read and verify all data; takes as long as reading the whole repository.
    #[arg(long)]
    read_data: bool,
}

pub(crate) async fn execute(args: CheckArgs, console: Terminal) -> anyhow::Result<Exit> {
    match args.dir {
        Some(dir) => {
            let dir = DirArgs { dir, folder: args.folder };
            let repository = RepositoryArgs { dir, repo_name: args.repo_name, namespace: args.namespace };
            of_folder(repository, args.read_data, console).await
        }
        None => in_cluster(args.job, args.repo_name, args.read_data).await,
    }
}

async fn in_cluster(job: JobArgs, repository: Option<String>, read_data: bool) -> anyhow::Result<Exit> {
    let repository =
        repository.context("which Repository? name it with --repo-name, or a folder with --dir")?;
    let client = job.cluster.api.connect("stash-check").await?;
    let options = check::Options {
        namespace: job.cluster.namespace(&client),
        repository,
        pod: job.pod_name,
        secret_dir: job.storage_secret_dir,
        read_data,
    };
    let cancel = Cancel::default();
    super::cancel_on_signal(&cancel);
    let whole = check::run(client, options, cancel).await.map_err(Reasoned)?;
    Ok(if whole { Exit::Done } else { Exit::Failed })
}

async fn of_folder(repository: RepositoryArgs, read_data: bool, console: Terminal) -> anyhow::Result<Exit> {
    let work = tokio::task::spawn_blocking(move || -> anyhow::Result<Exit> {
        let bars = console.clone();
        let opened = repository.open(console)?;
        super::cancel_on_signal(&opened.ready.worker.cancel);
        let request = CheckRequest { read_data: read_data };
        let outcome = opened
            .repository
            .check(request, &bars.bar("check"))
            .map_err(|error| Reasoned(Failure::from(&error)))?;
        for warning in &outcome.warnings {
            tracing::warn!(repository = %opened.key, "{warning}");
        }
        for error in &outcome.errors {
            tracing::error!(repository = %opened.key, "{error}");
        }
        let ledger = &opened.ready.worker.ledger;
        if let Some(object) = ledger.repository(&opened.key) {
            let before = object.status.clone().unwrap_or_default();
            let after = status::repository_after_check(&before, outcome.is_ok(), Timestamp::now());
            ledger.set_repository(object, after)?;
        }
        match outcome.as_error(&opened.repository) {
            None => {
                tracing::info!(repository = %opened.key, read_data = read_data, "the repository is whole");
                Ok(Exit::Done)
            }
            Some(error) => {
                tracing::error!(errors = outcome.errors.len(), "the repository is DAMAGED: {error}");
                Ok(Exit::Failed)
            }
        }
    });
    work.await?
}
