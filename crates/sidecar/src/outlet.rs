//! Where a session's metrics go: the gateway beside the operator, when there is one.

use std::sync::atomic::{AtomicU64, Ordering};

use agent::measure::{self, Standing};
use agent::push::{PushError, Pusher};
use domain::report::{SessionIdentity, SessionReport};

/// A gateway reached over HTTP, and the count of pushes that did not arrive.
#[derive(Debug)]
pub struct Outlet {
    pusher: Option<Pusher>,
    failures: AtomicU64,
}

impl Outlet {
    /// An outlet to the gateway at this address; an empty one is nowhere.
    ///
    /// # Errors
    /// It is no HTTP address.
    pub fn new(url: &str) -> Result<Self, PushError> {
        let pusher = if url.is_empty() { None } else { Some(Pusher::new(url)?) };
        Ok(Self { pusher, failures: AtomicU64::new(0) })
    }

    /// Replaces the group of a session by its last report and what stands beside it. A failure is logged, counted,
    /// and returned to be made an event; the next push that arrives shows the count. It never fails the session.
    pub async fn publish(
        &self,
        identity: &SessionIdentity,
        report: Option<&SessionReport>,
        standing: Standing,
    ) -> Result<(), String> {
        let Some(pusher) = &self.pusher else { return Ok(()) };
        let standing = Standing { push_failures: self.failures.load(Ordering::Relaxed), ..standing };
        let families = measure::families(report, &standing);
        let pushed = match measure::grouping_key(identity) {
            Ok(key) => pusher.push(&key, &families).await.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        pushed.inspect_err(|error| {
            self.failures.fetch_add(1, Ordering::Relaxed);
            tracing::error!(
                namespace = identity.namespace,
                name = identity.config,
                session = identity.session.as_str(),
                error,
                "the metrics of a session did not arrive at the gateway"
            );
        })
    }
}
