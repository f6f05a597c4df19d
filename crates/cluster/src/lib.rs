//! What everything of ours that runs in a cluster needs of its API server: a connection, a Lease that is held or
//! lost, Events that people read. It knows nothing of backups.

pub mod connect;
pub mod events;
pub mod lease;
pub mod pods;
