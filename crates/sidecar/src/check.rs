//! The Job that checks one Repository and writes what it found into its status.

use cluster::events::{Events, Notice};
use domain::objects::repository::Repository;
use domain::rules::status;
use jiff::Timestamp;
use kube::Api;

use crate::pod::{Pod, PodError};
use crate::{catalogue, event, patch, plan, secrets, session};

/// Checks the Repository `name` of the pod's namespace, with `read_data` every byte of it. Whether it is sound.
///
/// # Errors
/// When the Repository cannot be read, or not be looked at.
pub async fn run(pod: Pod, name: &str, read_data: bool) -> Result<bool, PodError> {
    let events = Events::new(pod.client.clone(), "stash-check", Some(pod.name.clone()));
    let api: Api<Repository> = Api::namespaced(pod.client.clone(), &pod.namespace);
    let read = |error| PodError::api(format!("read Repository {}/{name}", pod.namespace), error);
    let object = api.get(name).await.map_err(read)?;
    let unusable = |failure: domain::report::Failure| PodError::Unusable(failure.message);
    let (_, location) = plan::located(&object).map_err(unusable)?;
    let secret = &object.spec.backend.storage_secret_name;
    let about = event::about("Repository", &pod.namespace, name, object.metadata.uid.as_deref());
    let looked = match secrets::credentials(&pod, &pod.namespace, secret).await {
        Ok(credentials) => session::checked(&pod, location, credentials, read_data, &pod.cancel()).await,
        Err(failure) => Err(failure),
    };
    let (found, listed) = match looked {
        Ok(looked) => looked,
        Err(failure) => {
            events.record(&about, &Notice::warning("FailedCheck", "Check", failure.message.clone())).await;
            return Err(PodError::Unusable(failure.message));
        }
    };
    loop {
        let object = api.get(name).await.map_err(read)?;
        let before = object.status.clone().unwrap_or_default();
        let after = status::repository_after_check(&before, found.is_ok(), Timestamp::now());
        match patch::status(&api, &object, &before, &after).await {
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            Err(error) => {
                return Err(PodError::api(
                    format!("write the status of Repository {}/{name}", pod.namespace),
                    error,
                ));
            }
            Ok(()) => break,
        }
    }
    if let Some(listed) = listed
        && let Err(error) = catalogue::write(&pod.client, &object, &listed).await
    {
        tracing::warn!(repository = name, "{error}");
    }
    for error in &found.errors {
        tracing::error!(repository = name, "{error}");
    }
    let notice = match found.errors.first() {
        None => Notice::normal("SuccessfulCheck", "Check", "the repository is whole"),
        Some(first) => Notice::warning("FailedCheck", "Check", format!("the repository is damaged: {first}")),
    };
    events.record(&about, &notice).await;
    Ok(found.is_ok())
}
