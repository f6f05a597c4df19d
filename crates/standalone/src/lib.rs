//! A host without a cluster: objects from a folder, status beside them, the page.
//!
//! The flow: [`watch`] reads the [`folder`] into `Desired` objects; [`runner`] leads one task per object; [`work`] runs
//! a session through the agent and leaves its traces in the [`ledger`] (status files) and at the [`outlet`] (the push
//! gateway); [`views`] puts all of it on the [`page`]; [`serve`] holds the process together and [`once`] does without
//! one. [`host`] knows what objects made for a cluster mean here.

pub mod folder;
pub mod host;
pub mod ledger;
pub mod live;
pub mod once;
pub mod outlet;
pub mod page;
pub mod runner;
pub mod serve;
pub mod summary;
pub mod views;
pub mod watch;
pub mod work;
