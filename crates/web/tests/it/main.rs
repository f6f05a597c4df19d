//! The server over real connections, on port 0 of addresses that are this host.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on panics: that is how it fails"
)]

mod certificates;
mod files;
mod http2;
mod many;
mod original;
mod server;
mod slow;
mod stops;
mod tls;
