//! The Jobs that forget snapshots: a Snapshot that is deleted is one until its Job has rewritten the catalogue.
//!
//! The Jobs are all that is remembered of a deletion, so it outlives the operator. Each is made suspended, and those of
//! one Repository are begun one after the other.

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::repository_job::{Filler, Task, repository_job};
use super::settings::Settings;
use crate::catalogue::is_id;
use crate::handoff;
use crate::objects::repository::Repository;
use crate::objects::workload::WorkloadError;
use crate::rules::names;

/// Snapshots of one Job: their ids are its arguments.
pub const MAX_IDS: usize = 1000;
/// A pod that cannot even start must not hold up a deletion for ever.
const DEADLINE_SECONDS: i64 = 6 * 60 * 60;
/// Annotation of a Job whose failure was told.
pub const ANNOTATION_TOLD: &str = "stash.appscode.com/failure-told";

/// Why no snapshot of a Repository can be deleted.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CannotForget {
    /// Its folder is in a pod.
    #[error(
        "the backend of Repository {0} is a volume of its pod ({1}), which no other pod can mount; run `stash forget` in \
         that pod's container `stash`, or use another volume"
    )]
    OfOnePod(String, &'static str),
    /// Its labels do not say what it holds.
    #[error("Repository {0} cannot be used: {1}")]
    Labels(String, WorkloadError),
}

/// The Job that forgets these snapshots, suspended.
///
/// # Errors
/// [`CannotForget`].
pub fn forget_job(
    repository: &Repository,
    filler: Filler<'_>,
    settings: &Settings,
    ids: &[&str],
) -> Result<Job, CannotForget> {
    let name = repository.metadata.name.as_deref().unwrap_or_default();
    let volume = repository.spec.backend.local.as_ref().map(|local| &local.volume_source);
    if volume.is_some_and(|source| source.empty_dir.is_some()) {
        return Err(CannotForget::OfOnePod(name.to_owned(), "emptyDir"));
    }
    if volume.is_some_and(|source| source.ephemeral.is_some()) {
        return Err(CannotForget::OfOnePod(name.to_owned(), "ephemeral"));
    }
    let account = names::forget_job(name);
    let task = Task {
        arguments: handoff::forget(name, ids, &settings.log_flags),
        operation: names::OPERATION_FORGET,
        service_account: &account,
    };
    let mut job = repository_job(repository, filler, settings, task)
        .map_err(|error| CannotForget::Labels(name.to_owned(), error))?;
    job.metadata.generate_name = Some(format!("{account}-"));
    if let Some(spec) = &mut job.spec {
        spec.suspend = Some(true);
        spec.active_deadline_seconds = Some(DEADLINE_SECONDS);
    }
    Ok(job)
}

/// Whether a Job is one of these.
#[must_use]
pub fn is_one(job: &Job) -> bool {
    let operation = job.metadata.labels.as_ref().and_then(|labels| labels.get(names::LABEL_OPERATION));
    operation.is_some_and(|operation| operation == names::OPERATION_FORGET)
}

/// The Repository that a Job works in.
#[must_use]
pub fn repository_of(job: &Job) -> Option<&str> {
    let owners = job.metadata.owner_references.as_deref().unwrap_or_default();
    owners.iter().find(|owner| owner.kind == "Repository").map(|owner| owner.name.as_str())
}

/// The snapshots that a Job forgets.
pub fn ids_of(job: &Job) -> impl Iterator<Item = &str> {
    let pod = job.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
    let arguments = pod.and_then(|pod| pod.containers.first()).and_then(|container| container.args.as_ref());
    arguments.into_iter().flatten().map(String::as_str).filter(|argument| is_id(argument))
}

/// How far a Job has come.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Stage {
    /// It waits for others.
    Waits,
    /// It runs.
    Runs,
    /// What it was to forget is gone.
    Done,
    /// It has given up, and why.
    Failed(String),
}

/// How far a Job has come.
#[must_use]
pub fn stage(job: &Job) -> Stage {
    let conditions = job.status.iter().flat_map(|status| status.conditions.iter().flatten());
    for condition in conditions.filter(|condition| condition.status == "True") {
        match condition.type_.as_str() {
            "Complete" | "SuccessCriteriaMet" => return Stage::Done,
            "Failed" | "FailureTarget" => {
                let text = |text: &Option<String>| text.clone().unwrap_or_default();
                return Stage::Failed(format!("{}: {}", text(&condition.reason), text(&condition.message)));
            }
            _ => {}
        }
    }
    if job.spec.as_ref().is_some_and(|spec| spec.suspend == Some(true)) { Stage::Waits } else { Stage::Runs }
}

/// Since when the snapshots of a Job are being deleted; none when it has given up. Those of one that is done stay so for
/// as long as the catalogue still has them.
#[must_use]
pub fn deleting_since(job: &Job) -> Option<Time> {
    match stage(job) {
        Stage::Failed(_) => None,
        _ => job.metadata.creation_timestamp.clone(),
    }
}

/// Which of the Jobs of one Repository is to begin: the oldest that waits, while none runs.
#[must_use]
pub fn next<'a>(jobs: &[&'a Job]) -> Option<&'a Job> {
    if jobs.iter().any(|job| stage(job) == Stage::Runs) {
        return None;
    }
    let waiting = jobs.iter().filter(|job| stage(job) == Stage::Waits);
    waiting.min_by_key(|job| (&job.metadata.creation_timestamp, &job.metadata.name)).copied()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn settings() -> Settings {
        Settings {
            image: crate::decide::settings::Image { repository: "appscode/stash".into(), tag: "1".into() },
            image_pull_policy: None,
            pushgateway_url: String::new(),
            log_flags: vec!["--v=3".into()],
            jitter: std::time::Duration::ZERO,
            check_interval: std::time::Duration::ZERO,
        }
    }

    fn repository(volume: Value) -> Repository {
        let mut local = volume;
        local["mountPath"] = json!("/repo");
        serde_json::from_value(json!({
            "apiVersion": "stash.appscode.com/v1alpha1", "kind": "Repository",
            "metadata": {
                "name": "deployment.web", "namespace": "shop", "uid": "1234",
                "labels": {"restic": "nightly", "workload-kind": "Deployment", "workload-name": "web"},
            },
            "spec": {"backend": {"storageSecretName": "key", "local": local}},
        }))
        .unwrap()
    }

    fn job(name: &str, second: i64, suspended: bool, condition: Option<&str>) -> Job {
        let mut job = Job::default();
        job.metadata.name = Some(name.into());
        job.metadata.creation_timestamp = Some(Time(jiff::Timestamp::from_second(second).unwrap()));
        job.spec = Some(serde_json::from_value(json!({"suspend": suspended, "template": {}})).unwrap());
        if let Some(condition) = condition {
            let conditions = json!([{"type": condition, "status": "True", "reason": "R", "message": "m"}]);
            job.status = Some(serde_json::from_value(json!({ "conditions": conditions })).unwrap());
        }
        job
    }

    #[test]
    fn the_job_names_the_snapshots_and_waits_to_be_begun() {
        let (a, b) = ("a".repeat(64), "b".repeat(64));
        let repository = repository(json!({"hostPath": {"path": "/backup"}}));
        let job = forget_job(&repository, Filler::default(), &settings(), &[&a, &b]).unwrap();
        assert!(is_one(&job));
        assert_eq!(repository_of(&job), Some("deployment.web"));
        assert_eq!(ids_of(&job).collect::<Vec<_>>(), [&a, &b]);
        assert_eq!(stage(&job), Stage::Waits);
        assert_eq!(job.metadata.generate_name.as_deref(), Some("stash-forget-deployment.web-"));
        let pod = job.spec.unwrap().template.spec.unwrap();
        assert_eq!(pod.service_account_name.as_deref(), Some("stash-forget-deployment.web"));
        let arguments = pod.containers[0].args.clone().unwrap();
        assert_eq!(arguments[..2], ["forget", "--repo-name=deployment.web"]);
    }

    #[test]
    fn a_volume_of_one_pod_is_out_of_reach() {
        for volume in ["emptyDir", "ephemeral"] {
            let error = forget_job(&repository(json!({volume: {}})), Filler::default(), &settings(), &[])
                .unwrap_err();
            assert!(error.to_string().contains(volume), "{error}");
        }
    }

    #[test]
    fn one_after_the_other_the_oldest_first() {
        let (old, new) = (job("a", 1, true, None), job("b", 2, true, None));
        let (runs, done) = (job("c", 0, false, None), job("d", 0, false, Some("Complete")));
        let failed = job("e", 0, false, Some("Failed"));
        let chosen = |jobs: &[&Job]| next(jobs).map(|job| job.metadata.name.clone().unwrap());
        assert_eq!(chosen(&[&new, &old, &done, &failed]).as_deref(), Some("a"));
        assert_eq!(chosen(&[&new, &old, &runs]), None);
        assert_eq!(chosen(&[&done, &failed]), None);
        assert_eq!(stage(&failed), Stage::Failed("R: m".into()));
        assert_eq!(deleting_since(&failed), None);
        assert!(deleting_since(&done).is_some() && deleting_since(&new).is_some());
    }
}
