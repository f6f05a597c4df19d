//! `cargo xtask deny`: licences, duplicate versions and sources of the dependencies, by cargo-deny and `deny.toml`.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::{program, root};

/// Pinned, so that a new release of the tool never turns a green commit red.
const VERSION: &str = "0.20.2";

pub(crate) fn run() -> Result<ExitCode> {
    let deny = installed()?;
    // Advisories are left out: their database is a git repository outside of the package registry, which a build
    // machine need not reach. `deny.toml` says how to check them.
    program::run(Command::new(deny).current_dir(root::path()).args([
        "--workspace",
        "--locked",
        "check",
        "--hide-inclusion-graph",
        "licenses",
        "bans",
        "sources",
    ]))?;
    Ok(ExitCode::SUCCESS)
}

/// The program of the pinned version, built into the cache folder on the first call.
fn installed() -> Result<PathBuf> {
    let folder = root::cache()?.join(format!("cargo-deny-{VERSION}"));
    let program = folder.join("bin/cargo-deny");
    if program.is_file() {
        return Ok(program);
    }
    eprintln!("building cargo-deny {VERSION} into {} (a minute or two, once)", folder.display());
    // Unoptimised: it reads a few hundred manifests, and the build is then three times shorter.
    program::run(
        program::cargo()
            .args([
                "install",
                "cargo-deny",
                "--locked",
                "--no-default-features",
                "--profile",
                "dev",
                "--quiet",
            ])
            .args(["--version", VERSION])
            .arg("--root")
            .arg(&folder)
            .env("CARGO_PROFILE_DEV_DEBUG", "false")
            .env_remove("CARGO_TARGET_DIR"),
    )
    .context("cargo-deny could not be built")?;
    if !program.is_file() {
        bail!("cargo install left no {}", program.display());
    }
    Ok(program)
}
