//! What is installed in a cluster, as values: one source for `stash install`, `deploy/stash.sh`, `deploy/operator.yaml`
//! and the constant parts of the Helm chart.
//!
//! Read in this order: [`Options`] is what a person may choose; [`Part`] what of the whole is there because of it;
//! [`objects`] the whole. Nothing here knows a cluster, a clock or the environment.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::panic,
        reason = "a test that cannot go on panics: that is how it fails"
    )
)]

mod access;
mod deployment;
mod monitoring;
pub mod names;
mod objects;
mod options;
mod parts;
pub mod rules;
mod uninstall;
mod yaml;

pub use objects::{objects, objects_of};
pub use options::{
    Agent, DEFAULT_REGISTRY, Image, Monitoring, Options, OptionsError, PULL_POLICIES, VERSION, parse_label,
};
pub use parts::{Part, Parts};
pub use uninstall::uninstall_job;
pub use yaml::{YamlError, document, documents};
