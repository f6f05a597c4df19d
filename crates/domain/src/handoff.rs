//! What a container of ours is told: its arguments and environment, written by the operator and read by the command
//! line. Both name the flags from here, so that they cannot disagree.
//!
//! The order is that of 0.8.3. Of its arguments these are gone: `--docker-registry`, `--image-tag` and
//! `--enable-rbac` served the check Job, which the operator makes now; `--enable-status-subresource` is always so;
//! `--use-kubeapiserver-fqdn-for-aks` worked around a fault that is mended; `--enable-analytics` and its client id
//! are gone with the analytics. The command line still accepts all of them, for containers made by 0.8.3.
//!
//! A secret is in none of it: [`flag::STORAGE_SECRET_DIR`] names the folder where the Secret is mounted.

use std::time::Duration;

use crate::objects::workload::WorkloadKind;
use crate::rules::{go_duration, names};

/// Where Kubernetes reads what a container says when it ends.
pub const TERMINATION_LOG: &str = "/dev/termination-log";

/// How an init container begins its last words when it has given up: it ends with 0, since the application must start,
/// and whoever looks after the offline cycle can still tell it from one that backed up.
pub const GIVEN_UP: &str = "given up: ";

/// Names of flags, without the leading `--`.
pub mod flag {
    /// Name of the Restic.
    pub const RESTIC_NAME: &str = "restic-name";
    /// CamelCase kind of the workload.
    pub const WORKLOAD_KIND: &str = "workload-kind";
    /// Name of the workload.
    pub const WORKLOAD_NAME: &str = "workload-name";
    /// `true`: back up on schedule; absent: once, then end.
    pub const RUN_VIA_CRON: &str = "run-via-cron";
    /// Address of the push gateway.
    pub const PUSHGATEWAY_URL: &str = "pushgateway-url";
    /// Folder with the keys of the storage Secret, one file each. Without it, as in a sidecar that was written by
    /// hand, the Secret is read from the API.
    pub const STORAGE_SECRET_DIR: &str = "storage-secret-dir";
    /// Longest stable delay of a session after its tick, as a Go duration; `0s` for none.
    pub const SCHEDULE_JITTER: &str = "schedule-jitter";
    /// Time between two checks of the repository, as a Go duration; `0s` for none.
    pub const CHECK_INTERVAL: &str = "check-interval";
    /// Name of the Recovery.
    pub const RECOVERY_NAME: &str = "recovery-name";
    /// Name of the Repository.
    pub const REPO_NAME: &str = "repo-name";
    /// Selector of the workloads to scale down, as text.
    pub const SELECTOR: &str = "selector";
}

/// Names of environment variables.
pub mod env {
    /// The node of the pod.
    pub const NODE_NAME: &str = "NODE_NAME";
    /// The pod.
    pub const POD_NAME: &str = "POD_NAME";
    /// The namespace of the pod.
    pub const NAMESPACE: &str = "KUBE_NAMESPACE";
    /// The Repository to restore from, as JSON: its name, namespace, labels, annotations and spec. It holds no
    /// secret, and with it the Job needs no right in the Repository's namespace.
    pub const REPOSITORY: &str = "STASH_REPOSITORY";
}

/// What a `stash backup` container is told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Backup<'a> {
    /// Name of the Restic.
    pub restic: &'a str,
    /// Kind of the workload.
    pub kind: WorkloadKind,
    /// Name of the workload.
    pub workload: &'a str,
    /// On schedule, beside the workload; otherwise once, before it.
    pub scheduled: bool,
    /// Address of the push gateway; empty for none.
    pub pushgateway_url: &'a str,
    /// Longest stable delay of a session after its tick.
    pub jitter: Duration,
    /// Time between two checks of the repository; zero for none. An init container makes none.
    pub check_interval: Duration,
    /// Flags of the logger, passed on as they are.
    pub log_flags: &'a [String],
}

impl Backup<'_> {
    /// The arguments of the container.
    #[must_use]
    pub fn arguments(&self) -> Vec<String> {
        let mut arguments = vec![
            "backup".to_owned(),
            set(flag::RESTIC_NAME, self.restic),
            set(flag::WORKLOAD_KIND, self.kind.as_str()),
            set(flag::WORKLOAD_NAME, self.workload),
        ];
        if self.scheduled {
            arguments.push(set(flag::RUN_VIA_CRON, "true"));
        }
        gateway(&mut arguments, self.pushgateway_url);
        arguments.push(set(flag::STORAGE_SECRET_DIR, names::MOUNT_SECRET));
        if self.scheduled {
            arguments.push(set(flag::SCHEDULE_JITTER, &go_duration::format(self.jitter)));
            arguments.push(set(flag::CHECK_INTERVAL, &go_duration::format(self.check_interval)));
        }
        arguments.extend_from_slice(self.log_flags);
        arguments
    }
}

/// The arguments of a `stash recover` container.
#[must_use]
pub fn recover(recovery: &str, pushgateway_url: &str, log_flags: &[String]) -> Vec<String> {
    let mut arguments = vec!["recover".to_owned(), set(flag::RECOVERY_NAME, recovery)];
    gateway(&mut arguments, pushgateway_url);
    arguments.push(set(flag::STORAGE_SECRET_DIR, names::MOUNT_SECRET));
    arguments.extend_from_slice(log_flags);
    arguments
}

/// The arguments of a `stash check` container.
#[must_use]
pub fn check(repository: &str, pushgateway_url: &str, log_flags: &[String]) -> Vec<String> {
    let mut arguments = vec!["check".to_owned(), set(flag::REPO_NAME, repository)];
    gateway(&mut arguments, pushgateway_url);
    arguments.push(set(flag::STORAGE_SECRET_DIR, names::MOUNT_SECRET));
    arguments.extend_from_slice(log_flags);
    arguments
}

/// The arguments of a `stash forget` container.
#[must_use]
pub fn forget(repository: &str, ids: &[&str], log_flags: &[String]) -> Vec<String> {
    let mut arguments = vec!["forget".to_owned(), set(flag::REPO_NAME, repository)];
    arguments.push(set(flag::STORAGE_SECRET_DIR, names::MOUNT_SECRET));
    arguments.extend_from_slice(log_flags);
    arguments.extend(ids.iter().map(|id| (*id).to_owned()));
    arguments
}

/// The arguments of a `stash scaledown` container.
#[must_use]
pub fn scale_down(restic: &str, selector: &str, log_flags: &[String]) -> Vec<String> {
    let mut arguments =
        vec!["scaledown".to_owned(), set(flag::SELECTOR, selector), set(flag::RESTIC_NAME, restic)];
    arguments.extend_from_slice(log_flags);
    arguments
}

fn gateway(arguments: &mut Vec<String>, url: &str) {
    if !url.is_empty() {
        arguments.push(set(flag::PUSHGATEWAY_URL, url));
    }
}

fn set(flag: &str, value: &str) -> String {
    format!("--{flag}={value}")
}
