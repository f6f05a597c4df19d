//! Writes the files that are made from the types, or with `--check` tells which committed ones differ.
//!
//! A program of its own so that `cargo xtask` does not depend on `domain`: the test command must still run, count and
//! say so when `domain` does not compile. Called as `cargo xtask codegen`.
#![allow(clippy::print_stdout, reason = "this program talks to a person in a terminal")]

mod alerts;
mod crds;
mod dashboards;
mod install;
mod kinds;
mod metrics;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

/// Folders in which every file is generated: one that no generator writes any more is removed.
const OWNED_FOLDERS: [&str; 4] =
    ["charts/stash/crds", "charts/stash/files", "docs/reference", "monitoring/dashboards"];

/// What somebody else writes there: the program itself says what its flags are, and this one does not know it.
const WRITTEN_ELSEWHERE: [&str; 1] = ["docs/reference/flags.md"];

/// Path from the root of the repository → whole content.
type Files = BTreeMap<PathBuf, String>;

/// Everything that is generated, one generator a line.
fn generated() -> Result<Files> {
    let mut files = Files::new();
    files.extend(alerts::files()?);
    files.extend(crds::files()?);
    files.extend(dashboards::files()?);
    files.extend(install::files()?);
    files.extend(kinds::files()?);
    files.extend(metrics::files()?);
    Ok(files)
}

fn main() -> Result<ExitCode> {
    let check = match std::env::args().skip(1).collect::<Vec<_>>().as_slice() {
        [] => false,
        [flag] if flag == "--check" => true,
        other => bail!("unknown arguments {other:?}; the only one there is is --check"),
    };
    run(Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the crate has no parent folder")?, check)
}

fn run(root: &Path, check: bool) -> Result<ExitCode> {
    let wanted = generated()?;
    let mut changes = 0;
    for (path, content) in &wanted {
        let whole = root.join(path);
        if std::fs::read_to_string(&whole).is_ok_and(|present| present == *content) {
            continue;
        }
        changes += 1;
        if check {
            println!("{}: differs from what the types say", path.display());
        } else {
            write(&whole, content)?;
            println!("{}: written", path.display());
        }
    }
    for path in left_over(root, &wanted)? {
        changes += 1;
        if check {
            println!("{}: nothing generates it any more", path.display());
        } else {
            std::fs::remove_file(root.join(&path)).with_context(|| format!("removing {}", path.display()))?;
            println!("{}: removed", path.display());
        }
    }
    println!("codegen: {} files, {changes} {}", wanted.len(), if check { "stale" } else { "changed" });
    if check && changes > 0 {
        println!("run `cargo xtask codegen` and commit what it changes");
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

fn write(path: &Path, content: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
    }
    std::fs::write(path, content).with_context(|| format!("writing {}", path.display()))
}

/// Files of the owned folders that nothing generates, relative to the root.
fn left_over(root: &Path, wanted: &Files) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for folder in OWNED_FOLDERS {
        let whole = root.join(folder);
        if !whole.is_dir() {
            continue;
        }
        for entry in std::fs::read_dir(&whole).with_context(|| format!("reading {folder}"))? {
            let path = Path::new(folder).join(entry?.file_name());
            if !wanted.contains_key(&path) && !WRITTEN_ELSEWHERE.iter().any(|other| path == Path::new(other))
            {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writing_settles_and_a_change_or_a_leftover_is_seen() {
        let root = tempfile::tempdir().unwrap();
        let check = || run(root.path(), true).unwrap();
        assert_eq!(check(), ExitCode::FAILURE, "nothing is written yet");
        run(root.path(), false).unwrap();
        assert_eq!(check(), ExitCode::SUCCESS);

        let (first, _) = generated().unwrap().pop_first().unwrap();
        std::fs::write(root.path().join(&first), "changed by hand\n").unwrap();
        assert_eq!(check(), ExitCode::FAILURE);
        run(root.path(), false).unwrap();

        let leftover = root.path().join(OWNED_FOLDERS[0]).join("gone.yaml");
        std::fs::write(&leftover, "").unwrap();
        assert_eq!(check(), ExitCode::FAILURE);
        run(root.path(), false).unwrap();
        assert!(!leftover.exists());
        assert_eq!(check(), ExitCode::SUCCESS);
    }
}
