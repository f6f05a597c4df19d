//! Where the repository is, which files it holds, and where fetched tools are kept between runs.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::program;

/// The root of the repository this program was built in.
pub(crate) fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

/// Every file git tracks or would track, relative to the root, sorted. Files deleted from the work tree are left out.
pub(crate) fn files() -> Result<Vec<PathBuf>> {
    let listing = program::stdout(Command::new("git").current_dir(path()).args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
        "--deduplicate",
    ]))?;
    let root = path();
    let mut files: Vec<PathBuf> =
        listing.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from).collect();
    files.retain(|file| root.join(file).is_file());
    files.sort();
    Ok(files)
}

/// Whether git is told to ignore this path, as it is for what a program writes.
pub(crate) fn is_ignored(file: &str) -> bool {
    let mut command = Command::new("git");
    command.current_dir(path()).args(["check-ignore", "--quiet", "--", file]);
    command.status().is_ok_and(|status| status.success())
}

/// The text of a file of the repository, `None` for one that is not UTF-8.
pub(crate) fn text(file: &Path) -> Result<Option<String>> {
    let bytes = std::fs::read(path().join(file)).with_context(|| format!("reading {}", file.display()))?;
    Ok(String::from_utf8(bytes).ok())
}

/// Where cargo keeps the sources of dependencies: `$CARGO_HOME` or `~/.cargo`.
#[expect(clippy::disallowed_methods, reason = "cargo's own variable")]
pub(crate) fn cargo_home() -> Result<PathBuf> {
    std::env::var_os("CARGO_HOME")
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")))
        .context("neither CARGO_HOME nor a home folder is set")
}

/// Where tools are kept between runs and shared by clones: `$XDG_CACHE_HOME/stash-dev` or `~/.cache/stash-dev`.
#[expect(clippy::disallowed_methods, reason = "the cache folder is the user's to choose")]
pub(crate) fn cache() -> Result<PathBuf> {
    let base = std::env::var_os("XDG_CACHE_HOME")
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cache")))
        .context("neither XDG_CACHE_HOME nor a home folder is set: there is no place to keep tools")?;
    let folder = base.join("stash-dev");
    std::fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    Ok(folder)
}
