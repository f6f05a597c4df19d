//! The developer's commands, behind the alias `cargo xtask`: the same on a laptop and in CI.
#![allow(clippy::print_stdout, reason = "these commands talk to a person in a terminal")]

mod bench;
mod ci;
mod cluster;
mod codegen;
mod debian;
mod deny;
mod e2e;
mod flags;
mod fmt;
mod fuzz;
mod image;
mod lint;
mod program;
mod root;
mod test;
mod tidy;

use std::process::ExitCode;

use clap::Parser;

use crate::flags::{Cli, Command};

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Ci => ci::run(),
        Command::Fmt { check } => fmt::run(check),
        Command::Lint => lint::run(),
        Command::Tidy => tidy::run(),
        Command::Deny => deny::run(),
        Command::Codegen { check } => codegen::run(check),
        Command::Cluster { what } => cluster::run(what),
        Command::Bench { what } => bench::execute(&what),
        Command::Fuzz { seconds, target, keep } => fuzz::execute(seconds, target.as_deref(), keep),
        Command::E2e { filter } => e2e::run(filter.as_deref()),
        Command::Image => image::run(),
        Command::Test { filter } => test::run(filter.as_deref()),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
