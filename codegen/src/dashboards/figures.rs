//! What both the operator and the sessions tell of a repository, as one expression each.

/// Expressions with the labels `namespace` and `repository`.
pub(super) struct Figures {
    /// When the next session is due.
    pub(super) due: String,
    /// When the last success was.
    pub(super) success: String,
    /// How long the last session took.
    pub(super) took: String,
    /// Bytes in the storage.
    pub(super) size: String,
    /// Snapshots in it.
    pub(super) snapshots: String,
}

impl Figures {
    /// Of the repositories that `filter` selects, a list of labels in PromQL.
    pub(super) fn of(filter: &str) -> Self {
        let either = |operator, pushed| either(operator, pushed, filter);
        Self {
            due: either(
                "stash_repository_next_due_timestamp_seconds",
                "restic_session_next_due_timestamp_seconds",
            ),
            success: either(
                "stash_repository_last_success_timestamp_seconds",
                "restic_session_last_success_timestamp_seconds",
            ),
            took: either("stash_repository_last_duration_seconds", "restic_session_duration_seconds_total"),
            size: either("stash_repository_size_bytes", "restic_repository_size_bytes"),
            snapshots: either("stash_repository_snapshots", "restic_repository_snapshots"),
        }
    }
}

/// Of a figure that both tell the operator's wins, since it survives every restart. Several replicas of the operator tell
/// the same.
fn either(operator: &str, pushed: &str, filter: &str) -> String {
    format!(
        "(max by (namespace, repository) ({operator}{{{filter}}}) or on (namespace, repository) \
         max by (namespace, repository) ({pushed}{{session=\"backup\",{filter}}}))"
    )
}
