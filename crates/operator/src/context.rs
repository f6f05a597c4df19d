//! What every reconcile needs: a connection, what is known, how we are set up, and whom to tell.

use std::sync::Arc;
use std::time::Duration;

use cluster::events::Notice;
use domain::decide::scaledown::cycle::Limits;
use domain::decide::settings::Settings;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;

use crate::measure::Work;
use crate::world::World;

/// Shared by all controllers.
pub(crate) struct Context {
    pub(crate) client: Client,
    pub(crate) world: Arc<World>,
    pub(crate) settings: Arc<Settings>,
    /// Limits of an offline cycle.
    pub(crate) limits: Limits,
    /// Whether Roles and their like are ours to make; else an administrator gives the rights.
    pub(crate) rbac: bool,
    /// Everything is looked at again after this time, also when nothing changed.
    pub(crate) resync: Duration,
    pub(crate) events: Events,
    /// What was done, for the metrics.
    pub(crate) work: Arc<Work>,
}

/// Tells people about an object. An event that cannot be recorded is logged, and keeps nobody from anything.
pub(crate) struct Events(pub(crate) cluster::events::Events);

impl Events {
    pub(crate) async fn normal(&self, about: &ObjectReference, reason: &str, action: &str, note: &str) {
        self.0.record(about, &Notice::normal(reason, action, note)).await;
    }

    pub(crate) async fn warning(&self, about: &ObjectReference, reason: &str, action: &str, note: &str) {
        self.0.record(about, &Notice::warning(reason, action, note)).await;
    }
}
