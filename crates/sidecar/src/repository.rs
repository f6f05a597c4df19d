//! A Repository object as a container of ours uses it: whose backups it holds, and where they are.

use std::collections::BTreeMap;

use domain::objects::repository::Repository;
use domain::objects::workload::Workload;
use domain::report::{Failure, FailureReason};
use domain::rules::prefix;
use engine::Location;

/// What the object says.
#[derive(Clone, Debug)]
pub struct Known {
    /// Whose backups it holds.
    pub workload: Workload,
    /// Where they are, seen from inside the pod.
    pub location: Location,
    /// Name of the storage Secret.
    pub secret: String,
}

/// Reads the object.
///
/// # Errors
/// Its labels name no workload, or its backend no place.
pub fn known(repository: &Repository) -> Result<Known, Failure> {
    let name = repository.metadata.name.as_deref().unwrap_or_default();
    let refuse = |why: String| Failure {
        reason: FailureReason::InvalidSpec,
        message: format!("Repository {name} cannot be used: {why}"),
    };
    let none = BTreeMap::new();
    let workload = Workload::of_repository(
        repository.metadata.labels.as_ref().unwrap_or(&none),
        repository.metadata.annotations.as_ref().unwrap_or(&none),
    )
    .map_err(|error| refuse(error.to_string()))?;
    let location = prefix::repository_location(&repository.spec.backend, &workload, None)
        .map_err(|error| refuse(error.to_string()))?;
    Ok(Known { workload, location, secret: repository.spec.backend.storage_secret_name.clone() })
}
