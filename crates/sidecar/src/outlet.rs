//! Where metrics go: the push gateway of the command line, or nowhere.

use std::sync::atomic::{AtomicU64, Ordering};

use agent::measure::{self, Standing};
use agent::push::{PushError, Pusher};
use domain::report::{SessionIdentity, SessionReport};

/// The way out for metrics, and how often it was closed.
#[derive(Debug)]
pub(crate) struct Outlet {
    pusher: Option<Pusher>,
    failures: AtomicU64,
}

impl Outlet {
    /// Pushes to `url`; an empty one pushes nothing.
    pub(crate) fn new(url: &str) -> Result<Self, PushError> {
        let pusher = if url.is_empty() { None } else { Some(Pusher::new(url)?) };
        Ok(Self { pusher, failures: AtomicU64::new(0) })
    }

    /// Publishes the group of a session. A failure is logged and counted; the next push says so.
    pub(crate) async fn publish(
        &self,
        identity: &SessionIdentity,
        report: Option<&SessionReport>,
        standing: Standing,
    ) {
        let Some(pusher) = &self.pusher else { return };
        let standing = Standing { push_failures: self.failures.load(Ordering::Relaxed), ..standing };
        let failure = match measure::grouping_key(identity) {
            Ok(key) => match pusher.push(&key, &measure::families(report, &standing)).await {
                Ok(()) => return,
                Err(error) => error.to_string(),
            },
            Err(error) => error.to_string(),
        };
        self.failures.fetch_add(1, Ordering::Relaxed);
        tracing::error!(
            namespace = identity.namespace,
            name = identity.config,
            session = identity.session.as_str(),
            %failure,
            "the metrics of a session did not arrive at the gateway"
        );
    }
}
