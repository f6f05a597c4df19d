//! `cargo xtask fmt`: rustfmt over the workspace.

use std::process::ExitCode;

use anyhow::Result;

use crate::program;

pub(crate) fn run(check: bool) -> Result<ExitCode> {
    let mut command = program::cargo();
    command.args(["fmt", "--all"]);
    if check {
        command.arg("--check");
    }
    program::run(&mut command)?;
    Ok(ExitCode::SUCCESS)
}
