//! Every metric of a session, as values: what code pushes, documentation lists, dashboards and alerts use. Those of the
//! operator are in [`operator`].
//!
//! All are pushed together at the end of a session, under the labels of [`super::names::grouping_key`]
//! (`job`, `namespace`, `kind`, `app`, `stash_config`, `repository`, `session`); [`Metric::labels`] are those
//! beside them. The first four are those of Stash 0.8.3, with its names, types and texts.

pub mod operator;

/// How a value moves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// It may go up and down.
    Gauge,
    /// It only goes up while the process lives.
    Counter,
    /// Observations by size.
    Histogram,
}

impl Kind {
    /// As the `# TYPE` line of the text format says it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
            Kind::Histogram => "histogram",
        }
    }
}

/// One metric family.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// What it says, in which unit, and when it is absent.
    pub help: &'static str,
    /// Labels beside those of the grouping key.
    pub labels: &'static [&'static str],
}

/// Values of the label `op`.
pub const OPERATIONS: [&str; 3] = ["backup", "forget", "restore"];
/// Values of the label `state`.
pub const FILE_STATES: [&str; 4] = ["new", "changed", "unmodified", "skipped"];

const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind: Kind::Gauge, help, labels }
}

const fn counter(name: &'static str, help: &'static str) -> Metric {
    Metric { name, kind: Kind::Counter, help, labels: &[] }
}

/// 1 or 0.
pub const SUCCESS: Metric =
    gauge("restic_session_success", &[], "Indicates if session was successfully completed");
/// The inverse of [`SUCCESS`].
pub const FAIL: Metric = gauge("restic_session_fail", &[], "Indicates if session failed");
/// A gauge in spite of its name: 0.8.3 called it so.
pub const DURATION_TOTAL: Metric = gauge(
    "restic_session_duration_seconds_total",
    &[],
    "Seconds taken to complete restic session for all FileGroups",
);
/// Per file group and operation.
pub const DURATION: Metric = gauge(
    "restic_session_duration_seconds",
    &["filegroup", "op"],
    "Seconds taken to complete restic session for a FileGroup",
);
/// When the session began.
pub const START_TIME: Metric = gauge(
    "restic_session_start_timestamp_seconds",
    &[],
    "Unix time at which the last session began, whatever its result",
);
/// Survives failures and restarts.
pub const LAST_SUCCESS_TIME: Metric = gauge(
    "restic_session_last_success_timestamp_seconds",
    &[],
    "Unix time at which the last successful session began; kept across failures and restarts, \
     absent until a session has succeeded",
);
/// When the next one is due.
pub const NEXT_DUE_TIME: Metric = gauge(
    "restic_session_next_due_timestamp_seconds",
    &[],
    "Unix time at which the next session is due; absent while paused and for recoveries",
);
/// Only while failing.
pub const FAILURE_REASON: Metric = gauge(
    "restic_session_failure_reason",
    &["reason"],
    "1 for the reason why the last session did not succeed; absent when it succeeded",
);
/// Read.
pub const BYTES_PROCESSED: Metric = gauge(
    "restic_session_bytes_processed",
    &["filegroup"],
    "Bytes of all files in the snapshot of a FileGroup, unmodified ones included; of a recovery, bytes written; \
     absent when no snapshot came about",
);
/// Stored.
pub const BYTES_ADDED: Metric = gauge(
    "restic_session_bytes_added",
    &["filegroup"],
    "Bytes that the last session added to the repository for a FileGroup, compressed and encrypted; \
     0 for a recovery; absent when no snapshot came about",
);
/// By state.
pub const FILES: Metric = gauge(
    "restic_session_files",
    &["filegroup", "state"],
    "Files of a FileGroup in the last session: new, changed or unmodified against the snapshot before, or skipped \
     because they could not be read; a recovery counts restored files as new; absent when no snapshot came about",
);
/// By the retention policy.
pub const SNAPSHOTS_KEPT: Metric = gauge(
    "restic_session_snapshots_kept",
    &["filegroup"],
    "Snapshots of a FileGroup that its retention policy kept; absent without a policy or when it was not applied",
);
/// By the retention policy.
pub const SNAPSHOTS_REMOVED: Metric = gauge(
    "restic_session_snapshots_removed",
    &["filegroup"],
    "Snapshots of a FileGroup that its retention policy removed, or would have in a dry run; \
     absent without a policy or when it was not applied",
);
/// 1 or 0.
pub const PAUSED: Metric = gauge(
    "restic_session_paused",
    &[],
    "1 while the Restic is paused and no session is due, otherwise 0; absent for recoveries",
);
/// Since the process started.
pub const SKIPPED_TICKS: Metric = counter(
    "restic_session_skipped_ticks_total",
    "Ticks of the schedule that were skipped because the session before was still running, \
     since the process started; absent for recoveries",
);
/// Since the process started.
pub const LATE_TICKS: Metric = counter(
    "restic_session_late_ticks_total",
    "Ticks of the schedule that were served late because the machine was suspended or overloaded, \
     since the process started; absent for recoveries",
);
/// Pushes that did not arrive.
pub const PUSH_FAILURES: Metric = counter(
    "restic_session_push_failures_total",
    "Pushes of this process to the gateway that did not arrive before this one, since it started",
);
/// In the storage.
pub const REPOSITORY_SIZE: Metric = gauge(
    "restic_repository_size_bytes",
    &[],
    "Bytes that the repository takes in its storage; absent when the session ended before it was measured",
);
/// In the repository.
pub const REPOSITORY_SNAPSHOTS: Metric = gauge(
    "restic_repository_snapshots",
    &[],
    "Snapshots in the repository, of all hosts and paths; absent when the session ended before they were counted",
);

/// Every metric of a session: the four of 0.8.3 first.
pub const SESSION: [Metric; 19] = [
    SUCCESS,
    FAIL,
    DURATION_TOTAL,
    DURATION,
    START_TIME,
    LAST_SUCCESS_TIME,
    NEXT_DUE_TIME,
    FAILURE_REASON,
    BYTES_PROCESSED,
    BYTES_ADDED,
    FILES,
    SNAPSHOTS_KEPT,
    SNAPSHOTS_REMOVED,
    PAUSED,
    SKIPPED_TICKS,
    LATE_TICKS,
    PUSH_FAILURES,
    REPOSITORY_SIZE,
    REPOSITORY_SNAPSHOTS,
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::report::{SessionIdentity, SessionKind};

    #[test]
    fn the_four_of_0_8_3_keep_name_type_labels_and_text() {
        let four: Vec<String> = SESSION
            .iter()
            .take(4)
            .map(|metric| {
                format!("{} {} {:?} {}", metric.name, metric.kind.as_str(), metric.labels, metric.help)
            })
            .collect();
        assert_eq!(
            four,
            [
                "restic_session_success gauge [] Indicates if session was successfully completed",
                "restic_session_fail gauge [] Indicates if session failed",
                "restic_session_duration_seconds_total gauge [] Seconds taken to complete restic session for all FileGroups",
                "restic_session_duration_seconds gauge [\"filegroup\", \"op\"] Seconds taken to complete restic session for a FileGroup",
            ]
        );
    }

    #[test]
    fn names_are_unique_and_say_their_type() {
        let names: BTreeSet<&str> = SESSION.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), SESSION.len());
        for metric in SESSION.iter().skip(4) {
            assert_eq!(metric.name.ends_with("_total"), metric.kind == Kind::Counter, "{}", metric.name);
        }
    }

    /// A gateway refuses a metric that brings a label of its group.
    #[test]
    fn no_metric_has_a_label_of_the_grouping_key() {
        let group = crate::rules::names::grouping_key(&SessionIdentity {
            session: SessionKind::Backup,
            namespace: String::new(),
            config: String::new(),
            kind: String::new(),
            app: String::new(),
            repository: String::new(),
        });
        for metric in SESSION {
            for label in metric.labels {
                assert!(!group.contains_key(*label), "{}: {label}", metric.name);
            }
        }
    }
}
