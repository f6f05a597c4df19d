//! What the operator tells of the objects it looks after and of its own work, at its own `/metrics`.
//!
//! What is told of objects is read from them at each scrape, so that no restart loses it, and is there before the operator
//! is ready. There are, at most: one series for each Restic, two for each workload that a Restic selects, eleven for each
//! Repository, one for each Recovery.

use super::{Kind, Metric};

const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind: Kind::Gauge, help, labels }
}

const fn counter(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind: Kind::Counter, help, labels }
}

const fn histogram(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind: Kind::Histogram, help, labels }
}

const REPOSITORY: &[&str] = &["namespace", "repository", "restic"];

/// By state.
pub const RESTICS: Metric = gauge(
    "stash_restics",
    &["state"],
    "Restics of the cluster by the reason of their condition Ready: Scheduled when all is well; Unknown before the \
     operator has judged them",
);
/// 1 for the one that holds.
pub const RESTIC_STATE: Metric = gauge(
    "stash_restic_state",
    &["namespace", "restic", "state"],
    "1 for the reason of the condition Ready of a Restic: Scheduled when all is well; Unknown before the operator has \
     judged it",
);
/// 1 or 0.
pub const WORKLOAD_PROTECTED: Metric = gauge(
    "stash_workload_protected",
    &["namespace", "kind", "workload", "restic"],
    "1 when a workload that a Restic selects has that Restic's container, 0 when it has not; of a workload that several \
     Restics select, which none may back up, the label restic is empty",
);
/// A count.
pub const WORKLOAD_REPOSITORIES: Metric = gauge(
    "stash_workload_repositories",
    &["namespace", "kind", "workload", "restic"],
    "Repositories of a workload that is protected: its container makes one when it starts; absent while none is to be \
     there, as without replicas, while the Restic is paused, or before the second time of an offline schedule",
);
/// From the Repository's status.
pub const REPOSITORY_LAST_SUCCESS: Metric = gauge(
    "stash_repository_last_success_timestamp_seconds",
    REPOSITORY,
    "Unix time of the last session that succeeded; absent until one has",
);
/// From the Repository's status.
pub const REPOSITORY_LAST_BACKUP: Metric = gauge(
    "stash_repository_last_backup_timestamp_seconds",
    REPOSITORY,
    "Unix time of the last session, whatever its result; absent until there was one",
);
/// From the Repository's status and its schedule.
pub const REPOSITORY_NEXT_DUE: Metric = gauge(
    "stash_repository_next_due_timestamp_seconds",
    REPOSITORY,
    "Unix time at which the next session is due; absent when none is: the Restic is paused or gone, or its workload is \
     gone, not selected, or without replicas",
);
/// From the Repository's status and its schedule.
pub const REPOSITORY_SUCCESS_DUE: Metric = gauge(
    "stash_repository_success_due_timestamp_seconds",
    REPOSITORY,
    "Unix time at which the session is due that has to succeed at the latest: the second of the schedule after the last \
     success, or after the Repository was made; absent when no session is due",
);
/// From the Repository's status and its schedule.
pub const REPOSITORY_CHECK_DUE: Metric = gauge(
    "stash_repository_check_due_timestamp_seconds",
    REPOSITORY,
    "Unix time from which the next check is due: a sidecar makes it after the session that begins then; absent when no \
     session is due, when nothing was backed up yet, and when checks are turned off",
);
/// From the Repository's status.
pub const REPOSITORY_LAST_DURATION: Metric =
    gauge("stash_repository_last_duration_seconds", REPOSITORY, "How long the last session took");
/// From the Repository's status.
pub const REPOSITORY_SIZE: Metric = gauge(
    "stash_repository_size_bytes",
    REPOSITORY,
    "Bytes in the storage after the last session that measured them",
);
/// From the Repository's status.
pub const REPOSITORY_SNAPSHOTS: Metric = gauge(
    "stash_repository_snapshots",
    REPOSITORY,
    "Snapshots in the repository after the last session that counted them",
);
/// 1 for the one that holds.
pub const REPOSITORY_LAST_RESULT: Metric = gauge(
    "stash_repository_last_result",
    &["namespace", "repository", "restic", "result"],
    "1 for the result of the last session: Succeeded, Incomplete, Failed or Cancelled",
);
/// 1 for the one that holds.
pub const REPOSITORY_INTEGRITY: Metric = gauge(
    "stash_repository_integrity",
    &["namespace", "repository", "restic", "state"],
    "1 for what the last check found: Ok or Damaged; Unknown until there was one",
);
/// From the Repository's status.
pub const REPOSITORY_LAST_CHECK: Metric = gauge(
    "stash_repository_last_check_timestamp_seconds",
    REPOSITORY,
    "Unix time of the last check; absent until there was one",
);
/// 1 for the one that holds.
pub const RECOVERY_PHASE: Metric = gauge(
    "stash_recovery_phase",
    &["namespace", "recovery", "phase"],
    "1 for the phase of a Recovery: Pending, Running, Succeeded or Failed",
);
/// 1 or 0.
pub const LEADER: Metric =
    gauge("stash_leader", &[], "1 when this replica of the operator acts, 0 when it waits for its turn");
/// Of the serving certificate.
pub const CERTIFICATE_EXPIRY: Metric = gauge(
    "stash_certificate_expiry_timestamp_seconds",
    &[],
    "Unix time at which the certificate of the operator's server ends, which is never after its authority does",
);
/// Since the process started.
pub const GROUPS_DELETED: Metric = counter(
    "stash_gateway_groups_deleted_total",
    &[],
    "Groups of the push gateway that were deleted because what they described is gone",
);
/// Since the process started.
pub const SWEEP_FAILURES: Metric = counter(
    "stash_gateway_sweep_failures_total",
    &[],
    "Looks for such groups that failed because the push gateway could not be asked",
);
/// Since the process started.
pub const RECONCILES: Metric = counter(
    "stash_reconciles_total",
    &["controller", "result"],
    "Looks at one object, by controller (the kind it looks at) and result: done, conflict or error",
);
/// How long they take.
pub const RECONCILE_DURATION: Metric =
    histogram("stash_reconcile_duration_seconds", &["controller"], "How long a look at one object took");
/// How long they waited.
pub const QUEUE_DURATION: Metric = histogram(
    "stash_queue_duration_seconds",
    &["controller"],
    "How long an object waited, from the change that made it worth a look to that look",
);
/// Since the process started.
pub const WEBHOOK_DECISIONS: Metric = counter(
    "stash_webhook_decisions_total",
    &["webhook", "decision"],
    "Requests of the API server by webhook and decision: changed, unchanged, allowed, refused or error",
);
/// How long they take.
pub const WEBHOOK_DURATION: Metric = histogram(
    "stash_webhook_duration_seconds",
    &["webhook"],
    "How long a webhook took to decide, reading and writing on the wire not counted",
);

/// Every metric of the operator that is about Stash. Those of its API server and of its process are beside them.
pub const OPERATOR: [Metric; 25] = [
    RESTICS,
    RESTIC_STATE,
    WORKLOAD_PROTECTED,
    WORKLOAD_REPOSITORIES,
    REPOSITORY_LAST_SUCCESS,
    REPOSITORY_LAST_BACKUP,
    REPOSITORY_NEXT_DUE,
    REPOSITORY_SUCCESS_DUE,
    REPOSITORY_CHECK_DUE,
    REPOSITORY_LAST_DURATION,
    REPOSITORY_SIZE,
    REPOSITORY_SNAPSHOTS,
    REPOSITORY_LAST_RESULT,
    REPOSITORY_INTEGRITY,
    REPOSITORY_LAST_CHECK,
    RECOVERY_PHASE,
    LEADER,
    CERTIFICATE_EXPIRY,
    GROUPS_DELETED,
    SWEEP_FAILURES,
    RECONCILES,
    RECONCILE_DURATION,
    QUEUE_DURATION,
    WEBHOOK_DECISIONS,
    WEBHOOK_DURATION,
];
