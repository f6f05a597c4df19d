//! The controller of Recoveries: waits until one may start, makes its Job, follows it to its end. A Recovery that has
//! ended is never started again.

mod job;

use std::sync::Arc;
use std::time::Duration;

use domain::decide::conditions::{JobState, RecoveryObservation, RecoveryReason, recovery as status_of};
use domain::decide::recovery_job::recovery_job;
use domain::decide::usage::may_restore;
use domain::objects::recovery::{Recovery, RecoveryPhase, RecoveryStatus};
use domain::objects::repository::Repository;
use domain::rules::status::COMPLETE;
use domain::rules::validate::{self, Mode};
use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Namespace;
use kube::runtime::controller::Action;
use kube::runtime::reflector::ObjectRef;
use kube::{Api, Resource as _};

use self::job::Found;
use crate::context::Context;
use crate::error::Error;
use crate::{secrets, status};

/// What a Recovery waits for may come without anybody telling us.
const AGAIN: Duration = Duration::from_secs(10);

/// Why a Recovery cannot start.
struct Waits {
    reason: RecoveryReason,
    message: String,
}

/// Brings a Recovery one step further.
pub(crate) async fn reconcile(recovery: Arc<Recovery>, context: Arc<Context>) -> Result<Action, Error> {
    let case = Case {
        namespace: recovery.metadata.namespace.clone().unwrap_or_default(),
        name: recovery.metadata.name.clone().unwrap_or_default(),
        recovery: &recovery,
        context: &context,
    };
    case.reconcile().await
}

/// One Recovery.
struct Case<'a> {
    recovery: &'a Recovery,
    context: &'a Context,
    namespace: String,
    name: String,
}

impl Case<'_> {
    async fn reconcile(&self) -> Result<Action, Error> {
        let phase = self.recovery.status.as_ref().and_then(|status| status.phase).unwrap_or_default();
        if self.recovery.metadata.deletion_timestamp.is_some() {
            return Ok(Action::await_change());
        }
        if phase.is_final() {
            return self.clean_up().await;
        }
        match self.find_job().await? {
            Found::Ours(job) => self.follow(&job).await,
            Found::OfAnother(job) => {
                let message = format!(
                    "Job {} exists and is not of this Recovery: it is of an earlier one, and goes, or delete it",
                    job.metadata.name.as_deref().unwrap_or_default()
                );
                self.wait(&Waits { reason: RecoveryReason::NameTaken, message }).await
            }
            Found::None if phase == RecoveryPhase::Running => {
                self.observe(RecoveryObservation::Job(JobState::Missing)).await?;
                Ok(Action::await_change())
            }
            Found::None => self.start().await,
        }
    }

    /// Makes the Job, when nothing stands against it.
    async fn start(&self) -> Result<Action, Error> {
        let refusals = validate::recovery(self.recovery, Mode::Cluster);
        if !refusals.is_empty() {
            self.observe(RecoveryObservation::Refused(&refusals)).await?;
            return Ok(Action::await_change());
        }
        let repository = match self.repository().await? {
            Ok(repository) => repository,
            Err(waits) => return self.wait(&waits).await,
        };
        let job = match recovery_job(self.recovery, &repository, &self.context.settings) {
            Ok(job) => job,
            Err(error) => {
                let message = format!("Repository {} cannot be used: {error}", repository_name(&repository));
                return self.wait(&Waits { reason: RecoveryReason::RepositoryInvalid, message }).await;
            }
        };
        let own = repository.metadata.namespace.as_deref().unwrap_or_default();
        let secret = repository.spec.backend.storage_secret_name.as_str();
        let Some(data) = secrets::data(&self.context.client, own, secret).await? else {
            let message = format!(
                "Secret {own}/{secret} of Repository {} does not exist: create it",
                repository_name(&repository)
            );
            return self.wait(&Waits { reason: RecoveryReason::SecretMissing, message }).await;
        };
        self.make(&job, &repository, &data).await
    }

    /// The Repository, when this Recovery may read it.
    async fn repository(&self) -> Result<Result<Arc<Repository>, Waits>, Error> {
        let wanted = &self.recovery.spec.repository;
        let (namespace, name) = (
            wanted.namespace.as_deref().unwrap_or(&self.namespace),
            wanted.name.as_deref().unwrap_or_default(),
        );
        let reference = ObjectRef::<Repository>::new(name).within(namespace);
        let Some(repository) = self.context.world.repositories.get(&reference) else {
            let message =
                format!("there is no Repository {namespace}/{name}: create it, or correct spec.repository");
            return Ok(Err(Waits { reason: RecoveryReason::RepositoryMissing, message }));
        };
        let labels =
            if namespace == self.namespace { Default::default() } else { self.namespace_labels().await? };
        Ok(match may_restore(&repository, &self.namespace, &labels) {
            Ok(()) => Ok(repository),
            Err(error) => Err(Waits { reason: RecoveryReason::NotAllowed, message: error.to_string() }),
        })
    }

    async fn namespace_labels(&self) -> Result<std::collections::BTreeMap<String, String>, Error> {
        let api: Api<Namespace> = Api::all(self.context.client.clone());
        let found = api.get_metadata(&self.namespace).await;
        let found = found.map_err(Error::of("read", format!("Namespace {}", self.namespace)))?;
        Ok(found.metadata.labels.unwrap_or_default())
    }

    async fn wait(&self, waits: &Waits) -> Result<Action, Error> {
        self.observe(RecoveryObservation::Waits { reason: waits.reason, message: &waits.message }).await?;
        Ok(Action::requeue(AGAIN))
    }

    /// Follows the Job to its end.
    async fn follow(&self, job: &Job) -> Result<Action, Error> {
        let failure = self.failure_of(job).await?;
        let state = match &failure {
            Some((reason, message)) => JobState::Failed { reason, message },
            None if job::has_succeeded(job) => JobState::Succeeded,
            None => JobState::Active,
        };
        self.observe(RecoveryObservation::Job(state)).await?;
        Ok(Action::requeue(self.context.resync))
    }

    /// Writes what was observed into the status, and tells it.
    async fn observe(&self, observed: RecoveryObservation<'_>) -> Result<(), Error> {
        let before = self.recovery.status.clone().unwrap_or_default();
        let generation = self.recovery.metadata.generation;
        let after = status_of(&before, generation, &self.recovery.spec.paths, observed, Timestamp::now());
        if after == before {
            return Ok(());
        }
        let told = after.clone();
        let object = Recovery { status: Some(after), ..self.recovery.clone() };
        status::write(&self.context.client, &object).await?;
        self.tell(&before, &told).await;
        Ok(())
    }

    async fn tell(&self, before: &RecoveryStatus, after: &RecoveryStatus) {
        let reason = |status: &RecoveryStatus| {
            let complete = status.conditions.iter().find(|condition| condition.type_ == COMPLETE);
            complete.map(|condition| (condition.reason.clone(), condition.message.clone()))
        };
        let Some((reason_now, message)) = reason(after) else { return };
        if reason(before).is_some_and(|(known, _)| known == reason_now) {
            return;
        }
        let reference = self.recovery.object_ref(&());
        let events = &self.context.events;
        tracing::info!(recovery = self.name, namespace = self.namespace, reason = reason_now, "{message}");
        match after.phase {
            // The Job tells its own success and failure; this is for one that could not.
            Some(RecoveryPhase::Failed) => {
                events.warning(&reference, "FailedRecovery", "Recover", &message).await
            }
            Some(RecoveryPhase::Succeeded) => {
                events.normal(&reference, "SuccessfulRecovery", "Recover", &message).await;
            }
            Some(RecoveryPhase::Running) => {
                let note = format!("Job {} restores", domain::rules::names::recovery_job(&self.name));
                events.normal(&reference, "RecoveryJobCreated", "Recover", &note).await;
            }
            _ if reason_now == RecoveryReason::Invalid.as_str() => {
                events.warning(&reference, "InvalidRecovery", "Recover", &message).await;
            }
            _ => events.warning(&reference, &reason_now, "Recover", &message).await,
        }
    }
}

fn repository_name(repository: &Repository) -> String {
    let metadata = &repository.metadata;
    format!(
        "{}/{}",
        metadata.namespace.as_deref().unwrap_or_default(),
        metadata.name.as_deref().unwrap_or_default()
    )
}
