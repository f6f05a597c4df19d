//! The Job of a Recovery: found, made once, read when it has failed, cleaned up behind.

use std::collections::BTreeMap;

use domain::decide::rbac;
use domain::decide::recovery_job::secret_copy;
use domain::objects::repository::Repository;
use domain::rules::names;
use k8s_openapi::ByteString;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::Api;
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::runtime::controller::Action;
use kube::runtime::reflector::ObjectRef;

use super::Case;
use crate::error::{Error, exists_already, is_missing};

/// Whose Job has the name that ours would have.
pub(super) enum Found {
    /// It is of this Recovery.
    Ours(Job),
    /// It is of another object, mostly of an earlier Recovery of this name.
    OfAnother(Job),
    None,
}

impl Case<'_> {
    fn job_name(&self) -> String {
        names::recovery_job(&self.name)
    }

    fn jobs(&self) -> Api<Job> {
        Api::namespaced(self.context.client.clone(), &self.namespace)
    }

    /// Looks for the Job. The watch may be late, so its "no" is asked again: upon it a Job is made, or a Recovery
    /// fails for good.
    pub(super) async fn find_job(&self) -> Result<Found, Error> {
        let name = self.job_name();
        let known = self.context.world.jobs.get(&ObjectRef::new(&name).within(&self.namespace));
        let job = match known {
            Some(job) if self.owns(&job) => Some((*job).clone()),
            _ => self.jobs().get_opt(&name).await.map_err(Error::of("read", self.job_title()))?,
        };
        Ok(match job {
            Some(job) if self.owns(&job) => Found::Ours(job),
            Some(job) => Found::OfAnother(job),
            None => Found::None,
        })
    }

    fn owns(&self, job: &Job) -> bool {
        let owners = job.metadata.owner_references.iter().flatten();
        let uid = self.recovery.metadata.uid.as_deref().unwrap_or_default();
        owners.into_iter().any(|owner| owner.uid == uid)
    }

    fn job_title(&self) -> String {
        format!("Job {}/{}", self.namespace, self.job_name())
    }

    /// Makes the rights, the copy of the Secret, and then the Job; the status follows when the Job is seen. Whoever
    /// dies in between leaves something that is found or made again.
    pub(super) async fn make(
        &self,
        job: &Job,
        repository: &Repository,
        data: &BTreeMap<String, ByteString>,
    ) -> Result<Action, Error> {
        let client = &self.context.client;
        let uid = self.recovery.metadata.uid.as_deref().unwrap_or_default();
        if self.context.rbac {
            let access = rbac::recovery(&self.namespace, &self.name, uid);
            self.context.world.owned.apply_access(client, &access).await?;
        }
        if let Some(copy) = secret_copy(self.recovery, repository, data) {
            self.copy(&copy).await?;
        }
        match self.jobs().create(&PostParams::default(), job).await {
            Ok(job) => self.follow(&job).await,
            // The next look tells whose it is.
            Err(error) if exists_already(&error) => Err(Error::Conflict(self.job_title())),
            Err(error) => {
                let error = Error::of("create", self.job_title())(error);
                let reference = kube::Resource::object_ref(self.recovery, &());
                let events = &self.context.events;
                events.warning(&reference, "RecoveryJobFailedToCreate", "Recover", &error.to_string()).await;
                Err(error)
            }
        }
    }

    /// An immutable Secret cannot be brought up to date, only made anew: the owner's may have changed since.
    async fn copy(&self, copy: &Secret) -> Result<(), Error> {
        let api: Api<Secret> = Api::namespaced(self.context.client.clone(), &self.namespace);
        let title = format!("Secret {}/{}", self.namespace, self.job_name());
        match api.create(&PostParams::default(), copy).await {
            Ok(_) => Ok(()),
            Err(error) if exists_already(&error) => {
                self.delete_copy().await?;
                api.create(&PostParams::default(), copy).await.map_err(Error::of("create", title))?;
                Ok(())
            }
            Err(error) => Err(Error::of("create", title)(error)),
        }
    }

    /// Deletes the copy of the Secret, if it is this Recovery's.
    async fn delete_copy(&self) -> Result<(), Error> {
        let api: Api<Secret> = Api::namespaced(self.context.client.clone(), &self.namespace);
        let name = self.job_name();
        let title = format!("Secret {}/{name}", self.namespace);
        let found = api.get_metadata_opt(&name).await.map_err(Error::of("read", title.clone()))?;
        let ours = found.is_some_and(|found| {
            let labels = found.metadata.labels.unwrap_or_default();
            labels
                .get(names::LABEL_RECOVERY)
                .is_some_and(|recovery| *recovery == names::label_value(&self.name))
        });
        if !ours {
            return Ok(());
        }
        match api.delete(&name, &DeleteParams::default()).await {
            Ok(_) => Ok(()),
            Err(error) if is_missing(&error) => Ok(()),
            Err(error) => Err(Error::of("delete", title)(error)),
        }
    }

    /// Takes back what the Job needed and nobody needs any more. The Job itself stays for its log.
    pub(super) async fn clean_up(&self) -> Result<Action, Error> {
        let job = self.context.world.jobs.get(&ObjectRef::new(&self.job_name()).within(&self.namespace));
        if job.is_some_and(|job| self.owns(&job) && !has_ended(&job)) {
            // It has said how it ended, and has something to say yet; its end is an event.
            return Ok(Action::await_change());
        }
        let wanted = self.recovery.spec.repository.namespace.as_deref().unwrap_or(&self.namespace);
        let owned = &self.context.world.owned;
        let has_rights = owned.has("RoleBinding", &self.namespace, &self.job_name());
        // The rights go last, so that as long as they are there we know that the copy may be, too.
        if wanted != self.namespace && (has_rights || !self.context.rbac) {
            self.delete_copy().await?;
        }
        owned.delete_access(&self.context.client, &self.namespace, &self.job_name()).await?;
        Ok(Action::await_change())
    }

    /// Why a Job failed: its own reason, and the last words of its container; `None` when it has not failed.
    pub(super) async fn failure_of(&self, job: &Job) -> Result<Option<(String, String)>, Error> {
        let conditions = job.status.as_ref().and_then(|status| status.conditions.as_ref());
        let failed = conditions.into_iter().flatten().find(|condition| {
            // FailureTarget comes first, while its pods end; nothing is restored any more.
            condition.type_ == "Failed" && condition.status == "True"
        });
        let Some(failed) = failed else { return Ok(None) };
        let reason = failed.reason.clone().unwrap_or_default();
        let words = self.last_words().await?;
        let message = words.or_else(|| failed.message.clone()).unwrap_or_default();
        Ok(Some((reason, message)))
    }

    /// The message that the container left when it ended, of the newest pod that has one.
    async fn last_words(&self) -> Result<Option<String>, Error> {
        let api: Api<Pod> = Api::namespaced(self.context.client.clone(), &self.namespace);
        let parameters =
            ListParams::default().labels(&format!("batch.kubernetes.io/job-name={}", self.job_name()));
        let mut pods = api.list(&parameters).await.map_err(Error::of("read", self.job_title()))?.items;
        pods.sort_by_key(|pod| pod.metadata.creation_timestamp.as_ref().map(|time| time.0));
        Ok(pods.iter().rev().find_map(|pod| {
            let containers = pod.status.as_ref()?.container_statuses.as_ref()?;
            let ended = containers.iter().find_map(|container| {
                let state = container.state.as_ref()?;
                let last = container.last_state.as_ref().and_then(|state| state.terminated.as_ref());
                state.terminated.as_ref().or(last)
            })?;
            ended.message.clone().filter(|message| !message.trim().is_empty())
        }))
    }
}

/// Whether a Job ended well.
pub(super) fn has_succeeded(job: &Job) -> bool {
    is(job, "Complete")
}

fn has_ended(job: &Job) -> bool {
    is(job, "Complete") || is(job, "Failed")
}

fn is(job: &Job, condition: &str) -> bool {
    let conditions = job.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions.into_iter().flatten().any(|found| found.type_ == condition && found.status == "True")
}
