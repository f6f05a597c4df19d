//! `cargo xtask lint`: clippy with warnings denied by flag, so that a new compiler never breaks a user's build.

use std::process::ExitCode;

use anyhow::Result;

use crate::program;

/// The tests that need a cluster are no default target of theirs, so `--all-targets` passes them over.
const WHICH: [&[&str]; 2] = [&["--all-targets"], &["--test", "cluster"]];

pub(crate) fn run() -> Result<ExitCode> {
    for which in WHICH {
        let mut command = program::cargo();
        command.args(["clippy", "--workspace"]).args(which).args(["--", "--deny", "warnings"]);
        program::run(&mut command)?;
    }
    Ok(ExitCode::SUCCESS)
}
