//! What the tests need beyond a Rust toolchain, and how it comes to a machine that lacks it.
//!
//! Programs that are one file (restic, Prometheus, its push gateway, shellcheck) are unpacked from their Debian packages into
//! the cache folder and never installed: no service is started, no port claimed, no root needed. Only the browser
//! and the C++ compiler, which need many libraries, are installed.

pub(crate) mod servers;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{debian, program};

/// A program the tests call by name, and where it comes from.
struct Tool {
    program: &'static str,
    package: &'static str,
    /// The suite of Debian that has the package.
    suite: &'static str,
    /// A program of this name is taken only when its version is at least this.
    least: Option<(u64, u64)>,
}

/// Unpacked when no program of this name, or only too old a one, is on the path.
const UNPACKED: [Tool; 5] = [
    Tool { program: "restic", package: "restic", suite: OLDER, least: None },
    Tool { program: "prometheus", package: "prometheus", suite: NEWER, least: Some((3, 0)) },
    Tool { program: "promtool", package: "promtool", suite: NEWER, least: Some((3, 0)) },
    // Of the older suite, since it is linked with the libraries of its suite.
    Tool { program: "shellcheck", package: "shellcheck", suite: OLDER, least: None },
    Tool { program: REFERENCE, package: REFERENCE, suite: NEWER, least: Some((1, 11)) },
];

/// Installed when no program of this name is on the path.
const INSTALLED: [(&str, &str); 3] =
    [("chromium", "chromium"), ("chromedriver", "chromium-driver"), ("c++", "g++")];

/// The suite of the older restic: the oldest Debian whose restic people still run.
const OLDER: &str = "bookworm";

/// The suite of the newer restic and of the servers: compatibility is with the versions that people install today.
const NEWER: &str = "forky";

/// The suite of what ships in the image: people trust it, so no version that is still being tested.
const STABLE: &str = "trixie";

/// The push gateway that ours is measured by: program and package.
const REFERENCE: &str = "prometheus-pushgateway";

/// By this variable tests find the newer restic; set by hand, it is left as it is and nothing is fetched.
const NEWER_RESTIC: &str = "STASH_TEST_RESTIC_NEW";

/// Where the fetched programs are.
pub(crate) struct Tools {
    /// Folders that go before the rest of `PATH`.
    folders: Vec<PathBuf>,
    newer_restic: PathBuf,
}

/// Brings what is missing. Does nothing but look when everything is there.
pub(crate) fn run() -> Result<Tools> {
    let mut folders: Vec<PathBuf> = Vec::new();
    for tool in &UNPACKED {
        let folder = tool.folder()?;
        folders.extend(folder.filter(|folder| !folders.contains(folder)));
    }
    folders.push(servers::clients()?);
    let missing: Vec<&str> =
        INSTALLED.iter().filter(|(name, _)| !program::exists(name)).map(|(_, package)| *package).collect();
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
    let restic = debian::unpacked(NEWER, "restic")
        .with_context(|| remedy("restic 0.17 or newer", &format!("set {NEWER_RESTIC} to such a program")))?
        .join("usr/bin/restic");
    program::stdout(Command::new(&restic).arg("version"))?;
    Ok(restic)
}

/// The folder with a file for each certificate of Mozilla's list of public authorities, fetched if need be.
pub(crate) fn certificates() -> Result<PathBuf> {
    let package = debian::unpacked(STABLE, "ca-certificates").context("the certificates of the image")?;
    Ok(package.join("usr/share/ca-certificates/mozilla"))
}

/// The push gateway that ours is measured by.
pub(crate) fn reference_gateway() -> Result<PathBuf> {
    path_of(REFERENCE)
}

/// Where one of the unpacked programs is: of the path when it is new enough, else unpacked.
pub(crate) fn path_of(name: &str) -> Result<PathBuf> {
    let tool = UNPACKED.iter().find(|tool| tool.program == name);
    match tool.with_context(|| format!("{name} is none of the programs of the tests"))?.folder()? {
        Some(folder) => Ok(folder.join(name)),
        None => program::on_path(name),
    }
}

impl Tool {
    /// The folder of the unpacked program; `None` when the one on the path will do.
    fn folder(&self) -> Result<Option<PathBuf>> {
        let will_do = match self.least {
            Some(least) => program::version(self.program).is_some_and(|version| version >= least),
            None => program::exists(self.program),
        };
        if will_do {
            return Ok(None);
        }
        let what = match self.least {
            Some((major, minor)) => format!("{} {major}.{minor} or newer", self.program),
            None => self.program.to_owned(),
        };
        let folder = debian::unpacked(self.suite, self.package)
            .with_context(|| remedy(&what, "install it or put it on the path"))?
            .join("usr/bin");
        if !folder.join(self.program).is_file() {
            bail!("Debian's package {} has no program {}", self.package, self.program);
        }
        Ok(Some(folder))
    }
}

fn remedy(what: &str, then: &str) -> String {
    format!("the tests need {what}, which is not here and could not be fetched; {then}, then run this again")
}

impl Tools {
    /// Makes the programs known to the tests that `command` starts, and those in `more` folders.
    #[expect(clippy::disallowed_methods, reason = "the path of this process is extended for the child")]
    pub(crate) fn hand_to(&self, command: &mut Command, more: &[PathBuf]) -> Result<()> {
        let inherited = std::env::var_os("PATH").unwrap_or_default();
        let path = more.iter().chain(&self.folders).cloned().chain(std::env::split_paths(&inherited));
        let path = std::env::join_paths(path).context("a cache folder with a colon cannot be on the path")?;
        command.env("PATH", path).env(NEWER_RESTIC, &self.newer_restic);
        Ok(())
    }
}
