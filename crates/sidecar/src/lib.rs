//! A host in a pod: the objects come from the API, their status goes back to it, and the sessions are those of
//! `agent`. Sidecar, init container and the Jobs of recoveries and checks are all of this host.
//!
//! [`scheduled`] (a sidecar) and [`once`] (an init container) run the same [`session`]; [`watched`] says what the
//! Restic is, [`chronicle`] writes what a session did, and keeps it while the API server is away. [`recover`],
//! [`check`], [`forget`] and [`scaledown`] are Jobs. The API server being away is an everyday event: whatever is due happens.

mod catalogue;
pub mod check;
mod chronicle;
mod event;
pub mod forget;
pub mod once;
mod outlet;
mod patch;
mod plan;
pub mod pod;
pub mod recover;
mod remembered;
pub mod scaledown;
pub mod scheduled;
mod secrets;
mod session;
mod watched;
