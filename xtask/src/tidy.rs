//! `cargo xtask tidy`: the repository's own rules, which no compiler knows. What is not checked is not kept.
//!
//! Every check takes the tracked files as text and returns what it found, so each rule is tested on a few lines.

mod attributes;
mod changelog;
mod crates;
mod documents;
mod modules;
mod shape;

use std::process::ExitCode;

use anyhow::Result;

use crate::root;

/// A tracked text file.
pub(crate) struct Source {
    /// Relative to the root, with `/` between its parts.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Source {
    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }
}

/// One broken rule.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// Where: a path, with `:line` where there is one.
    place: String,
    /// What is wrong, and what to do instead.
    message: String,
}

impl Finding {
    fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { place: place.into(), message: message.into() }
    }

    fn at(source: &Source, line_index: usize, message: impl Into<String>) -> Self {
        Self::new(format!("{}:{}", source.path, line_index + 1), message)
    }
}

pub(crate) fn run() -> Result<ExitCode> {
    let mut sources = Vec::new();
    for file in root::files()? {
        if let Some(text) = root::text(&file)? {
            sources.push(Source { path: file.to_string_lossy().into_owned(), text });
        }
    }
    let metadata = crates::metadata("Cargo.toml")?;
    let mut roots = modules::roots(&metadata);
    roots.extend(modules::roots(&crates::metadata("fuzz/Cargo.toml")?));
    let mut findings = shape::check(&sources);
    findings.extend(modules::check(&sources, &roots));
    findings.extend(attributes::check(&sources));
    findings.extend(crates::check_arrows(&metadata));
    findings.extend(crates::check_absent()?);
    findings.extend(crates::check_manifests(&sources));
    let is_there = |path: &str| root::path().join(path).exists() || root::is_ignored(path);
    findings.extend(documents::check_paths(&sources, is_there));
    findings.extend(documents::check_metrics(&sources));
    findings.extend(changelog::check(&sources));
    findings.sort();
    for Finding { place, message } in &findings {
        println!("{place}: {message}");
    }
    println!("tidy: {} files, {} findings", sources.len(), findings.len());
    Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
