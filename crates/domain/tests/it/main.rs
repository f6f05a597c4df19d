//! Black-box tests of the domain, in one binary.

#![allow(
    clippy::disallowed_methods,
    reason = "only the library is pure: its proofs read examples and run restic"
)]

mod go_duration;
mod golden;
mod inject;
mod jobs;
mod objects;
mod restic_forget;
mod retention;
mod rights;
mod schedule;
mod schedule_model;
