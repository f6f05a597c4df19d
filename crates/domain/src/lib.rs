//! The words of the product and every decision, as values.
//!
//! Read in this order: [`objects`] (what users write and see), [`rules`] (names, metrics, selection, schedule,
//! retention, refusals), [`decide`] (what should exist in a cluster, given what exists), [`handoff`] (what a
//! container of ours is told), [`catalogue`] (what a repository holds, left for the operator to read), [`location`] (where a repository lives), [`report`] (what a session did), [`crds`]
//! (the objects as Kubernetes is told of them).
//!
//! Nothing here awaits, reads a clock, a file, the environment or a network: *now* is always an argument.

pub mod catalogue;
pub mod crds;
pub mod decide;
pub mod handoff;
pub mod location;
pub mod objects;
pub mod report;
pub mod rules;
pub mod secret;
