//! An init container: one session before the application starts, when it is this pod's turn.
//!
//! The application must start. So a backup that fails is tried a few times, by ending with a failure after which
//! Kubernetes starts the container again, and then given up with its failure reported. The count is a file in the
//! scratch volume, which outlives containers and needs no API.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use agent::measure::Standing;
use cluster::events::Events;
use domain::decide::rbac::{self, Owner};
use domain::decide::scaledown::cycle::{self, Limits};
use domain::decide::target::Target;
use domain::handoff;
use domain::objects::restic::Restic;
use domain::objects::workload::Workload;
use domain::report::{Failure, FailureReason, Outcome, SessionReport};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Api;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind};
use serde_json::Value;

use crate::chronicle::{Chronicle, Entry};
use crate::outlet::Outlet;
use crate::pod::{PATIENCE, Pod, PodError};
use crate::{event, plan, session, watched};

/// How long the application waits for an API server that is away.
const API_AWAY: Duration = Duration::from_secs(60);
/// How long it waits for what a session did to be written.
const LAST_WORDS: Duration = Duration::from_secs(20);
/// The file that counts failed attempts.
const COUNTER: &str = "stash-attempts";

/// How it ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum End {
    /// It is not the turn of this pod, or the Restic is paused.
    NothingToDo,
    /// The backup was made.
    Done,
    /// It failed, and is worth another attempt: the container must end with a failure.
    TryAgain,
    /// It failed too often, or cannot be made at all: the application starts without it.
    GivenUp,
}

/// Backs up once, or finds that there is nothing to do.
///
/// # Errors
/// When the gateway's address cannot be used.
pub async fn run(pod: Pod, restic: &str, workload: &Workload) -> Result<End, PodError> {
    let events = Events::new(pod.client.clone(), "stash-backup", Some(pod.name.clone()));
    let outlet = Outlet::new(&pod.pushgateway_url, &events)?;
    let identity = plan::backup_identity(&pod, restic, workload);
    let object = match tokio::time::timeout(API_AWAY, gathered(&pod, restic, workload)).await {
        Ok(Ok(Some(object))) => object,
        Ok(Ok(None)) => return Ok(End::NothingToDo),
        Ok(Err(failure)) => {
            let report = SessionReport::failed(identity, Timestamp::now(), failure);
            return Ok(give_up(&pod, &outlet, &events, &report).await);
        }
        Err(_) => {
            let message = format!(
                "the API server did not tell within {} s what to back up; the application starts without a backup",
                API_AWAY.as_secs()
            );
            let failure = Failure { reason: FailureReason::Internal, message };
            let report = SessionReport::failed(identity, Timestamp::now(), failure);
            return Ok(give_up(&pod, &outlet, &events, &report).await);
        }
    };
    let chronicle = Chronicle::start(&pod, &events, restic, workload);
    let (report, listed) = session::backup(&pod, restic, &object.spec, workload, &pod.cancel()).await;
    let spec = Arc::new(object.spec.clone());
    chronicle.add(&spec, Entry::Session(Box::new(report.clone()), None), event::of_backup(&report));
    chronicle.list(listed);
    chronicle.finish(LAST_WORDS).await;
    let last_success = chronicle.status().last_successful_backup_time.map(|time| time.0);
    let standing = Standing { last_success, paused: Some(false), ..Standing::default() };
    let _ = tokio::time::timeout(LAST_WORDS, outlet.publish(&report.identity, Some(&report), standing)).await;
    if matches!(report.outcome, Outcome::Succeeded | Outcome::Incomplete) {
        return Ok(End::Done);
    }
    let attempts = count(&pod.scratch_dir);
    if attempts < Limits::DEFAULT.attempts.unsigned_abs() {
        tracing::warn!(attempts, "the backup failed and is tried again");
        return Ok(End::TryAgain);
    }
    tracing::error!(attempts, "the backup failed too often; the application starts without it");
    let message = report.failure.as_ref().map_or("the backup failed too often", |failure| &failure.message);
    say_given_up(message);
    Ok(End::GivenUp)
}

async fn give_up(pod: &Pod, outlet: &Outlet, events: &Events, report: &SessionReport) -> End {
    let message = report.failure.as_ref().map_or("", |failure| failure.message.as_str());
    tracing::error!("{message}");
    say_given_up(message);
    let about = event::about("Restic", &pod.namespace, &report.identity.config, None);
    events.record(&about, &cluster::events::Notice::warning("SetupFailed", "Backup", message)).await;
    let publish = outlet.publish(&report.identity, Some(report), Standing::default());
    let _ = tokio::time::timeout(LAST_WORDS, publish).await;
    End::GivenUp
}

/// Tells whoever looks after the offline cycle, for whom a container that ends with 0 has backed up.
fn say_given_up(message: &str) {
    let words = format!("{}{message}", handoff::GIVEN_UP);
    if let Err(error) = std::fs::write(handoff::TERMINATION_LOG, words) {
        tracing::warn!(%error, "cannot write {}", handoff::TERMINATION_LOG);
    }
}

/// The Restic to run, none when there is nothing to do; asks until the API answers.
async fn gathered(pod: &Pod, restic: &str, workload: &Workload) -> Result<Option<Restic>, Failure> {
    let failed = |message: String| Failure { reason: FailureReason::InvalidSpec, message };
    let object = until_answered("read the workload", || workload_object(pod, workload))
        .await
        .map_err(|error| failed(error.to_string()))?;
    let target = Target { kind: workload.kind(), namespace: &pod.namespace, object: &object };
    if !cycle::backs_up(target) {
        tracing::info!(%workload, "not the turn of this pod to back up");
        return Ok(None);
    }
    let api: Api<DynamicObject> =
        Api::namespaced_with(pod.client.clone(), &pod.namespace, &ApiResource::erase::<Restic>(&()));
    let found = until_answered("read the Restic", || api.get(restic))
        .await
        .map_err(|error| failed(format!("cannot read Restic {restic}: {error}")))?;
    let found =
        watched::valid(found).map_err(|problem| failed(format!("Restic {restic} is invalid: {problem}")))?;
    if found.spec.paused {
        tracing::info!(restic, "paused");
        return Ok(None);
    }
    Ok(Some(found))
}

/// Asks until the API server gives a definite answer.
pub(crate) async fn until_answered<T, F>(what: &str, ask: impl Fn() -> F) -> Result<T, kube::Error>
where
    F: Future<Output = Result<T, kube::Error>>,
{
    loop {
        match tokio::time::timeout(PATIENCE, ask()).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) if cluster::connect::is_definite(&error) => return Err(error),
            Ok(Err(error)) => tracing::warn!(%error, "cannot {what}; asking again"),
            Err(_) => tracing::warn!("cannot {what}: the API server does not answer; asking again"),
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// The workload as the API has it.
pub(crate) async fn workload_object(pod: &Pod, workload: &Workload) -> Result<Value, kube::Error> {
    let resource = resource(workload.kind());
    let api: Api<DynamicObject> = Api::namespaced_with(pod.client.clone(), &pod.namespace, &resource);
    let object = match tokio::time::timeout(PATIENCE, api.get(workload.name())).await {
        Ok(answer) => answer?,
        Err(_) => {
            let error = std::io::Error::new(std::io::ErrorKind::TimedOut, "the API server does not answer");
            return Err(kube::Error::Service(Box::new(error)));
        }
    };
    serde_json::to_value(object).map_err(kube::Error::SerdeError)
}

/// The resource of a kind of workload.
pub(crate) fn resource(kind: domain::objects::workload::WorkloadKind) -> ApiResource {
    let (api_version, plural) = rbac::api_of(kind).unwrap_or(("v1", "pods"));
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind.as_str()), plural)
}

/// A reference to the workload, for what is to go with it.
pub(crate) fn owner(workload: &Workload, object: &Value) -> Option<OwnerReference> {
    let (api_version, _) = rbac::api_of(workload.kind())?;
    let uid = object.pointer("/metadata/uid")?.as_str()?;
    Some(Owner { api_version, kind: workload.kind().as_str(), name: workload.name(), uid }.reference())
}

/// Counts one more failed attempt. A count that cannot be kept is one too many: the application must start.
fn count(scratch: &Path) -> u32 {
    let file = scratch.join(COUNTER);
    let before = match std::fs::read_to_string(&file) {
        Ok(text) => text.trim().parse().unwrap_or(u32::MAX - 1),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => 0,
        Err(_) => u32::MAX - 1,
    };
    let now = before.saturating_add(1);
    match std::fs::write(&file, now.to_string()) {
        Ok(()) => now,
        Err(error) => {
            tracing::error!(file = %file.display(), %error, "cannot count attempts, so there is no other");
            u32::MAX
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_counted_over_restarts_and_a_lost_count_ends_them() {
        let folder = std::env::temp_dir().join(format!("stash-attempts-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        assert_eq!((count(&folder), count(&folder), count(&folder)), (1, 2, 3));
        std::fs::write(folder.join(COUNTER), "no number").unwrap();
        assert!(count(&folder) > 1_000);
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(count(&folder), u32::MAX);
    }
}
