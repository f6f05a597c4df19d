//! Every refusal of an object, as values: the field, what is wrong with it, and what to do.
//!
//! The same rules answer the admission webhook, the operator, the agent and standalone mode. A validator returns
//! *all* refusals, first the rules 0.8.3 had, in their order, then the later ones.

mod backend;
mod container;
mod recovery;
mod repository;
mod restic;

use std::fmt;

pub use recovery::recovery;
pub use repository::repository;
pub use restic::restic;

/// Where the object is used; some fields only make sense in a cluster.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mode {
    /// By the operator and its agents.
    Cluster,
    /// On a host: the selector may be absent, volumes are `hostPath`s and are not mounted.
    Standalone,
}

/// One thing wrong with an object. Its `Display` is one line: `<field>: <problem>; <remedy>`.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Refusal {
    /// Path of the field: `spec.fileGroups[0].path`.
    pub field: String,
    /// What is wrong with it, to be read after the field.
    pub problem: String,
    /// What to do.
    pub remedy: String,
}

impl Refusal {
    /// Puts the three together.
    pub fn new(field: impl Into<String>, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { field: field.into(), problem: problem.into(), remedy: remedy.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.field, self.problem, self.remedy)
    }
}

impl std::error::Error for Refusal {}

/// An object's name becomes the value of a label, by which its Repositories and Jobs are found.
fn name_fits_a_label(kind: &str, name: Option<&str>, refusals: &mut Vec<Refusal>) {
    let length = name.unwrap_or_default().len();
    if length > super::names::MAX_LABEL_VALUE {
        refusals.push(Refusal::new(
            "metadata.name",
            format!("has {length} characters, but is the value of a label, which has at most 63"),
            format!("give the {kind} a shorter name"),
        ));
    }
}
