//! stub
use std::process::ExitCode;
pub(crate) fn run(_check: bool) -> anyhow::Result<ExitCode> {
    Ok(ExitCode::SUCCESS)
}
