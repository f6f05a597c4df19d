//! The gateway over HTTP on port 0.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on panics: that is how it fails"
)]

mod api;
mod checks;
mod disk;
mod flat;
#[path = "../../../exposition/tests/it/growth.rs"]
mod growth;
mod lifetime;
mod limits;
mod original;
mod page;
mod paths;
mod persistence;
mod poison;
mod prometheus_reads_it;
mod properties;
#[path = "../../../exposition/tests/it/proto.rs"]
mod proto;
mod pushes;
mod scraped;
mod secured;
mod server;
mod stops;
