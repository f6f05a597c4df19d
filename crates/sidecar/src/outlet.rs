//! Where metrics go: the push gateway of the command line, or nowhere.

use std::sync::atomic::{AtomicU64, Ordering};

use agent::measure::{self, Standing};
use cluster::events::{Events, Notice};
use domain::report::{SessionIdentity, SessionKind, SessionReport};
use k8s_openapi::api::core::v1::ObjectReference;
use pusher::{PushError, Pusher};

use crate::event;

/// The way out for metrics, and how often it was closed.
pub(crate) struct Outlet {
    pusher: Option<Pusher>,
    events: Events,
    failures: AtomicU64,
}

impl Outlet {
    /// Pushes to `url`; an empty one pushes nothing.
    pub(crate) fn new(url: &str, events: &Events) -> Result<Self, PushError> {
        let pusher = if url.is_empty() { None } else { Some(Pusher::new(url)?) };
        Ok(Self { pusher, events: events.clone(), failures: AtomicU64::new(0) })
    }

    /// Publishes the group of a session. A failure is logged, made an Event and counted; the next push says so.
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
            failure,
            "the metrics of a session did not arrive at the gateway"
        );
        let note = format!("the metrics of a session did not arrive: {failure}");
        self.events.record(&about(identity), &Notice::warning("FailedPush", "Push", note)).await;
    }
}

/// The object that the group of metrics speaks of.
fn about(identity: &SessionIdentity) -> ObjectReference {
    match identity.session {
        SessionKind::Backup => event::about("Repository", &identity.namespace, &identity.repository, None),
        SessionKind::Recovery => event::about("Recovery", &identity.namespace, &identity.config, None),
    }
}
