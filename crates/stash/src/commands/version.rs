//! `stash version`: which build this is.

use std::io::Write;

use clap::Args;

use crate::exit::Exit;

/// Print the version and what it was built from.
#[derive(Args, Debug)]
pub(crate) struct VersionArgs {
    /// Only the version.
    #[arg(long)]
    short: bool,
}

pub(crate) fn execute(args: &VersionArgs) -> anyhow::Result<Exit> {
    let mut out = std::io::stdout().lock();
    let version = env!("CARGO_PKG_VERSION");
    if args.short {
        writeln!(out, "{version}")?;
    } else {
        writeln!(out, "Version = {version}")?;
        writeln!(out, "Os = {}", std::env::consts::OS)?;
        writeln!(out, "Arch = {}", std::env::consts::ARCH)?;
        writeln!(out, "CommitHash = {}", option_env!("STASH_COMMIT").unwrap_or("unknown"))?;
    }
    Ok(Exit::Done)
}
