//! The rules: names, metrics, selection, schedule, retention and every refusal.

pub mod go_duration;
pub mod retention;
pub mod schedule;
