//! What a Restic makes of a workload, and that it can be undone.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy takes the functions beside tests for production code"
)]

mod cases;
mod golden;
mod properties;
mod stored;
mod workloads;

use std::time::Duration;

use domain::decide::inject::{Decision, inject};
use domain::decide::settings::{Image, Settings, pushgateway_url};
use domain::decide::target::Target;
use domain::objects::restic::Restic;
use domain::objects::workload::WorkloadKind;
use serde_json::Value;

/// The settings of every test.
pub(crate) fn settings() -> Settings {
    Settings {
        image: Image { repository: "appscode/stash".to_owned(), tag: "0.9.0".to_owned() },
        image_pull_policy: None,
        pushgateway_url: pushgateway_url("stash-operator", "kube-system"),
        log_flags: vec!["--v=3".to_owned()],
        jitter: Duration::from_secs(60),
        check_interval: Duration::from_secs(3 * 24 * 60 * 60),
    }
}

/// The decision about a workload of namespace `demo`.
fn decide(kind: WorkloadKind, object: &Value, restics: &[Restic]) -> Decision {
    let target = Target { kind, namespace: "demo", object };
    inject(target, restics, &settings(), "2026-01-01T00:00:00Z".parse().unwrap())
}

/// The workload after the decision.
fn after(kind: WorkloadKind, object: &Value, restics: &[Restic]) -> Value {
    decide(kind, object, restics).write.unwrap_or_else(|| object.clone())
}
