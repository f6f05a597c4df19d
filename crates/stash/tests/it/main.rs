//! The built program, from outside: its commands, exit codes, files, pages and metrics.
//!
//! A test that cannot go on panics: that is how it fails.
#![allow(clippy::unwrap_used, clippy::panic)]

mod bad_input;
mod dashboards;
mod flags;
mod help;
mod install;
mod killed;
mod kit;
mod live;
mod once;
mod prometheus;
mod pushgateway;
mod pushgateway_attacked;
mod pushgateway_flags;
mod pushgateway_guide;
mod quickstart;
mod shell;
