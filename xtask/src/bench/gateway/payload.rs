//! What one backup session pushes: 24 families with 31 samples, about 6 kB of text, and the path of its group.

use std::fmt::Write;

/// Name, help and the samples' own labels. The session's own metrics, and what the hooks around it push beside them.
type Family = (&'static str, &'static str, &'static [&'static str]);

const FAMILIES: [Family; 24] = [
    ("restic_session_success", "Indicates if session was successfully completed", &[""]),
    ("restic_session_fail", "Indicates if session failed", &[""]),
    (
        "restic_session_duration_seconds_total",
        "Seconds taken to complete restic session for all FileGroups",
        &[""],
    ),
    (
        "restic_session_duration_seconds",
        "Seconds taken to complete restic session for a FileGroup",
        &[
            "{filegroup=\"|var|lib|postgresql|16|main\",op=\"backup\"}",
            "{filegroup=\"|var|lib|postgresql|16|main\",op=\"forget\"}",
        ],
    ),
    (
        "restic_session_start_timestamp_seconds",
        "Unix time at which the last session began, whatever its result",
        &[""],
    ),
    (
        "restic_session_last_success_timestamp_seconds",
        "Unix time at which the last successful session began; kept across failures and restarts, absent until a session has succeeded",
        &[""],
    ),
    (
        "restic_session_next_due_timestamp_seconds",
        "Unix time at which the next session is due; absent while paused and for recoveries",
        &[""],
    ),
    (
        "restic_session_bytes_processed",
        "Bytes of all files in the snapshot of a FileGroup, unmodified ones included; of a recovery, bytes written; absent when no snapshot came about",
        &["{filegroup=\"|var|lib|postgresql|16|main\"}"],
    ),
    (
        "restic_session_bytes_added",
        "Bytes that the last session added to the repository for a FileGroup, compressed and encrypted; 0 for a recovery; absent when no snapshot came about",
        &["{filegroup=\"|var|lib|postgresql|16|main\"}"],
    ),
    (
        "restic_session_files",
        "Files of a FileGroup in the last session: new, changed or unmodified against the snapshot before, or skipped because they could not be read; a recovery counts restored files as new; absent when no snapshot came about",
        &[
            "{filegroup=\"|var|lib|postgresql|16|main\",state=\"new\"}",
            "{filegroup=\"|var|lib|postgresql|16|main\",state=\"changed\"}",
            "{filegroup=\"|var|lib|postgresql|16|main\",state=\"unmodified\"}",
            "{filegroup=\"|var|lib|postgresql|16|main\",state=\"skipped\"}",
        ],
    ),
    (
        "restic_session_snapshots_kept",
        "Snapshots of a FileGroup that its retention policy kept; absent without a policy or when it was not applied",
        &["{filegroup=\"|var|lib|postgresql|16|main\"}"],
    ),
    (
        "restic_session_snapshots_removed",
        "Snapshots of a FileGroup that its retention policy removed, or would have in a dry run; absent without a policy or when it was not applied",
        &["{filegroup=\"|var|lib|postgresql|16|main\"}"],
    ),
    (
        "restic_session_paused",
        "1 while the Restic is paused and no session is due, otherwise 0; absent for recoveries",
        &[""],
    ),
    (
        "restic_session_skipped_ticks_total",
        "Ticks of the schedule that were skipped because the session before was still running, since the process started; absent for recoveries",
        &[""],
    ),
    (
        "restic_session_late_ticks_total",
        "Ticks of the schedule that were served late because the machine was suspended or overloaded, since the process started; absent for recoveries",
        &[""],
    ),
    (
        "restic_session_push_failures_total",
        "Pushes of this process to the gateway that did not arrive before this one, since it started",
        &[""],
    ),
    (
        "restic_repository_size_bytes",
        "Bytes that the repository takes in its storage; absent when the session ended before it was measured",
        &[""],
    ),
    (
        "restic_repository_snapshots",
        "Snapshots in the repository, of all hosts and paths; absent when the session ended before they were counted",
        &[""],
    ),
    (
        "backup_hook_duration_seconds",
        "Seconds that a hook around the session took",
        &["{hook=\"before\"}", "{hook=\"after\"}"],
    ),
    (
        "backup_hook_exit_code",
        "Exit code of a hook around the session",
        &["{hook=\"before\"}", "{hook=\"after\"}"],
    ),
    (
        "backup_hook_attempts",
        "How often a hook around the session was tried",
        &["{hook=\"before\"}", "{hook=\"after\"}"],
    ),
    ("backup_volume_size_bytes", "Bytes that the volume under the data can hold", &[""]),
    ("backup_volume_used_bytes", "Bytes that are taken on the volume under the data", &[""]),
    ("backup_volume_used_inodes", "Inodes that are taken on the volume under the data", &[""]),
];

/// Requests to PUT session number `session` of each group, in the form in which they go over the wire.
pub(super) struct Requests {
    heads: Vec<String>,
    bodies: Vec<String>,
}

impl Requests {
    pub(super) fn new(groups: usize) -> Self {
        // Values differ from push to push, so that nothing can be gained by comparing with the push before.
        let bodies: Vec<String> = (0..16).map(body).collect();
        Self { heads: (0..groups).map(|group| format!("PUT {} HTTP/1.1\r\n", path(group))).collect(), bodies }
    }

    pub(super) fn groups(&self) -> usize {
        self.heads.len()
    }

    /// The `number`th push, as bytes in `out`: groups take turns.
    pub(super) fn write(&self, number: usize, out: &mut Vec<u8>) {
        out.clear();
        let head = self.heads.get(number % self.heads.len().max(1)).map_or("", String::as_str);
        // Each time a group's turn comes it pushes another body.
        let turn = number / self.heads.len().max(1) + number;
        let body = self.bodies.get(turn % self.bodies.len().max(1)).map_or("", String::as_str);
        out.extend_from_slice(head.as_bytes());
        let headers =
            format!("Host: gateway\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n", body.len());
        out.extend_from_slice(headers.as_bytes());
        out.extend_from_slice(body.as_bytes());
    }
}

/// The grouping key of one Repository's backup sessions.
fn path(group: usize) -> String {
    let team = group % 23;
    format!(
        "/metrics/job/team-{team:02}-app-{group:05}/namespace/team-{team:02}/kind/Deployment/app/app-{group:05}\
         /stash_config/backup-{group:05}/repository/deployment.app-{group:05}/session/backup"
    )
}

fn body(session: u64) -> String {
    let mut text = String::new();
    for (number, (name, help, samples)) in (1u64..).zip(FAMILIES) {
        let kind = if name.starts_with("restic_session")
            && name.ends_with("s_total")
            && !name.contains("duration")
        {
            "counter"
        } else {
            "gauge"
        };
        // Writing to a string cannot fail.
        let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
        for (place, labels) in (1u64..).zip(samples) {
            let value = value(name, number * 7 + place + session * 131);
            let _ = writeln!(text, "{name}{labels} {value}");
        }
    }
    text
}

/// A number of the size that is usual for the metric.
fn value(name: &str, seed: u64) -> String {
    let noise = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    if name.contains("timestamp") {
        format!("{}.{:03}", 1_790_000_000 + noise % 100_000, noise % 1000)
    } else if name.contains("bytes") {
        (noise * 977).to_string()
    } else if name.contains("duration") {
        format!("{}.{:06}", noise % 600, noise % 1_000_000)
    } else {
        (noise % 100).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_as_large_as_the_one_the_goals_were_measured_with() {
        let text = body(3);
        let samples = text.lines().filter(|line| !line.starts_with('#')).count();
        let families = text.lines().filter(|line| line.starts_with("# TYPE")).count();
        assert_eq!((families, samples), (24, 31));
        assert!((5500..6500).contains(&text.len()), "{}", text.len());
    }
}
