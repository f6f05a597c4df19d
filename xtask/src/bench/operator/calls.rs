//! How often the operator calls the API server, counted by the API server itself.
//!
//! Its metrics of requests do not say whose they are. Those of its fair queuing name the FlowSchema that a request fell
//! under, so one is made for each class of requests of the operator's ServiceAccount.

use std::fmt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::{NAMESPACE, feed};
use crate::{cluster, program};

const METRIC: &str = "apiserver_flowcontrol_dispatched_requests_total";
const PATIENCE: Duration = Duration::from_secs(60);

/// A class: its FlowSchema, the verbs, the resources, and their group.
const CLASSES: [(&str, &[&str], &str, &str); 4] = [
    ("stash-bench-leases", &["*"], "coordination.k8s.io", "leases"),
    ("stash-bench-writes", &["create", "update", "patch", "delete", "deletecollection"], "*", "*"),
    ("stash-bench-watches", &["watch"], "*", "*"),
    ("stash-bench-reads", &["get", "list"], "*", "*"),
];

pub(super) struct Calls;

/// Counts of requests.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Count {
    pub(super) leases: u64,
    pub(super) writes: u64,
    watches: u64,
    reads: u64,
}

impl Count {
    pub(super) fn since(self, before: &Self) -> Self {
        Self {
            leases: self.leases.saturating_sub(before.leases),
            writes: self.writes.saturating_sub(before.writes),
            watches: self.watches.saturating_sub(before.watches),
            reads: self.reads.saturating_sub(before.reads),
        }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { leases, writes, watches, reads } = self;
        write!(f, "{writes} writes, {reads} reads, {watches} watches, {leases} for its Lease")
    }
}

impl Calls {
    /// Has requests of this ServiceAccount counted, and returns when they are: `kubeconfig` is a client that is it.
    pub(super) fn count(namespace: &str, account: &str, kubeconfig: &Path) -> Result<Self> {
        let schemas: Vec<Value> = CLASSES
            .iter()
            .zip(100..)
            .map(|((name, verbs, group, resource), precedence)| {
                json!({
                    "apiVersion": "flowcontrol.apiserver.k8s.io/v1",
                    "kind": "FlowSchema",
                    "metadata": { "name": name, "labels": { "stash-bench": "true" } },
                    "spec": {
                        "priorityLevelConfiguration": { "name": "workload-high" },
                        "matchingPrecedence": precedence,
                        "rules": [{
                            "subjects": [{ "kind": "ServiceAccount",
                                "serviceAccount": { "name": account, "namespace": namespace } }],
                            "resourceRules": [{ "verbs": verbs, "apiGroups": [group], "resources": [resource],
                                "clusterScope": true, "namespaces": ["*"] }],
                        }],
                    },
                })
            })
            .collect();
        feed(&["create"], &json!({ "apiVersion": "v1", "kind": "List", "items": schemas }).to_string())?;
        let (calls, start) = (Self, Instant::now());
        // Whoever asks shows up.
        while calls.so_far()?.reads == 0 {
            if start.elapsed() > PATIENCE {
                bail!("the API server does not count by FlowSchema");
            }
            let mut command = Command::new(cluster::kubectl()?.get_program());
            command.arg("--kubeconfig").arg(kubeconfig).args(["--namespace", NAMESPACE]);
            program::stdout(command.args(["get", "restics"]))?;
        }
        Ok(calls)
    }

    /// Since they are counted.
    pub(super) fn so_far(&self) -> Result<Count> {
        let text = program::stdout(cluster::kubectl()?.args(["get", "--raw", "/metrics"]))?;
        let of = |schema: &str| -> Result<u64> {
            let label = format!("flow_schema=\"{schema}\"");
            let lines = text.lines().filter(|line| line.starts_with(METRIC) && line.contains(&label));
            let values = lines.map(|line| {
                let value = line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok());
                value.with_context(|| format!("`{line}` has no value"))
            });
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a count of requests"
            )]
            Ok(values.sum::<Result<f64>>()? as u64)
        };
        let [leases, writes, watches, reads] = CLASSES.map(|(name, ..)| name);
        Ok(Count { leases: of(leases)?, writes: of(writes)?, watches: of(watches)?, reads: of(reads)? })
    }
}
