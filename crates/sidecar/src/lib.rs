//! A host in a pod: the objects come from the API, their status goes back to it, and the sessions are those of
//! `agent`. Sidecar, init container and the Jobs of recoveries and checks are all of this host.

pub mod check;
pub mod outlet;
pub mod recover;
pub mod repository;
pub mod scaledown;
pub mod secret;
