//! Groups as backup sessions and batch jobs leave them, and as nobody should.

use super::site::Site;

/// A session that succeeded.
fn session(bytes: u64, seconds: f64, now: i64) -> String {
    let mut text = format!(
        "# HELP restic_session_success Indicates if session was successfully completed\n\
         # TYPE restic_session_success gauge\nrestic_session_success 1\n\
         # HELP restic_session_fail Indicates if session failed\n\
         # TYPE restic_session_fail gauge\nrestic_session_fail 0\n\
         # HELP restic_session_duration_seconds_total Seconds taken to complete restic session for all FileGroups\n\
         # TYPE restic_session_duration_seconds_total gauge\nrestic_session_duration_seconds_total {seconds}\n\
         # HELP restic_session_duration_seconds Seconds taken to complete restic session for a FileGroup\n\
         # TYPE restic_session_duration_seconds gauge\n"
    );
    for (group, share) in [("/srv/website", 0.25), ("/srv/website/uploads", 0.75)] {
        for (op, part) in [("backup", 0.9), ("forget", 0.1)] {
            let seconds = seconds * share * part;
            text.push_str(&format!(
                "restic_session_duration_seconds{{filegroup=\"{group}\",op=\"{op}\"}} {seconds:.3}\n"
            ));
        }
    }
    text.push_str("# HELP restic_session_files Files of a FileGroup by their state\n# TYPE restic_session_files gauge\n");
    for (state, files) in [("new", 42), ("changed", 7), ("unmodified", 18_233), ("skipped", 0)] {
        text.push_str(&format!(
            "restic_session_files{{filegroup=\"/srv/website\",state=\"{state}\"}} {files}\n"
        ));
    }
    text.push_str(&format!(
        "# HELP restic_repository_size_bytes Bytes that the repository takes in its storage; absent when the session ended before it was measured\n\
         # TYPE restic_repository_size_bytes gauge\nrestic_repository_size_bytes {bytes}\n\
         # HELP restic_session_start_timestamp_seconds Unix time at which the last session began, whatever its result\n\
         # TYPE restic_session_start_timestamp_seconds gauge\nrestic_session_start_timestamp_seconds {}\n\
         # HELP restic_session_next_due_timestamp_seconds Unix time at which the next session is due\n\
         # TYPE restic_session_next_due_timestamp_seconds gauge\nrestic_session_next_due_timestamp_seconds {}\n",
        now - 95,
        now + 3_600,
    ));
    text
}

/// A batch job with every kind of family.
const BATCH: &str = "# HELP import_rows_total Rows by what became of them\n# TYPE import_rows_total counter\n\
    import_rows_total{result=\"inserted\"} 1.204331e+06\nimport_rows_total{result=\"updated\"} 88120\nimport_rows_total{result=\"refused\"} 3\n\
    # HELP import_chunk_seconds How long each chunk took\n# TYPE import_chunk_seconds histogram\n\
    import_chunk_seconds_bucket{le=\"0.05\"} 24\nimport_chunk_seconds_bucket{le=\"0.1\"} 310\nimport_chunk_seconds_bucket{le=\"0.25\"} 1204\n\
    import_chunk_seconds_bucket{le=\"0.5\"} 1711\nimport_chunk_seconds_bucket{le=\"1\"} 1790\nimport_chunk_seconds_bucket{le=\"2.5\"} 1802\n\
    import_chunk_seconds_bucket{le=\"+Inf\"} 1804\nimport_chunk_seconds_sum 402.75\nimport_chunk_seconds_count 1804\n\
    # HELP import_request_seconds Time to the first byte of the source\n# TYPE import_request_seconds summary\n\
    import_request_seconds{quantile=\"0.5\"} 0.0421\nimport_request_seconds{quantile=\"0.9\"} 0.131\nimport_request_seconds{quantile=\"0.99\"} 0.844\n\
    import_request_seconds_sum 98.2\nimport_request_seconds_count 1804\n\
    import_exit_code 0\n";

/// Groups of an ordinary day.
pub(super) fn ordinary(site: &Site) {
    let now = jiff::Timestamp::now().as_second();
    for (number, (workload, kind)) in [
        ("website", "Deployment"),
        ("mail", "StatefulSet"),
        ("wiki", "Deployment"),
        ("database", "StatefulSet"),
    ]
    .into_iter()
    .enumerate()
    {
        let labels =
            [("instance", workload), ("namespace", "demo"), ("workload_kind", kind), ("app", "backup")];
        site.put(
            &format!("demo-{workload}"),
            &labels,
            &session((number as u64 + 3) * 1_234_567_890, 63.5, now),
        );
    }
    site.put("nightly-import", &[("instance", "batch-7"), ("path", "/var/lib/import/2026")], BATCH);
    site.fail(
        "demo-mail",
        &[("instance", "mail"), ("namespace", "demo"), ("workload_kind", "StatefulSet"), ("app", "backup")],
    );
    site.fail("demo-archive", &[("instance", "archive"), ("namespace", "demo"), ("empty", "")]);
}

pub(super) const EVIL: &str = "\"'></bdi></summary><script>window.broken = true</script><img src=x onerror=\"window.broken = true\">\u{202e}\u{0}ü😀";

/// Everything that a stranger chooses is chosen badly.
pub(super) fn hostile(site: &Site) {
    let long = "very-long-".repeat(1_000);
    let labels = [
        ("evil", EVIL),
        ("long", long.as_str()),
        ("nothing", ""),
        ("javascript", "javascript:window.broken=true"),
        ("rtl", "مرحبا بالعالم"),
    ];
    let quoted = EVIL.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let help = EVIL.replace('\\', "\\\\").replace('\n', "\\n");
    let body = format!(
        "# HELP evil {help}\n# TYPE evil gauge\nevil{{own=\"{quoted}\",long=\"{long}\"}} 1\n\
         # HELP evil_histogram {help}\n# TYPE evil_histogram histogram\nevil_histogram_bucket{{own=\"{quoted}\",le=\"1\"}} 1\n\
         evil_histogram_sum{{own=\"{quoted}\"}} NaN\nevil_histogram_count{{own=\"{quoted}\"}} 1\n"
    );
    site.put(EVIL, &labels, &body);
}
