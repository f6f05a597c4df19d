//! `stash check`: is a repository whole?

use clap::Args;
use domain::report::Failure;
use domain::rules::status;
use engine::CheckRequest;
use jiff::Timestamp;

use super::folder::RepositoryArgs;
use crate::console::Terminal;
use crate::exit::{Exit, Reasoned};

/// Check a repository: every snapshot's trees, the index, and with --read-data every byte.
///
/// Ends with 1 when something is damaged. The finding is kept in the Repository's status.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  stash check --dir examples/quickstart --read-data")]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    repository: RepositoryArgs,
    /// Also read and verify all data; takes as long as reading the whole repository.
    #[arg(long)]
    read_data: bool,
}

pub(crate) async fn execute(args: CheckArgs, console: Terminal) -> anyhow::Result<Exit> {
    let work = tokio::task::spawn_blocking(move || -> anyhow::Result<Exit> {
        let bars = console.clone();
        let opened = args.repository.open(console)?;
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
