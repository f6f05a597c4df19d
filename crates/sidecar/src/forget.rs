//! The Job that forgets snapshots: a deleted Snapshot is gone when the catalogue that this writes has it no more.

use std::collections::BTreeSet;

use cluster::events::{Events, Notice};
use domain::catalogue::Catalogue;
use domain::objects::repository::{Repository, RepositoryStatus};
use domain::report::{Failure, FailureReason};
use engine::{Cancel, Quiet};
use kube::Api;

use crate::pod::{Pod, PodError};
use crate::{catalogue, event, patch, plan, secrets};

/// Forgets these snapshots of the Repository `name` of the pod's namespace, by their whole ids. One that is not there has
/// been forgotten already. With `prune` the space is freed that nobody needs any more.
///
/// # Errors
/// When one of them may still be there, or when the catalogue that says they are gone could not be written.
pub async fn run(pod: Pod, name: &str, ids: Vec<String>, prune: bool) -> Result<(), PodError> {
    let events = Events::new(pod.client.clone(), "stash-forget", Some(pod.name.clone()));
    let api: Api<Repository> = Api::namespaced(pod.client.clone(), &pod.namespace);
    let read = |error| PodError::api(format!("read Repository {}/{name}", pod.namespace), error);
    let object = api.get(name).await.map_err(read)?;
    let about = event::about("Repository", &pod.namespace, name, object.metadata.uid.as_deref());
    let opened = opened(&pod, &object).await;
    let done = match opened {
        Ok(repository) => forgotten(repository, ids).await,
        Err(failure) => Err(failure),
    };
    let (repository, removed, listed) = match done {
        Ok(done) => done,
        Err(failure) => {
            let note = format!("snapshots are not deleted: {}", failure.message);
            events.record(&about, &Notice::warning("FailedForget", "Forget", note)).await;
            return Err(PodError::Unusable(failure.message));
        }
    };
    // Until this is written, the snapshots are shown; so it is what makes the Job a success.
    catalogue::write(&pod.client, &object, &listed)
        .await
        .map_err(|error| PodError::Unusable(error.to_string()))?;
    tracing::info!(repository = name, removed, "snapshots were removed");
    let note = format!("{removed} snapshot(s) were removed");
    events.record(&about, &Notice::normal("SuccessfulForget", "Forget", note)).await;
    let left = listed.records.len() as u64;
    if let Err(error) = count(&api, name, left).await {
        tracing::warn!(repository = name, %error, "cannot write the number of snapshots");
    }
    // A repository of no snapshot is not pruned: it may have lost them by accident.
    if prune && left > 0 {
        let pruned = tokio::task::spawn_blocking(move || repository.prune(&Quiet)).await;
        let problem = match pruned {
            Ok(Ok(pruned)) => {
                tracing::info!(repository = name, ?pruned, "pruned");
                None
            }
            Ok(Err(error)) => Some(error.to_string()),
            Err(error) => Some(format!("the thread was lost: {error}")),
        };
        if let Some(problem) = problem {
            let note = format!("the space of removed snapshots is not freed yet: {problem}");
            tracing::warn!(repository = name, "{note}");
            events.record(&about, &Notice::warning("FailedPrune", "Forget", note)).await;
        }
    }
    Ok(())
}

async fn opened(pod: &Pod, object: &Repository) -> Result<engine::Repository, Failure> {
    let (_, location) = plan::located(object)?;
    let secret = &object.spec.backend.storage_secret_name;
    let credentials = secrets::credentials(pod, &pod.namespace, secret).await?;
    let (environment, cancel): (_, Cancel) = (pod.environment(), pod.cancel());
    let opening =
        tokio::task::spawn_blocking(move || engine::open(&location, &credentials, &environment, &cancel));
    opening.await.map_err(|error| lost(&error))?.map_err(|error| Failure::from(&error))
}

type Forgotten = (engine::Repository, usize, Catalogue);

/// Removes what is there of these, and lists what is left.
async fn forgotten(repository: engine::Repository, ids: Vec<String>) -> Result<Forgotten, Failure> {
    let work = tokio::task::spawn_blocking(move || {
        let there: BTreeSet<String> =
            repository.snapshots()?.into_iter().map(|snapshot| snapshot.id).collect();
        let going: Vec<String> = ids.into_iter().filter(|id| there.contains(id)).collect();
        repository.forget_ids(&going)?;
        let left = catalogue::of(repository.snapshots()?);
        Ok((repository, going.len(), left))
    });
    work.await.map_err(|error| lost(&error))?.map_err(|error: engine::Error| Failure::from(&error))
}

fn lost(error: &tokio::task::JoinError) -> Failure {
    Failure { reason: FailureReason::Internal, message: format!("the thread was lost: {error}") }
}

/// Says in the status how many snapshots there are.
async fn count(api: &Api<Repository>, name: &str, left: u64) -> Result<(), kube::Error> {
    loop {
        let object = api.get(name).await?;
        let before = object.status.clone().unwrap_or_default();
        let after = RepositoryStatus { snapshot_count: Some(left), ..before.clone() };
        match patch::status(api, &object, &before, &after).await {
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            done => return done,
        }
    }
}
