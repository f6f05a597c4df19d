//! What every Kubernetes extension API server does before a handler: who asks, may they, how many at once, what is
//! counted.
//!
//! [`ApiServer::protect`] puts it before a router. It is the part of `k8s.io/apiserver` that clients notice, in the same
//! order and the same words:
//!
//! - [`RequestInfo`]: what a request is about, read from its path;
//! - who asks: a user for whom the cluster's proxy speaks, the owner of a certificate or of a token, or nobody;
//! - [`Limits`]: so many at the same time, each within its time;
//! - may they: the API server is asked;
//! - [`Audit`]: what is told of it afterwards, and [`Metrics`], what is counted, with [`Status`] for what is refused.
//!
//! Sources: <https://kubernetes.io/docs/tasks/extend-kubernetes/configure-aggregation-layer/> for identities,
//! <https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/> for events.

#![warn(missing_docs)]

mod ask;
mod audit;
mod authenticate;
mod authorize;
mod limits;
mod measure;
mod request;
mod scrape;
mod server;
mod status;
mod tail;
mod trust;
mod user;

pub use audit::{Audit, AuditLog, LogError, Policy, PolicyError};
pub use limits::Limits;
pub use measure::{Collector, Metrics};
pub use request::{Ambiguous, RequestInfo, Resource};
pub use server::{ApiServer, Settings, Webhooks};
pub use status::Status;
pub use user::{ANONYMOUS, User};
