//! Everything that runs beside the workload: when a session is due, what it does, what it reports.
//!
//! The flow, one file a step: [`ticks`] (when) → [`session`] or [`recover`] (what, over the engine) →
//! `SessionReport` → [`measure`] (families), which the host pushes to the gateway. Nothing here knows where objects come from: a
//! cluster and a folder of YAML both end in a [`session::BackupPlan`] or a [`recover::RecoveryPlan`].

mod finaliser;
pub mod measure;
pub mod recover;
pub mod session;
pub mod ticks;
