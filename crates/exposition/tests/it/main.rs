//! The text format and grouping keys, from outside.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on panics: that is how it fails"
)]

mod encodes;
mod formats;
mod grouping;
mod growth;
mod linear;
mod numbers;
mod proto;
mod protobuf_in;
mod reads_foreign_text;
mod refuses;
mod round_trip;
mod strategy;
