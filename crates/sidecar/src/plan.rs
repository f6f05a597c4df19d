//! Objects of a cluster as plans of the agent: inside a pod every path is where the user said it is.

use std::path::PathBuf;

use agent::recover::{PathPlan, RecoveryPlan};
use agent::session::{BackupPlan, GroupPlan, Listing};
use domain::location::Location;
use domain::objects::recovery::RecoverySpec;
use domain::objects::repository::{Repository, RepositorySpec};
use domain::objects::restic::ResticSpec;
use domain::objects::workload::Workload;
use domain::report::{Failure, FailureReason, SessionIdentity, SessionKind};
use domain::rules::{names, prefix};
use engine::{Credentials, Which};

use crate::pod::Pod;

/// Whose sessions the backups of a workload are.
pub(crate) fn backup_identity(pod: &Pod, restic: &str, workload: &Workload) -> SessionIdentity {
    SessionIdentity {
        session: SessionKind::Backup,
        namespace: pod.namespace.clone(),
        config: restic.to_owned(),
        kind: workload.kind().as_str().to_owned(),
        app: workload.name().to_owned(),
        repository: names::repository(workload),
    }
}

pub(crate) fn backup(
    pod: &Pod,
    spec: &ResticSpec,
    workload: &Workload,
    credentials: Credentials,
) -> Result<BackupPlan, Failure> {
    let location =
        prefix::location(&spec.backend, workload, None).map_err(|error| invalid("spec.backend", &error))?;
    let groups = spec.file_groups.iter().map(|group| GroupPlan {
        path: PathBuf::from(&group.path),
        tags: group.tags.clone(),
        retention: spec
            .retention_policies
            .iter()
            .find(|policy| policy.name == group.retention_policy_name && !policy.name.is_empty())
            .cloned(),
    });
    Ok(BackupPlan {
        location,
        credentials,
        environment: pod.environment(),
        host: names::snapshot_hostname(workload).to_owned(),
        groups: groups.collect(),
        listing: Listing::default(),
    })
}

/// The Repository of a workload, as it is created.
pub(crate) fn repository(
    namespace: &str,
    restic: &str,
    spec: &ResticSpec,
    workload: &Workload,
) -> Repository {
    let backend = prefix::resolved(&spec.backend, workload);
    let mut object = Repository::new(
        &names::repository(workload),
        RepositorySpec { backend, ..RepositorySpec::default() },
    );
    object.metadata.namespace = Some(namespace.to_owned());
    object.metadata.labels = Some(names::repository_labels(workload, restic));
    let annotations = names::repository_annotations(workload, restic);
    object.metadata.annotations = (!annotations.is_empty()).then_some(annotations);
    object
}

/// What a Repository holds, and where it is.
pub(crate) fn located(repository: &Repository) -> Result<(Workload, Location), Failure> {
    let name = repository.metadata.name.as_deref().unwrap_or_default();
    let what = format!("Repository {name}");
    let labels = repository.metadata.labels.clone().unwrap_or_default();
    let annotations = repository.metadata.annotations.clone().unwrap_or_default();
    let workload = Workload::of_repository(&labels, &annotations).map_err(|error| invalid(&what, &error))?;
    let location = prefix::repository_location(&repository.spec.backend, &workload, None)
        .map_err(|error| invalid(&what, &error))?;
    Ok((workload, location))
}

pub(crate) fn recovery(
    pod: &Pod,
    spec: &RecoverySpec,
    repository: &Repository,
    credentials: Credentials,
) -> Result<RecoveryPlan, Failure> {
    let (workload, location) = located(repository)?;
    let which = if spec.snapshot.is_empty() {
        Which::Latest
    } else {
        let (_, id) =
            names::parse_snapshot(&spec.snapshot).map_err(|error| invalid("spec.snapshot", &error))?;
        Which::Id(id.to_owned())
    };
    // Volumes are mounted at the path the data came from, or above it.
    let paths = spec.paths.iter().map(|path| PathPlan { path: path.clone(), target: PathBuf::from(path) });
    Ok(RecoveryPlan {
        location,
        credentials,
        environment: pod.environment(),
        host: names::snapshot_hostname(&workload).to_owned(),
        which,
        paths: paths.collect(),
    })
}

fn invalid(what: &str, error: &dyn std::fmt::Display) -> Failure {
    Failure { reason: FailureReason::InvalidSpec, message: format!("{what} cannot be used: {error}") }
}
