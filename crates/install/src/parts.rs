//! The parts of the whole that a choice adds, each of which only adds lines. So a shell script can be made from the
//! whole: every line stands under the parts without which it is gone.

use std::collections::BTreeSet;

/// A part that is there or not.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Part {
    /// ServiceAccount, Roles, bindings, and the flag by which the operator makes those of sidecars.
    Rbac,
    /// Secret by which the image is pulled.
    PullSecret,
    /// The operator runs on nodes of the control plane.
    ControlPlane,
    /// The operator is of the namespace whose pods may be critical for the cluster.
    Critical,
    /// The operator tolerates something.
    Tolerations,
    /// The API server asks about workloads.
    MutatingWebhook,
    /// The API server asks about our own kinds.
    ValidatingWebhook,
    /// The Service is annotated.
    Annotations,
    /// There is a ServiceMonitor.
    ServiceMonitor,
    /// What backups push is advertised.
    Backup,
    /// The operator's own metrics are advertised.
    Operator,
    /// The operator publishes its authority in the namespace of Prometheus.
    Authority,
}

/// Those that are there.
pub type Parts = BTreeSet<Part>;

impl Part {
    /// Every one of them.
    pub const ALL: [Part; 12] = [
        Part::Rbac,
        Part::PullSecret,
        Part::ControlPlane,
        Part::Critical,
        Part::Tolerations,
        Part::MutatingWebhook,
        Part::ValidatingWebhook,
        Part::Annotations,
        Part::ServiceMonitor,
        Part::Backup,
        Part::Operator,
        Part::Authority,
    ];
}
