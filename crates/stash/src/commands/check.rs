//! `stash check`: is a repository whole?

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use domain::handoff::flag;
use domain::report::Failure;
use domain::rules::status;
use engine::CheckRequest;
use jiff::Timestamp;

use super::folder::{DirArgs, FolderArgs, RepositoryArgs};
use super::in_pod::InPodArgs;
use crate::console::Terminal;
use crate::exit::{Exit, Reasoned};

/// Check a repository: every snapshot's trees, the index, and with --read-data every byte.
///
/// Ends with 1 when something is damaged. The finding is kept in the Repository's status. Without --dir it runs in a
/// pod, and the Repository is one of the pod's namespace.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  stash check --dir examples/quickstart --read-data")]
pub(crate) struct CheckArgs {
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
    /// Also read and verify all data; takes as long as reading the whole repository.
    #[arg(long)]
    read_data: bool,
    #[command(flatten)]
    pub(crate) pod: InPodArgs,
}

pub(crate) async fn execute(args: CheckArgs, console: Terminal) -> anyhow::Result<Exit> {
    let Some(dir) = args.dir else {
        let name =
            args.repo_name.context("--repo-name is missing: name a Repository of the pod's namespace")?;
        let pod = args.pod.pod(args.folder.pushgateway_url).await?;
        let sound = sidecar::check::run(pod, &name, args.read_data).await?;
        return Ok(if sound { Exit::Done } else { Exit::Failed });
    };
    let repository = RepositoryArgs {
        dir: DirArgs { dir, folder: args.folder },
        repo_name: args.repo_name,
        namespace: args.namespace,
    };
    let work = tokio::task::spawn_blocking(move || -> anyhow::Result<Exit> {
        let bars = console.clone();
        let opened = repository.open(console)?;
        super::cancel_on_signal(&opened.ready.worker.cancel);
        let request = CheckRequest { read_data: args.read_data };
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
                tracing::info!(repository = %opened.key, read_data = args.read_data, "the repository is whole");
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
