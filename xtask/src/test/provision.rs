//! What the tests need beyond a Rust toolchain, and how it comes to a machine that lacks it.
//!
//! Programs that are one file (restic, Prometheus, its push gateway) are unpacked from their Debian packages into
//! the cache folder and never installed: no service is started, no port claimed, no root needed. Only the browser,
//! which needs many libraries, is installed.

mod debian;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{program, root};

/// A program the tests call by name, and the package that has it.
struct Tool {
    program: &'static str,
    package: &'static str,
}

/// Unpacked when no program of this name is on the path.
const UNPACKED: [Tool; 4] = [
    Tool { program: "restic", package: "restic" },
    Tool { program: "prometheus", package: "prometheus" },
    Tool { program: "promtool", package: "prometheus" },
    Tool { program: "prometheus-pushgateway", package: "prometheus-pushgateway" },
];

/// Installed when no program of this name is on the path.
const INSTALLED: [Tool; 2] = [
    Tool { program: "chromium", package: "chromium" },
    Tool { program: "chromedriver", package: "chromium-driver" },
];

/// The suite of the older restic and the servers: the oldest Debian whose restic people still run.
const SUITE: &str = "bookworm";

/// The suite of the newer restic.
const NEWER_SUITE: &str = "forky";

/// By this variable tests find the newer restic; set by hand, it is left as it is and nothing is fetched.
const NEWER_RESTIC: &str = "STASH_TEST_RESTIC_NEW";

/// Where the fetched programs are.
pub(super) struct Tools {
    /// Folders that go before the rest of `PATH`.
    folders: Vec<PathBuf>,
    newer_restic: PathBuf,
}

/// Brings what is missing. Does nothing but look when everything is there.
pub(super) fn run() -> Result<Tools> {
    let mut folders: Vec<PathBuf> = Vec::new();
    for tool in UNPACKED.iter().filter(|tool| !program::exists(tool.program)) {
        let folder = debian::unpacked(SUITE, tool.package)
            .with_context(|| remedy(tool.program, "install it or put it on the path"))?
            .join("usr/bin");
        if !folder.join(tool.program).is_file() {
            bail!("Debian's package {} has no program {}", tool.package, tool.program);
        }
        if !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    let missing: Vec<&str> =
        INSTALLED.iter().filter(|tool| !program::exists(tool.program)).map(|tool| tool.package).collect();
    if !missing.is_empty() {
        debian::install(&missing).with_context(|| remedy(&missing.join(", "), "install them yourself"))?;
    }
    Ok(Tools { folders, newer_restic: newer_restic()? })
}

#[expect(clippy::disallowed_methods, reason = "the variable is this command's interface to the tests")]
pub(crate) fn newer_restic() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os(NEWER_RESTIC).filter(|value| !value.is_empty()) {
        let path = PathBuf::from(path);
        if !path.is_file() {
            bail!("{NEWER_RESTIC} names {}, which is not a file", path.display());
        }
        return Ok(path);
    }
    let restic = debian::unpacked(NEWER_SUITE, "restic")
        .with_context(|| remedy("restic 0.17 or newer", &format!("set {NEWER_RESTIC} to such a program")))?
        .join("usr/bin/restic");
    program::stdout(Command::new(&restic).arg("version"))?;
    Ok(restic)
}

fn remedy(what: &str, then: &str) -> String {
    format!("the tests need {what}, which is not here and could not be fetched; {then}, then run this again")
}

impl Tools {
    /// Makes the programs known to the tests that `command` starts.
    #[expect(clippy::disallowed_methods, reason = "the path of this process is extended for the child")]
    pub(super) fn hand_to(&self, command: &mut Command) -> Result<()> {
        let inherited = std::env::var_os("PATH").unwrap_or_default();
        let path = self.folders.iter().cloned().chain(std::env::split_paths(&inherited));
        let path = std::env::join_paths(path).context("a cache folder with a colon cannot be on the path")?;
        command.env("PATH", path).env(NEWER_RESTIC, &self.newer_restic);
        Ok(())
    }
}

/// The folder for the unpacked package, which need not exist yet.
fn place(suite: &str, package: &str) -> Result<PathBuf> {
    Ok(root::cache()?.join(Path::new(suite)).join(package))
}
