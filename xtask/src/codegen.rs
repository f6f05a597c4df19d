//! `cargo xtask codegen [--check]`: builds and runs the program that writes what is made from the types.

use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result};
use serde_json::Value;

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
    executable(&messages).context("cargo built codegen but does not say where it is")
}

fn executable(messages: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == "codegen")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_found_among_cargos_messages() {
        let messages = concat!(
            "{\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"domain\"},\"executable\":null}\n",
            "{\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"codegen\"},\"executable\":\"/t/debug/codegen\"}\n",
            "{\"reason\":\"build-finished\",\"success\":true}\n",
        );
        assert_eq!(executable(messages), Some(PathBuf::from("/t/debug/codegen")));
    }
}
