//! A finished session in a few lines for people: what was done, how much, how long, and what went wrong.

use domain::report::{GroupReport, Outcome, SessionKind, SessionReport};
use domain::rules::status::{human_bytes, short_duration};

/// Logs the session: a line per file group, and one for the whole.
pub fn say(report: &SessionReport) {
    for group in &report.groups {
        let line = group_line(group);
        let failure = [&group.backup, &group.forget, &group.restore]
            .into_iter()
            .flatten()
            .find_map(|operation| operation.failure.as_ref());
        match failure {
            None => tracing::info!("{line}"),
            Some(failure) => tracing::error!(reason = failure.reason.as_str(), "{line}: {}", failure.message),
        }
    }
    let line = session_line(report);
    match report.outcome {
        Outcome::Succeeded => tracing::info!("{line}"),
        _ => tracing::error!("{line}"),
    }
}

/// `backup demo succeeded in 1.2s: repository 3.4 MiB, 5 snapshots`
#[must_use]
pub fn session_line(report: &SessionReport) -> String {
    let what = match report.identity.session {
        SessionKind::Backup => "backup",
        SessionKind::Recovery => "recovery",
    };
    let how = match report.outcome {
        Outcome::Succeeded => "succeeded",
        Outcome::Incomplete => "is INCOMPLETE",
        Outcome::Failed => "FAILED",
        Outcome::Cancelled => "was CANCELLED",
    };
    let mut line = format!("{what} {} {how} in {}", report.identity.config, short_duration(report.duration));
    let mut facts = Vec::new();
    if let Some(bytes) = report.repository_bytes {
        facts.push(format!("repository {}", human_bytes(bytes)));
    }
    if let Some(count) = report.repository_snapshots {
        facts.push(format!("{count} snapshots"));
    }
    if !facts.is_empty() {
        line = format!("{line}: {}", facts.join(", "));
    }
    // The groups have said their own failures; what failed before the first group is said here.
    if report.groups.is_empty()
        && let Some(failure) = &report.failure
    {
        line = format!("{line}: {}", failure.message);
    }
    line
}

/// `/srv/data → snapshot 1a2b3c4d: 3 new, 1 changed, 20 unmodified files, 1.2 MiB, 30 KiB added; kept 5, removed 1`
#[must_use]
pub fn group_line(group: &GroupReport) -> String {
    let mut line = group.path.clone();
    if let Some(id) = &group.snapshot {
        let arrow = if group.restore.is_some() { "←" } else { "→" };
        line = format!("{line} {arrow} snapshot {}", id.get(..8).unwrap_or(id));
    }
    if let Some(amount) = &group.amount {
        let bytes = human_bytes(amount.bytes_processed);
        let facts = if group.restore.is_some() {
            format!("{} files, {bytes} restored", amount.files_new)
        } else {
            format!(
                "{} new, {} changed, {} unmodified files, {bytes}, {} added",
                amount.files_new,
                amount.files_changed,
                amount.files_unmodified,
                human_bytes(amount.bytes_added)
            )
        };
        line = format!("{line}: {facts}");
        if amount.files_skipped > 0 {
            line = format!("{line}, {} SKIPPED", amount.files_skipped);
        }
    }
    if let Some(count) = &group.retention {
        line = format!("{line}; kept {}, removed {}", count.kept, count.removed);
    }
    line
}
