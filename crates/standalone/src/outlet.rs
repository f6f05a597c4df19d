//! Where a session's metrics go: the gateway inside this process, or one that is reached over HTTP.

use std::sync::atomic::{AtomicU64, Ordering};

use agent::measure::{self, Standing};
use domain::report::{SessionIdentity, SessionReport};
use gateway::Gateway;
use pusher::Pusher;

/// A gateway of either sort, and the count of pushes that did not arrive.
#[derive(Debug)]
pub struct Outlet {
    door: Door,
    failures: AtomicU64,
}

/// The two sorts.
#[derive(Clone, Debug)]
pub enum Door {
    /// The gateway of this process: nothing in between can fail but the gateway's own verdict.
    Embedded(Gateway),
    /// A gateway elsewhere.
    Remote(Pusher),
}

impl Outlet {
    /// An outlet through this door.
    #[must_use]
    pub fn new(door: Door) -> Self {
        Self { door, failures: AtomicU64::new(0) }
    }

    /// Replaces the group of a session by its last report and what stands beside it. A failure is logged and counted,
    /// and shown by the next push that arrives; it never fails the session.
    pub async fn publish(
        &self,
        identity: &SessionIdentity,
        report: Option<&SessionReport>,
        standing: Standing,
    ) {
        let standing = Standing { push_failures: self.failures.load(Ordering::Relaxed), ..standing };
        let families = measure::families(report, &standing);
        let key = match measure::grouping_key(identity) {
            Ok(key) => key,
            Err(error) => return self.failed(identity, &error),
        };
        match &self.door {
            Door::Embedded(gateway) => {
                if let Err(error) = gateway.push(key, families, gateway::PushMode::Replace) {
                    self.failed(identity, &error);
                }
            }
            Door::Remote(pusher) => {
                if let Err(error) = pusher.push(&key, &families).await {
                    self.failed(identity, &error);
                }
            }
        }
    }

    /// Removes the group of a session whose object is gone.
    pub async fn remove(&self, identity: &SessionIdentity) {
        let key = match measure::grouping_key(identity) {
            Ok(key) => key,
            Err(error) => return self.failed(identity, &error),
        };
        match &self.door {
            Door::Embedded(gateway) => {
                gateway.delete(&key);
            }
            Door::Remote(pusher) => {
                if let Err(error) = pusher.delete(&key).await {
                    self.failed(identity, &error);
                }
            }
        }
    }

    fn failed(&self, identity: &SessionIdentity, error: &dyn std::fmt::Display) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        tracing::error!(
            namespace = identity.namespace,
            name = identity.config,
            session = identity.session.as_str(),
            %error,
            "the metrics of a session did not arrive at the gateway"
        );
    }
}
