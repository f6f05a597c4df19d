//! One backup session, and the check after it, on threads that may block.

use agent::session;
use domain::catalogue::Catalogue;
use domain::objects::restic::ResticSpec;
use domain::objects::workload::Workload;
use domain::report::{Failure, FailureReason, SessionReport};
use domain::rules::prefix;
use engine::{Cancel, CheckOutcome, CheckRequest, Quiet};
use jiff::Timestamp;

use crate::pod::Pod;
use crate::{catalogue, plan, secrets};

/// Runs a session to its report, whatever happens, and the catalogue when it got so far as to list the snapshots.
pub(crate) async fn backup(
    pod: &Pod,
    restic: &str,
    spec: &ResticSpec,
    workload: &Workload,
    cancel: &Cancel,
) -> (SessionReport, Option<Catalogue>) {
    let start = Timestamp::now();
    let identity = plan::backup_identity(pod, restic, workload);
    let credentials = secrets::credentials(pod, &pod.namespace, &spec.backend.storage_secret_name).await;
    let prepared = credentials.and_then(|credentials| plan::backup(pod, spec, workload, credentials));
    let listing = prepared.as_ref().map(|plan| plan.listing.clone()).unwrap_or_default();
    let thread = tokio::task::spawn_blocking({
        let (identity, cancel) = (identity.clone(), cancel.clone());
        move || session::backup(&identity, start, || prepared, &Quiet, &cancel)
    });
    let report = match thread.await {
        Ok(report) => report,
        Err(error) => {
            let message = format!("the session's thread was lost: {error}");
            SessionReport::failed(identity, start, Failure { reason: FailureReason::Internal, message })
        }
    };
    let (name, outcome) = (&report.identity.config, report.outcome.as_str());
    let repository = &report.identity.repository;
    match &report.failure {
        None => {
            tracing::info!(restic = name, repository, outcome, duration = ?report.duration, "a backup session has ended")
        }
        Some(failure) => tracing::error!(
            restic = name,
            repository,
            outcome,
            reason = failure.reason.as_str(),
            duration = ?report.duration,
            "a backup session has ended: {}",
            failure.message
        ),
    }
    (report, listing.take().map(catalogue::of))
}

/// Looks for damage in the repository of a workload.
pub(crate) async fn check(
    pod: &Pod,
    spec: &ResticSpec,
    workload: &Workload,
    cancel: &Cancel,
) -> Result<CheckOutcome, Failure> {
    let credentials = secrets::credentials(pod, &pod.namespace, &spec.backend.storage_secret_name).await?;
    let location = prefix::location(&spec.backend, workload, None).map_err(|error| Failure {
        reason: FailureReason::InvalidSpec,
        message: format!("spec.backend cannot be used: {error}"),
    })?;
    checked(pod, location, credentials, false, cancel).await.map(|(found, _)| found)
}

/// Looks for damage in the repository at `location`; and what snapshots it holds, if they can be read.
pub(crate) async fn checked(
    pod: &Pod,
    location: engine::Location,
    credentials: engine::Credentials,
    read_data: bool,
    cancel: &Cancel,
) -> Result<(CheckOutcome, Option<Catalogue>), Failure> {
    let (environment, cancel) = (pod.environment(), cancel.clone());
    let thread = tokio::task::spawn_blocking(move || {
        let repository = engine::open(&location, &credentials, &environment, &cancel)?;
        let found = repository.check(CheckRequest { read_data }, &Quiet)?;
        Ok((found, repository.snapshots().ok().map(catalogue::of)))
    });
    match thread.await {
        Ok(result) => result.map_err(|error: engine::Error| Failure::from(&error)),
        Err(error) => Err(Failure {
            reason: FailureReason::Internal,
            message: format!("the thread of the check was lost: {error}"),
        }),
    }
}
