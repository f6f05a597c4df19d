//! The end-to-end tests: one file for each thing proved, named by what is done.

mod backup_standalone;
mod break_cluster;
mod break_pods;
mod guides;
mod install;
mod monitoring;
mod operator_backup;
mod operator_injection;
mod operator_metrics;
mod operator_objects;
mod operator_recovery;
mod operator_resilience;
mod operator_security;
mod operator_series;
mod operator_sidecar;
mod operator_snapshots;
mod operator_steps;
mod serve_storage;
mod standalone;
