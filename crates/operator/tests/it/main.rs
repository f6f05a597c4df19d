//! The operator's server over real TLS on this host's own addresses, as an API server would call it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on panics: that is how it fails"
)]

mod access;
mod api_server;
mod certificates;
mod delegate;
mod fake_cluster;
mod health;
mod metrics;
mod objects;
mod published;
mod reviews;
mod server;
mod snapshots;
mod uninstall;
mod workloads;
