//! The Job that checks a Repository which no sidecar checks: that of a workload that is backed up offline. (A sidecar
//! checks beside its sessions; an init container must not keep the application waiting for it.)
//!
//! 0.8.3 made such a Job after each offline backup, unless the last one was still there.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;

use super::repository_job::{Filler, Task, repository_job};
use super::settings::Settings;
use crate::handoff;
use crate::objects::repository::Repository;
use crate::objects::restic::{BackupType, Restic};
use crate::objects::workload::WorkloadError;
use crate::rules::names;

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
    filler: Filler<'_>,
    settings: &Settings,
) -> Result<Job, WorkloadError> {
    let name = repository.metadata.name.as_deref().unwrap_or_default();
    let job = names::check_job(name);
    let task = Task {
        arguments: handoff::check(name, &settings.pushgateway_url, &settings.log_flags),
        operation: names::OPERATION_CHECK,
        service_account: &job,
    };
    let mut made = repository_job(repository, filler, settings, task)?;
    made.metadata.name = Some(job);
    Ok(made)
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
        let restic =
            restic(json!({"type": "offline", "volumeMounts": [{"name": "logs", "mountPath": "/var/log"}]}));
        let workload = json!({"spec": {"template": {"spec": {
            "securityContext": {"runAsNonRoot": true, "runAsUser": 1000, "fsGroup": 2000},
            "containers": [{"name": "log", "volumeMounts": [{"name": "logs"}]}],
        }}}});
        let job = |workload| {
            let filler = Filler { restic: Some(&restic), workload };
            check_job(&repository(json!({})), filler, &settings).unwrap()
        };
        let context = |job: Job| {
            job.spec.unwrap().template.spec.unwrap().containers[0].security_context.clone().unwrap()
        };
        assert_eq!(context(job(Some(&workload))).run_as_user, Some(1000), "as who fills it");
        assert_eq!(context(job(None)).run_as_user, Some(0), "the folder may be anybody's");
        let job = job(Some(&workload));
        let pod = job.spec.unwrap().template.spec.unwrap();
        assert_eq!(pod.security_context.as_ref().unwrap().fs_group, Some(2000));
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
