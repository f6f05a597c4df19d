//! Reads the cluster, and writes what `domain` decided: controllers, admission webhooks, and the process around them.
//!
//! Read in this order: [`run`] is the process; `world` is what is known, `triggers` who looks again when it changes,
//! `controller` how that is done; `workloads`, `restics`, `recoveries` and `repositories` are what is done, one kind of
//! object each. [`admission`] answers the API server, [`certificates`] and [`serve`] let it ask;
//! [`snapshots`] is an API of its own; [`uninstall`] takes everything out again. Nothing here decides:
//! that is `domain::decide`.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::panic,
        reason = "a test that cannot go on panics: that is how it fails"
    )
)]

pub mod admission;
pub mod certificates;
pub mod run;
pub mod serve;
pub mod snapshots;
pub mod uninstall;

mod context;
mod controller;
mod crds;
mod error;
mod follow;
mod measure;
mod migration;
mod owned;
mod queues;
mod recoveries;
mod repositories;
mod restics;
mod secrets;
mod seen;
mod status;
mod sweep;
mod term;
mod triggers;
mod workloads;
mod world;
