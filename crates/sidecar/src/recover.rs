//! The Job of a Recovery: every path is restored, once, and the status says how that went.
//!
//! The Job looks at the phase first: a Recovery that has ended is never restored again, whatever starts its pod anew.
//! A failure that another pod may not have (the storage or the API server is away, the pod is stopped) leaves the phase
//! as it is and asks for one by the exit code.

mod progress;

use std::sync::Arc;
use std::time::Duration;

use agent::measure::Standing;
use cluster::events::{Events, Notice};
use domain::objects::recovery::{Recovery, RecoveryPhase, RecoveryStatus};
use domain::objects::repository::Repository;
use domain::report::{Failure, FailureReason, Outcome, SessionIdentity, SessionKind, SessionReport};
use domain::rules::status;
use domain::rules::validate;
use jiff::Timestamp;
use kube::{Api, Resource as _};

use self::progress::Told;
use crate::once::until_answered;
use crate::outlet::Outlet;
use crate::pod::{Pod, PodError};
use crate::{event, patch, plan, secrets};

/// How long an API server that is away is waited for.
const API_AWAY: Duration = Duration::from_secs(120);
/// How long the metrics may take.
const PUSH: Duration = Duration::from_secs(30);
/// Progress is written so often.
const BETWEEN_WRITES: Duration = Duration::from_secs(3);

/// How it ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum End {
    /// Every path is restored, or was before.
    Done,
    /// It failed, and would again.
    Failed,
    /// Another pod may do better.
    TryAgain,
}

/// Serves the Recovery `name`. `repository` is what the operator handed over as JSON; without it the Repository is
/// read from the API.
///
/// # Errors
/// When the API refuses, or does not answer in time.
pub async fn run(pod: Pod, name: &str, repository: Option<&str>) -> Result<End, PodError> {
    let events = Events::new(pod.client.clone(), "stash-recovery", Some(pod.name.clone()));
    let outlet = Outlet::new(&pod.pushgateway_url, &events)?;
    let api: Api<Recovery> = Api::namespaced(pod.client.clone(), &pod.namespace);
    let what = format!("read Recovery {}/{name}", pod.namespace);
    let recovery = bounded(&what, || api.get(name)).await?;
    match recovery.status.as_ref().and_then(|status| status.phase) {
        Some(RecoveryPhase::Succeeded) => {
            tracing::info!(recovery = name, "has succeeded before; nothing is restored again");
            return Ok(End::Done);
        }
        Some(RecoveryPhase::Failed) => {
            tracing::error!(recovery = name, "has failed before; to restore again, make a new Recovery");
            return Ok(End::Failed);
        }
        _ => {}
    }
    let work = Work { pod, outlet, events, api, recovery };
    work.serve(name, repository).await
}

struct Work {
    pod: Pod,
    outlet: Outlet,
    events: Events,
    api: Api<Recovery>,
    recovery: Recovery,
}

impl Work {
    async fn serve(&self, name: &str, handed: Option<&str>) -> Result<End, PodError> {
        let start = Timestamp::now();
        let spec = &self.recovery.spec;
        let mut identity = SessionIdentity {
            session: SessionKind::Recovery,
            namespace: self.pod.namespace.clone(),
            config: name.to_owned(),
            kind: String::new(),
            app: String::new(),
            repository: spec.repository.name.clone().unwrap_or_default(),
        };
        let refusals = validate::recovery(&self.recovery, validate::Mode::Cluster);
        let prepared = if refusals.is_empty() {
            self.repository(handed).await?
        } else {
            let list: Vec<String> = refusals.iter().map(ToString::to_string).collect();
            Err(invalid(format!("Recovery {name} is invalid: {}", list.join("; "))))
        };
        let running = status::recovery_running(&spec.paths, start);
        self.write(|_| running.clone()).await?;
        let report = match prepared {
            Ok(repository) => {
                if let Ok((workload, _)) = plan::located(&repository) {
                    workload.kind().as_str().clone_into(&mut identity.kind);
                    workload.name().clone_into(&mut identity.app);
                }
                self.restore(identity, start, &repository, &running).await
            }
            Err(failure) => SessionReport::failed(identity, start, failure),
        };
        self.close(&running, &report).await
    }

    /// The Repository, or why there is none; an API that does not answer is another matter.
    async fn repository(&self, handed: Option<&str>) -> Result<Result<Repository, Failure>, PodError> {
        if let Some(text) = handed.filter(|text| !text.is_empty()) {
            return Ok(handed_over(text));
        }
        let reference = &self.recovery.spec.repository;
        let namespace = reference.namespace.as_deref().unwrap_or(&self.pod.namespace);
        let name = reference.name.as_deref().unwrap_or_default();
        let api: Api<Repository> = Api::namespaced(self.pod.client.clone(), namespace);
        let found = bounded(&format!("read Repository {namespace}/{name}"), || api.get_opt(name)).await?;
        Ok(found.ok_or_else(|| Failure {
            reason: FailureReason::RepositoryMissing,
            message: format!(
                "there is no Repository {namespace}/{name}; correct spec.repository of the Recovery"
            ),
        }))
    }

    async fn restore(
        &self,
        identity: SessionIdentity,
        start: Timestamp,
        repository: &Repository,
        running: &RecoveryStatus,
    ) -> SessionReport {
        let secret = &repository.spec.backend.storage_secret_name;
        let namespace = repository.metadata.namespace.as_deref().unwrap_or(&self.pod.namespace);
        let credentials = secrets::credentials(&self.pod, namespace, secret).await;
        let prepared = credentials
            .and_then(|credentials| plan::recovery(&self.pod, &self.recovery.spec, repository, credentials));
        let cancel = self.pod.cancel();
        let told = Arc::new(Told::new(self.recovery.spec.paths.len()));
        let thread = tokio::task::spawn_blocking({
            let (identity, told) = (identity.clone(), Arc::clone(&told));
            move || agent::recover::recover(&identity, start, || prepared, &*told, &cancel)
        });
        let ended = tokio::select! {
            ended = thread => ended,
            never = self.keep_telling(running, &told) => match never {},
        };
        ended.unwrap_or_else(|error| {
            let message = format!("the session's thread was lost: {error}");
            SessionReport::failed(identity, start, Failure { reason: FailureReason::Internal, message })
        })
    }

    /// Writes how far it is, now and again. A write that fails is made good by the next.
    async fn keep_telling(&self, running: &RecoveryStatus, told: &Told) -> std::convert::Infallible {
        let mut last = running.clone();
        loop {
            tokio::time::sleep(BETWEEN_WRITES).await;
            let now = told.status(running);
            if last != now && self.write(|_| now.clone()).await.is_ok() {
                last = now;
            }
        }
    }

    async fn close(&self, running: &RecoveryStatus, report: &SessionReport) -> Result<End, PodError> {
        let again = report.failure.as_ref().is_some_and(|failure| is_worth_a_retry(failure.reason));
        let uid = self.recovery.metadata.uid.as_deref();
        let about = event::about("Recovery", &self.pod.namespace, &report.identity.config, uid);
        let standing = Standing {
            last_success: (report.outcome == Outcome::Succeeded).then_some(report.start),
            ..Standing::default()
        };
        let publish = self.outlet.publish(&report.identity, Some(report), standing);
        let _ = tokio::time::timeout(PUSH, publish).await;
        if report.outcome == Outcome::Succeeded {
            tracing::info!(recovery = report.identity.config, duration = ?report.duration, "every path is restored");
            self.write(|_| status::recovery_after(running, report)).await?;
            self.events
                .record(&about, &Notice::normal("SuccessfulRecovery", "Restore", "every path is restored"))
                .await;
            return Ok(End::Done);
        }
        for notice in failures(report) {
            tracing::error!(recovery = report.identity.config, "{}", notice.note);
            self.events.record(&about, &notice).await;
        }
        if again {
            return Ok(End::TryAgain);
        }
        self.write(|_| status::recovery_after(running, report)).await?;
        Ok(End::Failed)
    }

    /// Writes the status, on the newest version of the object.
    async fn write(&self, change: impl Fn(&RecoveryStatus) -> RecoveryStatus) -> Result<(), PodError> {
        let name = self.recovery.metadata.name.clone().unwrap_or_default();
        let write = async || -> Result<(), kube::Error> {
            loop {
                let object = self.api.get(&name).await?;
                let before = object.status.clone().unwrap_or_default();
                let mut after = change(&before);
                after.observed_generation = object.metadata.generation;
                match patch::status(&self.api, &object, &before, &after).await {
                    // Somebody else wrote meanwhile.
                    Err(kube::Error::Api(status)) if status.code == 409 => {}
                    result => return result,
                }
            }
        };
        bounded(&format!("write the status of Recovery {}/{name}", self.pod.namespace), write).await
    }
}

/// The notices of a recovery that failed: one for each path, or one for all.
fn failures(report: &SessionReport) -> Vec<Notice> {
    let paths = report.groups.iter().filter_map(|group| {
        let failure = group.restore.as_ref()?.failure.as_ref()?;
        Some(Notice::warning("FailedRecovery", "Restore", format!("{}: {}", group.path, failure.message)))
    });
    let mut notices: Vec<Notice> = paths.collect();
    if let Some(failure) = report.failure.as_ref().filter(|_| notices.is_empty()) {
        notices.push(Notice::warning("FailedRecovery", "Restore", failure.message.clone()));
    }
    notices
}

/// Whether another pod may do better. A Secret may only be on its way; what is said of the objects, the
/// repository or the target stays as it is.
fn is_worth_a_retry(reason: FailureReason) -> bool {
    matches!(
        reason,
        FailureReason::StorageUnreachable
            | FailureReason::RepositoryLocked
            | FailureReason::SecretMissing
            | FailureReason::Cancelled
    )
}

/// Asks the API server until it gives a definite answer, for as long as [`API_AWAY`].
async fn bounded<T, F>(what: &str, ask: impl Fn() -> F) -> Result<T, PodError>
where
    F: Future<Output = Result<T, kube::Error>>,
{
    match tokio::time::timeout(API_AWAY, until_answered(what, ask)).await {
        Ok(answer) => answer.map_err(|error| PodError::api(what, error)),
        Err(_) => {
            let error = std::io::Error::new(std::io::ErrorKind::TimedOut, "the API server does not answer");
            Err(PodError::api(what, kube::Error::Service(Box::new(error))))
        }
    }
}

/// The Repository from the environment: only who it is and its spec, see `domain::decide::recovery_job`.
fn handed_over(text: &str) -> Result<Repository, Failure> {
    let read = || {
        let mut json: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text)?;
        json.insert("apiVersion".to_owned(), Repository::api_version(&()).into());
        json.insert("kind".to_owned(), Repository::kind(&()).into());
        serde_json::from_value(json.into())
    };
    read().map_err(|error: serde_json::Error| {
        invalid(format!("the Repository in {} cannot be read: {error}", domain::handoff::env::REPOSITORY))
    })
}

fn invalid(message: String) -> Failure {
    Failure { reason: FailureReason::InvalidSpec, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_operator_hands_over_is_read() {
        let text =
            r#"{"metadata": {"name": "deployment.web", "namespace": "shop"}, "spec": {"backend": {}}}"#;
        assert_eq!(handed_over(text).unwrap().metadata.name.as_deref(), Some("deployment.web"));
        assert!(handed_over("[]").unwrap_err().message.contains("STASH_REPOSITORY"));
    }

    #[test]
    fn what_another_pod_would_meet_again_is_definite() {
        let again: Vec<_> =
            FailureReason::ALL.into_iter().filter(|reason| is_worth_a_retry(*reason)).collect();
        assert_eq!(again.len(), 4);
        assert!(!is_worth_a_retry(FailureReason::WrongPassword));
        assert!(!is_worth_a_retry(FailureReason::SnapshotMissing));
    }
}
