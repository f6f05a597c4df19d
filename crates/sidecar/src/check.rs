//! `stash check` in a Job: is a Repository whole? The finding is in its status.

use std::path::PathBuf;

use cluster::events::{Events, Notice};
use domain::objects::repository::Repository;
use domain::report::{Failure, FailureReason};
use domain::rules::status::repository_after_check;
use engine::{Cancel, CheckRequest, Environment, Quiet};
use jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, Resource as _};
use serde_json::json;

use crate::recover::patiently;
use crate::repository::known;
use crate::secret::SecretSource;

/// Who reports the events.
const COMPONENT: &str = "stash-check";

/// What the Job was told.
#[derive(Clone, Debug)]
pub struct Options {
    /// Namespace of the Repository and its pod.
    pub namespace: String,
    /// Name of the Repository.
    pub repository: String,
    /// Our pod, for events.
    pub pod: Option<String>,
    /// Folder of the storage Secret; without it the API is asked.
    pub secret_dir: Option<PathBuf>,
    /// Read all data, too.
    pub read_data: bool,
}

/// Checks the Repository. Returns whether it is whole.
///
/// # Errors
/// It could not be looked at.
pub async fn run(client: Client, options: Options, cancel: Cancel) -> Result<bool, Failure> {
    let api: Api<Repository> = Api::namespaced(client.clone(), &options.namespace);
    let repository = patiently(|| api.get(&options.repository)).await.map_err(|error| Failure {
        reason: FailureReason::RepositoryMissing,
        message: format!("cannot read Repository {}/{}: {error}", options.namespace, options.repository),
    })?;
    let events = Events::new(client.clone(), COMPONENT, options.pod.clone());
    let about = repository.object_ref(&());
    let finding = match look(client, &options, &repository, cancel).await {
        Ok(finding) => finding,
        Err(failure) => {
            events.record(&about, &Notice::warning("FailedCheck", "Check", &*failure.message)).await;
            return Err(failure);
        }
    };
    let before = repository.status.clone().unwrap_or_default();
    let after = repository_after_check(&before, finding.is_none(), Timestamp::now());
    let patch = Patch::Merge(
        json!({"status": {"integrity": after.integrity, "lastCheckTime": after.last_check_time}}),
    );
    let parameters = PatchParams::default();
    let written = patiently(|| api.patch_status(&options.repository, &parameters, &patch)).await;
    if let Err(error) = written {
        return Err(Failure {
            reason: FailureReason::Internal,
            message: format!(
                "cannot write the finding into the status of Repository {}: {error}",
                options.repository
            ),
        });
    }
    match &finding {
        None => {
            tracing::info!(repository = options.repository, "the repository is whole");
            events
                .record(&about, &Notice::normal("SuccessfulCheck", "Check", "the repository is whole"))
                .await;
        }
        Some(damage) => {
            tracing::error!(repository = options.repository, "the repository is DAMAGED: {damage}");
            events.record(&about, &Notice::warning("FailedCheck", "Check", &**damage)).await;
        }
    }
    Ok(finding.is_none())
}

/// What is damaged; `None` when nothing is.
async fn look(
    client: Client,
    options: &Options,
    repository: &Repository,
    cancel: Cancel,
) -> Result<Option<String>, Failure> {
    let known = known(repository)?;
    let source = match &options.secret_dir {
        Some(folder) => SecretSource::Folder(folder.clone()),
        None => SecretSource::Api { client, namespace: options.namespace.clone() },
    };
    let credentials = source.credentials(&known.secret).await?;
    let read_data = options.read_data;
    let check = tokio::task::spawn_blocking(move || {
        let opened = engine::open(&known.location, &credentials, &Environment::default(), &cancel)?;
        let outcome = opened.check(CheckRequest { read_data }, &Quiet)?;
        Ok(outcome.as_error(&opened).map(|error| error.to_string()))
    });
    match check.await {
        Ok(Ok(finding)) => Ok(finding),
        Ok(Err(error)) => Err(Failure::from(&error as &engine::Error)),
        Err(error) => Err(Failure {
            reason: FailureReason::Internal,
            message: format!("the check's thread was lost: {error}"),
        }),
    }
}
