//! What the operator says of a Repository. The condition `Ready` and the figures are those of its sessions, which
//! write them by themselves ([`crate::rules::status`]); two writers of one condition would take turns.

use jiff::Timestamp;

use super::{New, joined, set};
use crate::objects::repository::RepositoryStatus;
use crate::rules::validate::Refusal;

/// Condition: the spec can be used.
pub const VALID: &str = "Valid";
/// Condition of a Repository with `wipeOut` that is being deleted: its objects are gone from the storage.
pub const WIPED_OUT: &str = "WipedOut";

/// Why a condition of a Repository is as it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RepositoryReason {
    /// The spec is refused.
    Invalid,
    /// The spec is not refused.
    Accepted,
    /// The storage could not be emptied; it is tried again.
    WipeFailed,
    /// The storage is empty.
    Wiped,
}

impl RepositoryReason {
    /// As the condition says it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            RepositoryReason::Invalid => "Invalid",
            RepositoryReason::Accepted => "Accepted",
            RepositoryReason::WipeFailed => "WipeFailed",
            RepositoryReason::Wiped => "Wiped",
        }
    }
}

/// The status of a Repository after its spec was looked at.
#[must_use]
pub fn repository_validity(
    before: &RepositoryStatus,
    generation: Option<i64>,
    refusals: &[Refusal],
    at: Timestamp,
) -> RepositoryStatus {
    let mut status = before.clone();
    status.observed_generation = generation;
    let met = refusals.is_empty();
    let reason = if met { RepositoryReason::Accepted } else { RepositoryReason::Invalid };
    let message = if met { "the spec can be used".to_owned() } else { joined(refusals) };
    let new = New { kind: VALID, met, reason: reason.as_str(), message: &message, generation };
    set(&mut status.conditions, new, at);
    status
}

/// The status of a Repository after its storage was, or was not, emptied; `failure` says what failed and what to do.
#[must_use]
pub fn repository_wipe(
    before: &RepositoryStatus,
    generation: Option<i64>,
    failure: Option<&str>,
    at: Timestamp,
) -> RepositoryStatus {
    let mut status = before.clone();
    let reason = if failure.is_none() { RepositoryReason::Wiped } else { RepositoryReason::WipeFailed };
    let message = failure.unwrap_or("the repository's objects are deleted");
    let new = New { kind: WIPED_OUT, met: failure.is_none(), reason: reason.as_str(), message, generation };
    set(&mut status.conditions, new, at);
    status
}
