//! The controller of Repositories: whether the spec can be used, the finalizer of those that are to be emptied with
//! their object, the check of those that no sidecar checks, and the Jobs of their deleted Snapshots.

mod forgetting;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::decide::check_job::{check_due, check_job};
use domain::decide::conditions::{repository_validity, repository_wipe};
use domain::decide::rbac;
use domain::decide::repository_job::Filler;
use domain::objects::repository::Repository;
use domain::objects::workload::Workload;
use domain::rules::names::{FINALIZER_REPOSITORY, FINALIZER_REPOSITORY_LEGACY, LABEL_RESTIC};
use domain::rules::validate::{self, Mode};
use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use kube::api::{Patch, PatchParams, PostParams};
use kube::runtime::controller::Action;
use kube::runtime::reflector::ObjectRef;
use kube::{Api, Resource as _};
use serde_json::{Value, json};

use crate::context::Context;
use crate::error::{Error, exists_already, is_missing};
use crate::{status, world};

/// Pause between two attempts to empty a storage.
const UNTIL_NEXT_ATTEMPT: Duration = Duration::from_secs(60);

/// Brings a Repository one step further.
pub(crate) async fn reconcile(repository: Arc<Repository>, context: Arc<Context>) -> Result<Action, Error> {
    let case = Case { repository: &repository, context: &context };
    if repository.metadata.deletion_timestamp.is_some() {
        return case.let_go().await;
    }
    if case.finalizers_differ() {
        case.write_finalizers(repository.spec.wipe_out).await?;
        // What follows is decided on what was written.
        return Ok(Action::await_change());
    }
    let refusals = validate::repository(&repository, Mode::Cluster);
    let before = repository.status.clone().unwrap_or_default();
    let after = repository_validity(&before, repository.metadata.generation, &refusals, Timestamp::now());
    if after != before {
        status::write(&context.client, &Repository { status: Some(after), ..(*repository).clone() }).await?;
        for refusal in &refusals {
            let reference = repository.object_ref(&());
            context.events.warning(&reference, "InvalidRepository", "Reconcile", &refusal.to_string()).await;
        }
    }
    forgetting::advance(&repository, &context).await?;
    let pause = case.keep_checked().await?;
    Ok(Action::requeue(pause.min(context.resync)))
}

/// One Repository.
struct Case<'a> {
    repository: &'a Repository,
    context: &'a Context,
}

impl Case<'_> {
    fn finalizers(&self) -> &[String] {
        self.repository.metadata.finalizers.as_deref().unwrap_or_default()
    }

    fn has(&self, finalizer: &str) -> bool {
        self.finalizers().iter().any(|known| known == finalizer)
    }

    /// Only what is to be emptied holds its object back. 0.8.3 put a finalizer on every Repository, and without an
    /// operator none could be deleted.
    fn finalizers_differ(&self) -> bool {
        self.has(FINALIZER_REPOSITORY) != self.repository.spec.wipe_out
            || self.has(FINALIZER_REPOSITORY_LEGACY)
    }

    /// The workload that fills it.
    fn workload(&self) -> Option<Value> {
        let (labels, annotations) = (&self.repository.metadata.labels, &self.repository.metadata.annotations);
        let (none, namespace) = (BTreeMap::new(), self.repository.metadata.namespace.as_deref()?);
        let workload =
            Workload::of_repository(labels.as_ref().unwrap_or(&none), annotations.as_ref().unwrap_or(&none))
                .ok()?;
        let resource = world::resource(workload.kind())?;
        let reference = ObjectRef::new_with(workload.name(), resource).within(namespace);
        self.context.world.workloads.get(&workload.kind())?.get(&reference)?.json().ok()
    }

    /// Makes the Job that checks the Repository when that is due; returns when to look again.
    async fn keep_checked(&self) -> Result<Duration, Error> {
        let metadata = &self.repository.metadata;
        let labels = metadata.labels.as_ref();
        let namespace = metadata.namespace.as_deref().unwrap_or_default();
        let restic = labels
            .and_then(|labels| labels.get(LABEL_RESTIC))
            .and_then(|restic| self.context.world.restics.get(&ObjectRef::new(restic).within(namespace)));
        let Some(restic) = restic else { return Ok(self.context.resync) };
        let Some(due) = check_due(self.repository, &restic, self.context.settings.check_interval) else {
            return Ok(self.context.resync);
        };
        let left = due.duration_since(Timestamp::now());
        if left.is_positive() {
            return Ok(left.unsigned_abs());
        }
        let workload = self.workload();
        let filler = Filler { restic: Some(&restic), workload: workload.as_ref() };
        let job = match check_job(self.repository, filler, &self.context.settings) {
            Ok(job) => job,
            Err(error) => {
                tracing::debug!(%error, "a Repository without the labels of a workload is not checked");
                return Ok(self.context.resync);
            }
        };
        let name = job.metadata.name.as_deref().unwrap_or_default();
        // One that failed stays for its log, and another follows when it is gone.
        if self.context.world.jobs.get(&ObjectRef::new(name).within(namespace)).is_some() {
            return Ok(self.context.resync);
        }
        let client = &self.context.client;
        let repository = metadata.name.as_deref().unwrap_or_default();
        if self.context.rbac {
            let uid = metadata.uid.as_deref().unwrap_or_default();
            let access = rbac::check(namespace, repository, uid);
            self.context.world.owned.apply_access(client, &access).await?;
        }
        let api: Api<Job> = Api::namespaced(client.clone(), namespace);
        match api.create(&PostParams::default(), &job).await {
            Ok(_) => {
                let reference = self.repository.object_ref(&());
                let note = format!("Job {name} checks the repository");
                self.context.events.normal(&reference, "CheckJobCreated", "Check", &note).await;
            }
            Err(error) if exists_already(&error) => {}
            Err(error) => return Err(Error::of("create", format!("Job {namespace}/{name}"))(error)),
        }
        Ok(self.context.resync)
    }

    async fn write_finalizers(&self, ours: bool) -> Result<(), Error> {
        let metadata = &self.repository.metadata;
        let name = metadata.name.as_deref().unwrap_or_default();
        let namespace = metadata.namespace.as_deref().unwrap_or_default();
        let others = self
            .finalizers()
            .iter()
            .filter(|known| *known != FINALIZER_REPOSITORY && *known != FINALIZER_REPOSITORY_LEGACY);
        let mut finalizers: Vec<&str> = others.map(String::as_str).collect();
        if ours {
            finalizers.push(FINALIZER_REPOSITORY);
        }
        // On the version that was seen, since a list is replaced as a whole.
        let patch =
            json!({"metadata": {"finalizers": finalizers, "resourceVersion": metadata.resource_version}});
        let api: Api<Repository> = Api::namespaced(self.context.client.clone(), namespace);
        match api.patch(name, &PatchParams::default(), &Patch::Merge(&patch)).await {
            Ok(_) => Ok(()),
            Err(error) if is_missing(&error) => Ok(()),
            Err(error) => Err(Error::of("write", format!("Repository {namespace}/{name}"))(error)),
        }
    }

    /// The object is to go: at once, or when its storage is empty.
    async fn let_go(&self) -> Result<Action, Error> {
        if !self.has(FINALIZER_REPOSITORY) && !self.has(FINALIZER_REPOSITORY_LEGACY) {
            return Ok(Action::await_change());
        }
        if !self.repository.spec.wipe_out {
            self.write_finalizers(false).await?;
            return Ok(Action::await_change());
        }
        // Nothing that this release can write to is emptied: the local backend is refused, and others it has not.
        let failure = format!(
            "the objects of {} are not deleted: this release cannot empty that storage; delete them there yourself, \
             then set spec.wipeOut to false and the Repository goes",
            self.storage()
        );
        let before = self.repository.status.clone().unwrap_or_default();
        let generation = self.repository.metadata.generation;
        let after = repository_wipe(&before, generation, Some(&failure), Timestamp::now());
        if after != before {
            let object = Repository { status: Some(after), ..self.repository.clone() };
            status::write(&self.context.client, &object).await?;
            let reference = self.repository.object_ref(&());
            self.context.events.warning(&reference, "WipeFailed", "WipeOut", &failure).await;
        }
        Ok(Action::requeue(UNTIL_NEXT_ATTEMPT))
    }

    fn storage(&self) -> &'static str {
        let backend = &self.repository.spec.backend;
        if backend.s3.is_some() {
            "the S3 bucket"
        } else if backend.gcs.is_some() {
            "the GCS bucket"
        } else if backend.azure.is_some() {
            "the Azure container"
        } else if backend.swift.is_some() {
            "the Swift container"
        } else if backend.b2.is_some() {
            "the B2 bucket"
        } else if backend.rest.is_some() {
            "the REST server"
        } else {
            "the volume"
        }
    }
}
