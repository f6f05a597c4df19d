//! The Jobs that do something in one repository, for its Repository: what they mount and whom they run as.

use std::collections::BTreeMap;

use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::{
    Container, PodSecurityContext, PodSpec, PodTemplateSpec, SecurityContext, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use serde_json::Value;

use super::rbac::{self, Owner};
use super::recovery_job::on_node;
use super::settings::Settings;
use super::{pod, security};
use crate::objects::repository::Repository;
use crate::objects::restic::Restic;
use crate::objects::workload::{Workload, WorkloadError};
use crate::rules::names;
use crate::rules::prefix::unresolved;

/// Pods that are lost are replaced this often.
const REPLACEMENTS: i32 = 3;
/// A Job stays this long after its end, for its log.
const KEPT_SECONDS: i32 = 24 * 60 * 60;

/// What the Job is to do.
pub(super) struct Task<'a> {
    pub(super) arguments: Vec<String>,
    /// Value of the label that says what it does.
    pub(super) operation: &'a str,
    pub(super) service_account: &'a str,
}

/// Who fills a Repository. Its Jobs run as that container does: whom its files do not belong to cannot read them, and what
/// a stranger writes the container cannot read afterwards.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filler<'a> {
    /// The Restic, if it is still there.
    pub restic: Option<&'a Restic>,
    /// The workload, if it is still there.
    pub workload: Option<&'a Value>,
}

impl Filler<'_> {
    fn pod_spec(&self) -> Option<&Value> {
        self.workload?.pointer("/spec/template/spec")
    }

    fn container_context(&self, in_a_folder: bool) -> SecurityContext {
        let spec = self.restic.map(|restic| &restic.spec);
        match (spec, self.pod_spec()) {
            (Some(spec), Some(pod)) => security::reader(spec, pod),
            (spec, _) => spec
                .and_then(|spec| spec.security_context.clone())
                .unwrap_or_else(|| security::checker(in_a_folder)),
        }
    }

    /// The groups by which the workload's pods reach their volumes.
    fn pod_context(&self) -> Option<PodSecurityContext> {
        let of_pod = self.pod_spec()?.get("securityContext")?;
        let context = PodSecurityContext {
            fs_group: of_pod.get("fsGroup").and_then(Value::as_i64),
            supplemental_groups: of_pod
                .get("supplementalGroups")
                .and_then(Value::as_array)
                .map(|groups| groups.iter().filter_map(Value::as_i64).collect()),
            ..PodSecurityContext::default()
        };
        (context != PodSecurityContext::default()).then_some(context)
    }
}

/// The Job, but for its name. What its pod is to be like is said by who fills the Repository.
pub(super) fn repository_job(
    repository: &Repository,
    filler: Filler<'_>,
    settings: &Settings,
    task: Task<'_>,
) -> Result<Job, WorkloadError> {
    let none = BTreeMap::new();
    let metadata = &repository.metadata;
    let workload = Workload::of_repository(
        metadata.labels.as_ref().unwrap_or(&none),
        metadata.annotations.as_ref().unwrap_or(&none),
    )?;
    let name = metadata.name.as_deref().unwrap_or_default();
    let backend = unresolved(&repository.spec.backend, &workload);
    let (scratch, scratch_mount) = pod::scratch();
    let (secret, secret_mount) = pod::secret(&backend.storage_secret_name);
    let mut volumes: Vec<Volume> = vec![scratch, secret];
    let mut mounts: Vec<VolumeMount> = vec![scratch_mount, secret_mount];
    if let Some(local) = &backend.local {
        volumes.push(local.volume_source.volume(names::VOLUME_LOCAL));
        mounts.push(pod::volume_mount(names::VOLUME_LOCAL, local));
    }
    let restic = filler.restic;
    let spec = restic.map(|restic| &restic.spec);
    let container = Container {
        name: names::CONTAINER.to_owned(),
        image: Some(settings.image.reference(restic.and_then(|restic| restic.metadata.annotations.as_ref()))),
        image_pull_policy: settings.image_pull_policy.clone(),
        args: Some(task.arguments),
        env: Some(pod::environment()),
        resources: spec
            .map(|spec| spec.resources.clone())
            .filter(|resources| *resources != Default::default()),
        security_context: Some(filler.container_context(backend.local.is_some())),
        termination_message_policy: Some(pod::TERMINATION_MESSAGE.to_owned()),
        volume_mounts: Some(mounts),
        ..Container::default()
    };
    let mut pod_spec = PodSpec {
        containers: vec![container],
        volumes: Some(volumes),
        restart_policy: Some("Never".to_owned()),
        security_context: filler.pod_context(),
        service_account_name: Some(task.service_account.to_owned()),
        image_pull_secrets: spec
            .map(|spec| spec.image_pull_secrets.clone())
            .filter(|secrets| !secrets.is_empty()),
        ..PodSpec::default()
    };
    // The folder of a node is on that node alone.
    if let Some(node) = workload.node().filter(|_| backend.local.is_some()) {
        on_node(&mut pod_spec, node);
    }
    let labels = rbac::labels(&[(names::LABEL_REPOSITORY, name), (names::LABEL_OPERATION, task.operation)]);
    let (uid, api_version) = (metadata.uid.as_deref().unwrap_or_default(), rbac::stash_api());
    let owner = Owner { api_version: &api_version, kind: "Repository", name, uid }.reference();
    Ok(Job {
        metadata: ObjectMeta {
            namespace: metadata.namespace.clone(),
            labels: Some(labels.clone()),
            owner_references: Some(vec![OwnerReference { controller: Some(true), ..owner }]),
            ..ObjectMeta::default()
        },
        spec: Some(JobSpec {
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta { labels: Some(labels), ..ObjectMeta::default() }),
                spec: Some(pod_spec),
            },
            backoff_limit: Some(REPLACEMENTS),
            ttl_seconds_after_finished: Some(KEPT_SECONDS),
            ..JobSpec::default()
        }),
        status: None,
    })
}
