//! The admission webhooks: workloads get their sidecar, objects of our own kinds are looked at before they are stored.
//!
//! A workload is never refused: whatever goes wrong, it is admitted as it is, with a warning, and the controller does
//! later what was not done here. Both ask the same function ([`domain::decide::inject::inject`]). Our own kinds are
//! refused with every reason at once, by the rules that the containers apply, too ([`domain::rules::validate`]).
//!
//! Nothing here has an effect beside its answer, so that a dry run needs no care.
//!
//! Source of the format: <https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/>.

mod objects;
pub mod registration;
mod review;
mod workloads;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use domain::decide::settings::Settings;
use domain::objects::restic::Restic;
use domain::objects::workload::WorkloadKind;
use futures_util::FutureExt as _;
use http::HeaderMap;
use jiff::Timestamp;
use kube::runtime::reflector::Store;

pub use objects::{OwnKind, validate};
pub use review::{MOST_BYTES, Review};
pub use workloads::{Hook, mutate};

/// What stands before the name of each webhook.
pub const PREFIX: &str = "/admission/v1/";

/// What the webhooks know.
#[derive(Clone)]
pub struct Admission {
    /// The Restics of the cluster. While it has not been filled, workloads are admitted as they are.
    pub restics: Store<Restic>,
    /// What is injected.
    pub settings: Arc<Settings>,
    /// Who is told of each decision.
    pub decisions: Decisions,
}

/// Told of a webhook, what it decided, and how long that took.
pub type Decisions = Arc<dyn Fn(&'static str, &'static str, Duration) + Send + Sync>;

/// All webhooks, each at [`Hook::path`] or [`OwnKind::path`].
pub fn router(admission: Admission) -> Router {
    let mut router = Router::new();
    for hook in Hook::ALL {
        router = router.route(
            &hook.path(),
            post(async move |State(admission): State<Admission>, headers: HeaderMap, body: Body| {
                workload(&admission, hook, &headers, body).await
            }),
        );
    }
    for kind in OwnKind::ALL {
        router = router.route(
            &kind.path(),
            post(async move |State(admission): State<Admission>, headers: HeaderMap, body: Body| {
                own(&admission, kind, &headers, body).await
            }),
        );
    }
    router.with_state(admission)
}

async fn workload(admission: &Admission, hook: Hook, headers: &HeaderMap, body: Body) -> Response {
    let review = match review::read(headers, body).await {
        Ok(review) => review,
        Err(error) => {
            (admission.decisions)(hook.resource(), "error", Duration::ZERO);
            return error.into_response();
        }
    };
    let begun = Instant::now();
    let restics = admission.restics_of(review.namespace());
    let settings = &admission.settings;
    let answer = mutate(&review, hook, restics.as_deref(), settings, Timestamp::now());
    let decision = if answer.patch.is_some() { "changed" } else { "unchanged" };
    (admission.decisions)(hook.resource(), decision, begun.elapsed());
    tracing::debug!(
        webhook = hook.resource(),
        namespace = review.namespace(),
        name = review.name(),
        is_patched = answer.patch.is_some(),
        warnings = answer.warnings.as_ref().map_or(0, Vec::len),
        "admitted"
    );
    review::respond(answer)
}

async fn own(admission: &Admission, kind: OwnKind, headers: &HeaderMap, body: Body) -> Response {
    let review = match review::read(headers, body).await {
        Ok(review) => review,
        Err(error) => {
            (admission.decisions)(kind.resource(), "error", Duration::ZERO);
            return error.into_response();
        }
    };
    let begun = Instant::now();
    let answer = validate(&review, kind, Timestamp::now());
    (admission.decisions)(
        kind.resource(),
        if answer.allowed { "allowed" } else { "refused" },
        begun.elapsed(),
    );
    tracing::debug!(
        webhook = kind.resource(),
        namespace = review.namespace(),
        name = review.name(),
        is_allowed = answer.allowed,
        "looked at"
    );
    review::respond(answer)
}

impl Admission {
    /// The Restics of a namespace; `None` while they are not known.
    fn restics_of(&self, namespace: &str) -> Option<Vec<Arc<Restic>>> {
        self.restics.wait_until_ready().now_or_never()?.ok()?;
        Some(self.restics.state_filter(|restic| restic.metadata.namespace.as_deref() == Some(namespace)))
    }
}

/// The workloads' webhooks, as the API server calls them.
impl Hook {
    /// All of them.
    pub const ALL: [Hook; 5] = [
        Hook(WorkloadKind::Deployment),
        Hook(WorkloadKind::DaemonSet),
        Hook(WorkloadKind::StatefulSet),
        Hook(WorkloadKind::ReplicationController),
        Hook(WorkloadKind::ReplicaSet),
    ];
}
