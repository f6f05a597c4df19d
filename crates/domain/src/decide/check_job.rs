//! The Job that checks a Repository which no sidecar checks: that of a workload that is backed up offline. (A sidecar
//! checks beside its sessions; an init container must not keep the application waiting for it.)
//!
//! 0.8.3 made such a Job after each offline backup, unless the last one was still there.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::{Container, PodSpec, PodTemplateSpec, Volume, VolumeMount};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use super::rbac::{self, Owner};
use super::recovery_job::on_node;
use super::settings::Settings;
use super::{pod, security};
use crate::handoff;
use crate::objects::repository::Repository;
use crate::objects::restic::{BackupType, Restic};
use crate::objects::workload::{Workload, WorkloadError};
use crate::rules::names;
use crate::rules::prefix::unresolved;

/// Pods that are lost are replaced this often.
const REPLACEMENTS: i32 = 3;
/// A Job stays this long after its end, for its log.
const KEPT_SECONDS: i32 = 24 * 60 * 60;

/// When the next check by a Job is due; `None` when no Job checks this Repository. `restic` is the one that fills it.
///
/// A Repository without a good backup has nothing to check. One that was never checked is due when it has waited for
/// as long as any other.
#[must_use]
pub fn check_due(repository: &Repository, restic: &Restic, interval: Duration) -> Option<Timestamp> {
    if restic.spec.backup_type != Some(BackupType::Offline) || restic.spec.paused || interval.is_zero() {
        return None;
    }
    let status = repository.status.as_ref()?;
    let first = status.first_backup_time.as_ref()?;
    let last = status.last_check_time.as_ref().unwrap_or(first);
    last.0.checked_add(interval).ok()
}

/// The Job.
///
/// # Errors
/// The Repository's labels do not say what it holds.
pub fn check_job(
    repository: &Repository,
    restic: &Restic,
    settings: &Settings,
) -> Result<Job, WorkloadError> {
    let none = BTreeMap::new();
    let metadata = &repository.metadata;
    let workload = Workload::of_repository(
        metadata.labels.as_ref().unwrap_or(&none),
        metadata.annotations.as_ref().unwrap_or(&none),
    )?;
    let name = metadata.name.as_deref().unwrap_or_default();
    let job = names::check_job(name);
    let backend = unresolved(&repository.spec.backend, &workload);
    let (scratch, scratch_mount) = pod::scratch();
    let (secret, secret_mount) = pod::secret(&backend.storage_secret_name);
    let mut volumes: Vec<Volume> = vec![scratch, secret];
    let mut mounts: Vec<VolumeMount> = vec![scratch_mount, secret_mount];
    if let Some(local) = &backend.local {
        volumes.push(local.volume_source.volume(names::VOLUME_LOCAL));
        mounts.push(pod::volume_mount(names::VOLUME_LOCAL, local));
    }
    let security_context =
        restic.spec.security_context.clone().unwrap_or_else(|| security::checker(backend.local.is_some()));
    let container = Container {
        name: names::CONTAINER.to_owned(),
        image: Some(settings.image.reference(restic.metadata.annotations.as_ref())),
        image_pull_policy: settings.image_pull_policy.clone(),
        args: Some(handoff::check(name, &settings.pushgateway_url, &settings.log_flags)),
        env: Some(pod::environment()),
        resources: Some(restic.spec.resources.clone()).filter(|resources| *resources != Default::default()),
        security_context: Some(security_context),
        termination_message_policy: Some(pod::TERMINATION_MESSAGE.to_owned()),
        volume_mounts: Some(mounts),
        ..Container::default()
    };
    let mut pod_spec = PodSpec {
        containers: vec![container],
        volumes: Some(volumes),
        restart_policy: Some("Never".to_owned()),
        service_account_name: Some(job.clone()),
        image_pull_secrets: Some(restic.spec.image_pull_secrets.clone())
            .filter(|secrets| !secrets.is_empty()),
        ..PodSpec::default()
    };
    // The folder of a node is on that node alone.
    if let Some(node) = workload.node().filter(|_| backend.local.is_some()) {
        on_node(&mut pod_spec, node);
    }
    let labels =
        rbac::labels(&[(names::LABEL_REPOSITORY, name), (names::LABEL_OPERATION, names::OPERATION_CHECK)]);
    let (uid, api_version) = (metadata.uid.as_deref().unwrap_or_default(), rbac::stash_api());
    let owner = Owner { api_version: &api_version, kind: "Repository", name, uid }.reference();
    Ok(Job {
        metadata: ObjectMeta {
            name: Some(job),
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    fn restic(spec: serde_json::Value) -> Restic {
        serde_json::from_value(json!({
            "apiVersion": "stash.appscode.com/v1alpha1", "kind": "Restic",
            "metadata": {"name": "nightly", "namespace": "shop"}, "spec": spec,
        }))
        .unwrap()
    }

    fn repository(status: serde_json::Value) -> Repository {
        serde_json::from_value(json!({
            "apiVersion": "stash.appscode.com/v1alpha1", "kind": "Repository",
            "metadata": {
                "name": "daemonset.log.node-1", "namespace": "shop", "uid": "1234",
                "labels": {
                    "restic": "nightly", "workload-kind": "DaemonSet", "workload-name": "log",
                    "node-name": "node-1",
                },
            },
            "spec": {"backend": {
                "storageSecretName": "key",
                "local": {"mountPath": "/repo", "subPath": "daemonset/log/node-1", "hostPath": {"path": "/backup"}},
            }},
            "status": status,
        }))
        .unwrap()
    }

    #[test]
    fn a_check_is_due_an_interval_after_the_last_one_or_after_the_first_backup() {
        let offline = restic(json!({"type": "offline"}));
        let due =
            |status, restic: &Restic| check_due(&repository(status), restic, DAY).map(|at| at.to_string());
        let backed_up = json!({"firstBackupTime": "2026-01-01T00:00:00Z"});
        let checked =
            json!({"firstBackupTime": "2026-01-01T00:00:00Z", "lastCheckTime": "2026-01-05T00:00:00Z"});
        assert_eq!(due(json!({}), &offline), None, "nothing to check");
        assert_eq!(due(backed_up.clone(), &offline).as_deref(), Some("2026-01-02T00:00:00Z"));
        assert_eq!(due(checked.clone(), &offline).as_deref(), Some("2026-01-06T00:00:00Z"));
        assert_eq!(due(checked.clone(), &restic(json!({}))), None, "the sidecar checks");
        assert_eq!(due(checked, &restic(json!({"type": "offline", "paused": true}))), None);
        assert_eq!(check_due(&repository(backed_up), &offline, Duration::ZERO), None, "turned off");
    }

    #[test]
    fn the_job_mounts_the_volume_of_the_backend_where_it_is() {
        let settings = Settings {
            image: crate::decide::settings::Image { repository: "appscode/stash".into(), tag: "1".into() },
            image_pull_policy: None,
            pushgateway_url: String::new(),
            log_flags: Vec::new(),
            jitter: Duration::ZERO,
            check_interval: DAY,
        };
        let job = check_job(&repository(json!({})), &restic(json!({"type": "offline"})), &settings).unwrap();
        let pod = job.spec.unwrap().template.spec.unwrap();
        let container = &pod.containers[0];
        assert_eq!(container.args.as_ref().unwrap()[..2], ["check", "--repo-name=daemonset.log.node-1"]);
        let local =
            container.volume_mounts.as_ref().unwrap().iter().find(|mount| mount.name == "stash-local");
        let local = local.unwrap();
        assert_eq!((local.mount_path.as_str(), local.sub_path.as_deref()), ("/repo", None));
        assert!(json!(pod.affinity).to_string().contains("node-1"));
        assert_eq!(pod.service_account_name.as_deref(), job.metadata.name.as_deref());
    }
}
