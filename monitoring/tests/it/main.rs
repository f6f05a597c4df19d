//! Alerts and dashboards, asked of Prometheus' own tools and compared with the lists of metrics.
//!
//! A test that cannot go on panics: that is how it fails.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, clippy::indexing_slicing)]

mod alerts;
mod guides;
mod metrics;
