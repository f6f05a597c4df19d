//! The API of Snapshots, asked as `kubectl` and the aggregator ask it.

mod deleting;
mod listing;
mod site;
mod watching;
