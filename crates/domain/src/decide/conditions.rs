//! What the operator says of an object in its status: phase, conditions, observed generation.
//!
//! Each function is a fold: the status before and what was observed, in; the status after, out. When nothing changed
//! the result equals what went in, whatever the time is, so that a caller who compares writes nothing. A transition
//! time moves only when the status of its condition does.

mod recovery;
mod repository;
mod restic;

#[cfg(test)]
mod tests;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

pub use recovery::{JobState, RecoveryObservation, RecoveryReason, recovery};
pub use repository::{RepositoryReason, VALID, WIPED_OUT, repository_validity, repository_wipe};
pub use restic::{ResticObservation, ResticReason, WorkloadVerdict, restic};

use crate::rules::status::{condition, set_condition};
use crate::rules::validate::Refusal;

/// A condition to be set, before it is dated.
struct New<'a> {
    kind: &'a str,
    met: bool,
    reason: &'a str,
    message: &'a str,
    generation: Option<i64>,
}

fn set(conditions: &mut Vec<Condition>, new: New<'_>, at: Timestamp) {
    let met = if new.met { "True" } else { "False" };
    let message = shortened(new.message);
    let condition = condition(new.kind, met, new.reason, &message, at);
    set_condition(conditions, Condition { observed_generation: new.generation, ..condition });
}

/// The API server refuses a message of more than 32768 characters; nobody reads a tenth of it.
const LONGEST_MESSAGE: usize = 2048;

/// The end is kept: a log's last words say why.
fn shortened(message: &str) -> String {
    let message = message.trim();
    if message.len() <= LONGEST_MESSAGE {
        return message.to_owned();
    }
    let start = message.ceil_char_boundary(message.len() - LONGEST_MESSAGE);
    format!("… {}", message.get(start..).unwrap_or_default())
}

/// Refusals as one message.
fn joined(refusals: &[Refusal]) -> String {
    refusals.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// The first few of many, and how many more there are.
fn some_of(lines: &[String]) -> String {
    const SHOWN: usize = 3;
    let shown = lines.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join("\n");
    match lines.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown}\nand {more} more"),
    }
}
