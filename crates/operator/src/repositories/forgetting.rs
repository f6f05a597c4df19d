//! The Jobs that forget snapshots of a Repository: begun one after the other, and what failed is told.

use std::sync::Arc;

use domain::decide::forget_job::{self, ANNOTATION_TOLD, Stage, ids_of, stage};
use domain::decide::rbac;
use domain::objects::repository::Repository;
use k8s_openapi::api::batch::v1::Job;
use kube::api::{Patch, PatchParams};
use kube::{Api, Resource as _};
use serde_json::json;

use crate::context::Context;
use crate::error::{Error, is_missing};

/// Begins the next Job, if none runs, and tells of those that failed.
pub(super) async fn advance(repository: &Repository, context: &Context) -> Result<(), Error> {
    let metadata = &repository.metadata;
    let namespace = metadata.namespace.as_deref().unwrap_or_default();
    let name = metadata.name.as_deref().unwrap_or_default();
    let jobs: Vec<Arc<Job>> = context.world.jobs.state_filter(|job| {
        job.metadata.namespace.as_deref() == Some(namespace)
            && forget_job::is_one(job)
            && forget_job::repository_of(job) == Some(name)
    });
    let is_told = |job: &Job| {
        job.metadata.annotations.as_ref().is_some_and(|known| known.contains_key(ANNOTATION_TOLD))
    };
    for job in jobs.iter().filter(|job| !is_told(job)) {
        if let Stage::Failed(why) = stage(job) {
            tell(repository, context, job, &why).await?;
        }
    }
    let all: Vec<&Job> = jobs.iter().map(AsRef::as_ref).collect();
    let Some(next) = forget_job::next(&all) else { return Ok(()) };
    if context.rbac {
        let access = rbac::forget(namespace, name, metadata.uid.as_deref().unwrap_or_default());
        context.world.owned.apply_access(&context.client, &access).await?;
    }
    write(context, next, &json!({"spec": {"suspend": false}})).await
}

/// Says it once: the Job remembers.
async fn tell(repository: &Repository, context: &Context, job: &Job, why: &str) -> Result<(), Error> {
    let count = ids_of(job).count();
    let name = job.metadata.name.as_deref().unwrap_or_default();
    let note = format!(
        "{count} Snapshot(s) are not deleted, since Job {name} failed ({why}); see the log of its pods, then delete them \
         again"
    );
    let reference = repository.object_ref(&());
    context.events.warning(&reference, "FailedForget", "Forget", &note).await;
    write(context, job, &json!({"metadata": {"annotations": {ANNOTATION_TOLD: "true"}}})).await
}

async fn write(context: &Context, job: &Job, patch: &serde_json::Value) -> Result<(), Error> {
    let namespace = job.metadata.namespace.as_deref().unwrap_or_default();
    let name = job.metadata.name.as_deref().unwrap_or_default();
    let api: Api<Job> = Api::namespaced(context.client.clone(), namespace);
    match api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await {
        Ok(_) => Ok(()),
        // It is gone, by its owner or by a person.
        Err(error) if is_missing(&error) => Ok(()),
        Err(error) => Err(Error::of("write", format!("Job {namespace}/{name}"))(error)),
    }
}
