//! What watches Stash, as it ships: the text of the alert rules, and every query of the dashboards, ready to be asked of a
//! Prometheus by whoever has one.

mod names;
mod queries;

pub use self::names::metrics_of;
pub use self::queries::{DashboardError, Query, dashboards, published, queries};

/// The alert rules, a rule file of Prometheus.
pub const ALERTS: &str = include_str!("../alerts.yaml");

/// The same rules for the Prometheus operator.
pub const PROMETHEUS_RULE: &str = include_str!("../prometheusrule.yaml");
