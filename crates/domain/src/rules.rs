//! The rules: names, metrics, selection, schedule, retention and every refusal.

pub mod go_duration;
pub mod metrics;
pub mod names;
pub mod prefix;
pub mod quantity;
pub mod retention;
pub mod schedule;
pub mod schema;
pub mod select;
pub mod status;
pub mod validate;
