//! Reads the cluster, and writes what `domain` decided: controllers, admission webhooks, and the process around them.

pub mod admission;
pub mod certificates;
pub mod serve;
