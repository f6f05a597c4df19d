//! Offline backups: the CronJob that starts a cycle, and [`cycle`], the steps of one.

pub mod cycle;
mod end;
mod pod_state;

use k8s_openapi::api::batch::v1::{CronJob, CronJobSpec, JobSpec, JobTemplateSpec};
use k8s_openapi::api::core::v1::{Container, PodSpec, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use self::cycle::Limits;
use super::rbac::{self, Owner};
use super::settings::Settings;
use super::{pod, security};
use crate::handoff;
use crate::objects::restic::{BackupType, Restic};
use crate::rules::names;
use crate::rules::schedule::{KubernetesCronError, Schedule, ScheduleError};
use crate::rules::select;
use crate::rules::validate::Refusal;

/// A tick that could not be served within this time, say because no control plane was there, is left out.
const STARTING_DEADLINE_SECONDS: i64 = 600;
/// What a Job may take beyond the limits of the cycle, for its image to be pulled and so on.
const MARGIN_SECONDS: i64 = 900;
/// Schedules without a zone are in UTC, as everywhere in Stash. Without it Kubernetes would take the zone of its
/// controller manager.
const UTC: &str = "Etc/UTC";

/// Why there can be no CronJob. Validation refuses such Restics first.
#[derive(Debug, thiserror::Error)]
pub enum CronJobError {
    /// The schedule cannot be read.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// A CronJob cannot express it.
    #[error(transparent)]
    Cron(#[from] KubernetesCronError),
    /// The selector cannot be used.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Selector(Vec<Refusal>),
}

/// The CronJob of an offline Restic; `None` for any other, which must not have one.
///
/// It is suspended while the Restic is paused: 0.8.3 went on taking the application down for a backup that did not
/// happen.
///
/// # Errors
/// The schedule or the selector cannot be used.
pub fn cron_job(
    restic: &Restic,
    settings: &Settings,
    limits: &Limits,
) -> Result<Option<CronJob>, CronJobError> {
    let spec = &restic.spec;
    if spec.backup_type != Some(BackupType::Offline) {
        return Ok(None);
    }
    let schedule = Schedule::parse(&spec.schedule)?;
    let (cron, zone) = schedule.kubernetes_cron()?;
    // An interval has no zone.
    let zone = if schedule.is_every().is_some() { None } else { zone.or_else(|| Some(UTC.to_owned())) };
    let selector = select::selector("spec.selector", &spec.selector).map_err(CronJobError::Selector)?;
    let name = restic.metadata.name.as_deref().unwrap_or_default();
    let cron_job = names::scale_down_cron_job(name);
    let (scratch, scratch_mount) = pod::scratch();
    let container = Container {
        name: names::CONTAINER.to_owned(),
        image: Some(settings.image.reference(restic.metadata.annotations.as_ref())),
        image_pull_policy: settings.image_pull_policy.clone(),
        args: Some(handoff::scale_down(name, &selector.to_string(), &settings.log_flags)),
        env: Some(pod::environment()),
        security_context: Some(security::api_only()),
        termination_message_policy: Some(pod::TERMINATION_MESSAGE.to_owned()),
        volume_mounts: Some(vec![scratch_mount]),
        ..Container::default()
    };
    let pod_spec = PodSpec {
        containers: vec![container],
        volumes: Some(vec![scratch]),
        restart_policy: Some("Never".to_owned()),
        service_account_name: Some(cron_job.clone()),
        image_pull_secrets: Some(spec.image_pull_secrets.clone()).filter(|secrets| !secrets.is_empty()),
        ..PodSpec::default()
    };
    let labels =
        rbac::labels(&[(names::LABEL_RESTIC, name), (names::LABEL_OPERATION, names::OPERATION_SCALE_DOWN)]);
    let labelled = Some(ObjectMeta { labels: Some(labels.clone()), ..ObjectMeta::default() });
    let template = JobTemplateSpec {
        metadata: labelled.clone(),
        spec: Some(JobSpec {
            template: PodTemplateSpec { metadata: labelled, spec: Some(pod_spec) },
            backoff_limit: Some(3),
            active_deadline_seconds: Some(
                limits.whole().as_secs().saturating_add_signed(MARGIN_SECONDS).cast_signed(),
            ),
            ..JobSpec::default()
        }),
    };
    let (uid, api_version) = (restic.metadata.uid.as_deref().unwrap_or_default(), rbac::stash_api());
    let owner = Owner { api_version: &api_version, kind: "Restic", name, uid }.reference();
    Ok(Some(CronJob {
        metadata: ObjectMeta {
            name: Some(cron_job),
            namespace: restic.metadata.namespace.clone(),
            labels: Some(labels),
            owner_references: Some(vec![OwnerReference { controller: Some(true), ..owner }]),
            ..ObjectMeta::default()
        },
        spec: Some(CronJobSpec {
            schedule: cron,
            time_zone: zone,
            concurrency_policy: Some("Forbid".to_owned()),
            suspend: Some(spec.paused),
            starting_deadline_seconds: Some(STARTING_DEADLINE_SECONDS),
            successful_jobs_history_limit: Some(1),
            failed_jobs_history_limit: Some(3),
            job_template: template,
        }),
        status: None,
    }))
}
