//! A session report as metric families: every number that was measured, and none that was not.

use domain::report::{GroupReport, OperationReport, Outcome, SessionIdentity, SessionReport};
use domain::rules::metrics::{self, Metric};
use domain::rules::names;
use exposition::{Family, GroupingKey, Kind, Value};
use jiff::Timestamp;

use crate::ticks::TickCounts;

/// What a report cannot know because it outlives the session.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Standing {
    /// Start of the last session that succeeded, the reported one included.
    pub last_success: Option<Timestamp>,
    /// When the next session is due; none while paused.
    pub next_due: Option<Timestamp>,
    /// Whether the Restic is paused; none for a recovery, which cannot be.
    pub paused: Option<bool>,
    /// What became of the schedule's ticks; none where no schedule runs (a session by hand, a recovery).
    pub ticks: Option<TickCounts>,
    /// Pushes of this process that did not arrive before this one.
    pub push_failures: u64,
}

/// The group these families belong to.
///
/// # Errors
/// When a value cannot stand in a grouping key; names that passed validation always can.
pub fn grouping_key(identity: &SessionIdentity) -> Result<GroupingKey, exposition::grouping::KeyError> {
    let mut labels = names::grouping_key(identity);
    let job = labels.remove("job").unwrap_or_default();
    GroupingKey::new(job, labels)
}

/// All families of a group: of its last session, when there was one, and of what stands beside it.
#[must_use]
pub fn families(report: Option<&SessionReport>, standing: &Standing) -> Vec<Family> {
    let mut out = Families::default();
    if let Some(report) = report {
        add_session(&mut out, report);
    }
    if let Some(at) = standing.last_success {
        out.add(&metrics::LAST_SUCCESS_TIME, [], seconds(at));
    }
    if let Some(at) = standing.next_due {
        out.add(&metrics::NEXT_DUE_TIME, [], seconds(at));
    }
    if let Some(paused) = standing.paused {
        out.add(&metrics::PAUSED, [], flag(paused));
    }
    if let Some(ticks) = standing.ticks {
        out.add(&metrics::SKIPPED_TICKS, [], ticks.skipped as f64);
        out.add(&metrics::LATE_TICKS, [], ticks.late as f64);
    }
    out.add(&metrics::PUSH_FAILURES, [], standing.push_failures as f64);
    out.done()
}

fn add_session(out: &mut Families, report: &SessionReport) {
    let success = report.outcome == Outcome::Succeeded;
    out.add(&metrics::SUCCESS, [], flag(success));
    out.add(&metrics::FAIL, [], flag(!success));
    out.add(&metrics::DURATION_TOTAL, [], report.duration.as_secs_f64());
    out.add(&metrics::START_TIME, [], seconds(report.start));
    if let Some(failure) = &report.failure {
        out.add(&metrics::FAILURE_REASON, [("reason", failure.reason.as_str())], 1.0);
    }
    for group in &report.groups {
        add_group(out, group);
    }
    if let Some(bytes) = report.repository_bytes {
        out.add(&metrics::REPOSITORY_SIZE, [], bytes as f64);
    }
    if let Some(count) = report.repository_snapshots {
        out.add(&metrics::REPOSITORY_SNAPSHOTS, [], count as f64);
    }
}

fn add_group(out: &mut Families, group: &GroupReport) {
    let label = names::file_group_label(&group.path);
    let label = label.as_str();
    let mut duration = |op: &str, operation: &Option<OperationReport>| {
        if let Some(operation) = operation {
            let value = operation.duration.as_secs_f64();
            out.add(&metrics::DURATION, [("filegroup", label), ("op", op)], value);
        }
    };
    duration("backup", &group.backup);
    duration("forget", &group.forget);
    duration("restore", &group.restore);
    if let Some(amount) = &group.amount {
        let states = [
            ("new", amount.files_new),
            ("changed", amount.files_changed),
            ("unmodified", amount.files_unmodified),
            ("skipped", amount.files_skipped),
        ];
        for (state, count) in states {
            out.add(&metrics::FILES, [("filegroup", label), ("state", state)], count as f64);
        }
        out.add(&metrics::BYTES_PROCESSED, [("filegroup", label)], amount.bytes_processed as f64);
        // A restore adds nothing to the repository, so there is nothing to report.
        if group.backup.is_some() {
            out.add(&metrics::BYTES_ADDED, [("filegroup", label)], amount.bytes_added as f64);
        }
    }
    if let Some(count) = &group.retention {
        out.add(&metrics::SNAPSHOTS_KEPT, [("filegroup", label)], count.kept as f64);
        out.add(&metrics::SNAPSHOTS_REMOVED, [("filegroup", label)], count.removed as f64);
    }
}

fn flag(value: bool) -> f64 {
    if value { 1.0 } else { 0.0 }
}

fn seconds(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1000.0
}

/// Families in the making, one per metric name.
#[derive(Default)]
struct Families(exposition::Families);

impl Families {
    fn add<'a>(&mut self, metric: &Metric, labels: impl IntoIterator<Item = (&'a str, &'a str)>, value: f64) {
        let kind = match metric.kind {
            metrics::Kind::Gauge => Kind::Gauge,
            metrics::Kind::Counter => Kind::Counter,
            metrics::Kind::Histogram => Kind::Histogram,
        };
        self.0.add(metric.name, metric.help, kind, labels, Value::Number(value));
    }

    fn done(self) -> Vec<Family> {
        self.0.done()
    }
}
