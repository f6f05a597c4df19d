//! `cargo xtask lint`: clippy with warnings denied by flag, so that a new compiler never breaks a user's build.

use std::process::ExitCode;

use anyhow::Result;

use crate::program;

pub(crate) fn run() -> Result<ExitCode> {
    program::run(program::cargo().args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "--deny",
        "warnings",
    ]))?;
    Ok(ExitCode::SUCCESS)
}
