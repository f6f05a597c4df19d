//! A host without a cluster: objects from a folder, status beside them, the page.

pub mod page;
