//! The end-to-end tests: one file for each thing proved, named by what is done.

mod backup_standalone;
mod break_cluster;
mod break_pods;
mod install_chart;
mod serve_storage;
mod standalone;
