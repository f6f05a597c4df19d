//! `cargo xtask codegen [--check]`: builds and runs the program that writes what is made from the types.

use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result};

use crate::program;

pub(crate) fn run(check: bool) -> Result<ExitCode> {
    let status = Command::new(built()?).args(check.then_some("--check")).status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Builds the program and says where it is. `--workspace` makes the dependencies come with the features that the
/// tests need, so that they are compiled once and not twice.
fn built() -> Result<PathBuf> {
    let mut command = program::cargo();
    command.args(["build", "--quiet", "--workspace", "--bin", "codegen"]);
    command.args(["--message-format", "json-render-diagnostics"]).stderr(Stdio::inherit());
    let messages = program::stdout(&mut command)?;
    program::executable(&messages, "codegen").context("cargo built codegen but does not say where it is")
}
