//! The gateway over HTTP on port 0.

mod api;
mod checks;
mod original;
mod paths;
mod persistence;
mod poison;
mod prometheus_reads_it;
mod pushes;
mod server;
mod stops;
