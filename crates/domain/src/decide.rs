//! What should exist in a cluster, given what exists: the step between reading and writing.
//!
//! Every function here takes what was read and gives back a whole value; whoever calls it writes that value or
//! nothing. The mutating webhook and the controller call the same [`inject::inject`], so that they cannot disagree,
//! and a decision about what was written already is that nothing has to change.

pub mod check_job;
pub mod conditions;
pub mod due;
pub mod forget_job;
pub mod inject;
pub mod rbac;
pub mod recovery_job;
pub mod repository_job;
pub mod scaledown;
pub mod series;
pub mod settings;
pub mod target;
pub mod uninstall;
pub mod usage;

mod equality;
mod pod;
mod security;
mod sidecar;
mod template;
