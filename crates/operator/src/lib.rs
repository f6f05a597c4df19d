//! Reads the cluster, and writes what `domain` decided: controllers, admission webhooks, and the process around them.

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
pub mod serve;
