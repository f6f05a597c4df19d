//! What is protected, what is late, what failed: for whoever wants to know at a glance.

use super::board::{Board, lines, number, rows};
use super::figures::Figures;

pub(super) fn board() -> Board {
    let Figures { due, success, took, size, snapshots } = Figures::of("namespace=~\"$namespace\"");
    Board {
        uid: "stash-overview",
        title: "Stash / Overview",
        description: "What is protected, what is late, what failed.",
        variables: vec![("namespace", "label_values(restic_session_success, namespace)")],
        rows: vec![
            (
                "Now",
                vec![
                    number("Successful", "none", "sum(restic_session_success{session=\"backup\",namespace=~\"$namespace\"})")
                        .says("Repositories whose last session succeeded."),
                    number("Failed", "none", "sum(restic_session_fail{session=\"backup\",namespace=~\"$namespace\"})")
                        .red_from(1.0)
                        .says("Repositories whose last session did not succeed."),
                    number("Late", "none", format!("count(time() - {due} > 900) or vector(0)"))
                        .red_from(1.0)
                        .says("Sessions that were due a quarter of an hour ago and have not reported."),
                    number("Oldest success", "s", format!("time() - min({success})"))
                        .says("How long ago the repository that waits longest had its last success."),
                    number(
                        "Protected workloads",
                        "none",
                        "sum(max by (namespace, kind, workload) (stash_workload_protected{namespace=~\"$namespace\"}))",
                    ),
                    number(
                        "Not protected",
                        "none",
                        "count(max by (namespace, kind, workload) (stash_workload_protected{namespace=~\"$namespace\"}) == 0) \
                         or vector(0)",
                    )
                    .red_from(1.0)
                    .says("Workloads that a Restic selects and that have not its container."),
                ],
            ),
            (
                "What is protected",
                vec![
                    rows(
                        "Repositories",
                        &["namespace", "repository"],
                        &[
                            ("last success", "s"),
                            ("next session in", "s"),
                            ("took", "s"),
                            ("size", "bytes"),
                            ("snapshots", "none"),
                        ],
                        vec![format!("time() - {success}"), format!("{due} - time()"), took, size, snapshots],
                    )
                    .wide(24)
                    .says("A negative time to the next session is one that is late."),
                ],
            ),
            (
                "What is not as it should be",
                vec![
                    rows(
                        "Failed sessions",
                        &["namespace", "app", "kind", "stash_config", "session", "reason"],
                        &[("failed", "none")],
                        vec!["restic_session_failure_reason{namespace=~\"$namespace\"} == 1".to_owned()],
                    ),
                    rows(
                        "Late sessions",
                        &["namespace", "repository"],
                        &[("late for", "s")],
                        vec![format!("time() - {due} > 900")],
                    ),
                    rows(
                        "Workloads",
                        &["namespace", "kind", "workload", "restic"],
                        &[("protected", "none")],
                        vec![
                            "sort(max by (namespace, kind, workload, restic) (stash_workload_protected{namespace=~\"$namespace\"}))"
                                .to_owned(),
                        ],
                    )
                    .says("0 is a workload that is selected and not backed up."),
                    rows(
                        "Restics",
                        &["namespace", "restic", "state"],
                        &[("is", "none")],
                        vec![
                            "max by (namespace, restic, state) (stash_restic_state{namespace=~\"$namespace\"})"
                                .to_owned(),
                        ],
                    ),
                    rows(
                        "Recoveries",
                        &["namespace", "recovery", "phase"],
                        &[("is", "none")],
                        vec![
                            "max by (namespace, recovery, phase) (stash_recovery_phase{namespace=~\"$namespace\"})"
                                .to_owned(),
                        ],
                    ),
                    rows(
                        "Integrity",
                        &["namespace", "repository", "state"],
                        &[("is", "none")],
                        vec![
                            "max by (namespace, repository, state) (stash_repository_integrity{namespace=~\"$namespace\"})"
                                .to_owned(),
                        ],
                    ),
                ],
            ),
            (
                "Over time",
                vec![
                    lines(
                        "Sessions",
                        "none",
                        &[
                            ("sum(restic_session_success{namespace=~\"$namespace\"})", "succeeded"),
                            ("sum(restic_session_fail{namespace=~\"$namespace\"})", "failed"),
                        ],
                    ),
                    lines(
                        "Duration of actions",
                        "s",
                        &[(
                            "sum by (namespace, app, op) (restic_session_duration_seconds{namespace=~\"$namespace\"})",
                            "{{namespace}} - {{app}} - {{op}}",
                        )],
                    ),
                    lines(
                        "Size of repositories",
                        "bytes",
                        &[("sum by (namespace) (restic_repository_size_bytes{namespace=~\"$namespace\"})", "{{namespace}}")],
                    ),
                    lines(
                        "Bytes added by the last sessions",
                        "bytes",
                        &[(
                            "sum by (namespace, app) (restic_session_bytes_added{session=\"backup\",namespace=~\"$namespace\"})",
                            "{{namespace}} - {{app}}",
                        )],
                    ),
                ],
            ),
        ],
    }
}
