//! Black-box tests of the domain, in one binary.

mod go_duration;
mod objects;
mod restic_forget;
mod retention;
mod schedule;
mod schedule_model;
