//! One workload and its repository: for whoever was told by an alert which one it is.

use super::board::{Board, lines, number, rows};
use super::figures::Figures;

const HERE: &str = "namespace=~\"$namespace\",repository=~\"$repository\"";

pub(super) fn board() -> Board {
    let Figures { due, success, size, snapshots, took: _ } = Figures::of(HERE);
    Board {
        uid: "stash-repository",
        title: "Stash / Repository",
        description: "The backups of one workload, and the repository they are in.",
        variables: vec![
            ("namespace", "label_values(restic_session_success, namespace)"),
            ("repository", "label_values(restic_session_success{namespace=~\"$namespace\"}, repository)"),
        ],
        rows: vec![
            (
                "Now",
                vec![
                    number(
                        "Last session",
                        "none",
                        format!("min(restic_session_success{{session=\"backup\",{HERE}}})"),
                    )
                    .red_below(1.0)
                    .says("1 when it succeeded."),
                    number("Last success", "s", format!("time() - min({success})")).says("How long ago it was."),
                    number("Next session", "s", format!("min({due}) - time()"))
                        .says("In how long it is due; negative when it is late."),
                    number("Size", "bytes", format!("sum({size})")),
                    number("Snapshots", "none", format!("sum({snapshots})")),
                    number("Paused", "none", format!("max(restic_session_paused{{{HERE}}})")),
                    rows(
                        "Why the last session failed",
                        &["namespace", "repository", "session", "reason"],
                        &[("is", "none")],
                        vec![format!("restic_session_failure_reason{{{HERE}}} == 1")],
                    ),
                    rows(
                        "Integrity",
                        &["namespace", "repository", "state"],
                        &[("checked", "s")],
                        vec![format!(
                            "max by (namespace, repository, state) (stash_repository_integrity{{{HERE}}}) * 0 \
                             + on (namespace, repository) group_left () \
                             (time() - max by (namespace, repository) (stash_repository_last_check_timestamp_seconds{{{HERE}}})) \
                             or max by (namespace, repository, state) (stash_repository_integrity{{{HERE},state=\"Unknown\"}})"
                        )],
                    )
                    .says("What the last check found, and how long ago that was."),
                ],
            ),
            (
                "Sessions",
                vec![
                    lines(
                        "Duration",
                        "s",
                        &[
                            (
                                "sum by (repository, filegroup, op) (restic_session_duration_seconds{namespace=~\"$namespace\",repository=~\"$repository\"})",
                                "{{repository}} {{filegroup}} {{op}}",
                            ),
                            (
                                "max by (repository, session) (restic_session_duration_seconds_total{namespace=~\"$namespace\",repository=~\"$repository\"})",
                                "{{repository}} {{session}}, all",
                            ),
                        ],
                    ),
                    lines(
                        "Files",
                        "none",
                        &[(
                            "sum by (repository, state) (restic_session_files{session=\"backup\",namespace=~\"$namespace\",repository=~\"$repository\"})",
                            "{{repository}} {{state}}",
                        )],
                    ),
                    lines(
                        "Bytes that were looked at",
                        "bytes",
                        &[(
                            "restic_session_bytes_processed{session=\"backup\",namespace=~\"$namespace\",repository=~\"$repository\"}",
                            "{{repository}} {{filegroup}}",
                        )],
                    ),
                    lines(
                        "Bytes that were added",
                        "bytes",
                        &[(
                            "restic_session_bytes_added{session=\"backup\",namespace=~\"$namespace\",repository=~\"$repository\"}",
                            "{{repository}} {{filegroup}}",
                        )],
                    ),
                    lines(
                        "Sessions that were skipped, late, or not told of",
                        "none",
                        &[
                            (
                                "restic_session_skipped_ticks_total{namespace=~\"$namespace\",repository=~\"$repository\"}",
                                "{{repository}} skipped",
                            ),
                            (
                                "restic_session_late_ticks_total{namespace=~\"$namespace\",repository=~\"$repository\"}",
                                "{{repository}} late",
                            ),
                            (
                                "restic_session_push_failures_total{namespace=~\"$namespace\",repository=~\"$repository\"}",
                                "{{repository}} pushes lost",
                            ),
                        ],
                    ),
                ],
            ),
            (
                "Repository",
                vec![
                    lines(
                        "Size",
                        "bytes",
                        &[(
                            "restic_repository_size_bytes{namespace=~\"$namespace\",repository=~\"$repository\"}",
                            "{{repository}} after {{session}}",
                        )],
                    ),
                    lines(
                        "Snapshots",
                        "none",
                        &[
                            (
                                "restic_repository_snapshots{namespace=~\"$namespace\",repository=~\"$repository\"}",
                                "{{repository}} after {{session}}",
                            ),
                            (
                                "restic_session_snapshots_kept{namespace=~\"$namespace\",repository=~\"$repository\"}",
                                "{{repository}} {{filegroup}} kept",
                            ),
                            (
                                "restic_session_snapshots_removed{namespace=~\"$namespace\",repository=~\"$repository\"}",
                                "{{repository}} {{filegroup}} removed",
                            ),
                        ],
                    ),
                ],
            ),
        ],
    }
}
