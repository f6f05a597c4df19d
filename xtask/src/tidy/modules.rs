//! A source file that no `mod` line names is never compiled: tests in it look alive and prove nothing.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::root;
use crate::tidy::{Finding, Source};

/// The first file of every library, program, test and build script, relative to the root.
pub(super) fn roots(metadata: &Value) -> Vec<String> {
    let root = root::path();
    let packages = metadata["packages"].as_array().into_iter().flatten();
    packages
        .flat_map(|package| package["targets"].as_array().into_iter().flatten())
        .filter_map(|target| target["src_path"].as_str())
        .filter_map(|path| Path::new(path).strip_prefix(&root).ok())
        .map(|path| path.to_string_lossy().into_owned())
        .collect()
}

pub(super) fn check(sources: &[Source], roots: &[String]) -> Vec<Finding> {
    let mut reached = BTreeSet::new();
    // A path still to be read, and the folder in which the modules it names are.
    let mut open: Vec<(String, String)> =
        roots.iter().map(|root| (root.clone(), folder(root).to_owned())).collect();
    while let Some((path, children)) = open.pop() {
        let Some(source) = sources.iter().find(|source| source.path == path) else { continue };
        if !reached.insert(path) {
            continue;
        }
        for name in source.text.lines().filter_map(declared) {
            let folder = format!("{children}/{name}");
            open.push((format!("{folder}.rs"), folder));
        }
    }
    sources
        .iter()
        .filter(|source| source.is_rust() && !reached.contains(&source.path))
        .map(|source| Finding::new(&source.path, "is compiled by nothing: no `mod` line names it"))
        .collect()
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The name in a line `mod name;`, with whatever visibility before it.
fn declared(line: &str) -> Option<&str> {
    let line = line.trim();
    let line = match line.strip_prefix("pub") {
        Some(rest) if rest.starts_with('(') => rest.split_once(')')?.1,
        Some(rest) => rest,
        None => line,
    };
    line.trim_start().strip_prefix("mod ")?.strip_suffix(';').map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_reached_from_a_root_through_mod_lines_of_any_visibility() {
        let files = [
            ("crates/a/src/lib.rs", "pub mod one;\npub(crate) mod two;\n"),
            ("crates/a/src/one.rs", "#[cfg(test)]\nmod tests;\n"),
            ("crates/a/src/one/tests.rs", ""),
            ("crates/a/src/two.rs", "// mod three;\nmod inline {}\n"),
            ("crates/a/src/three.rs", ""),
            ("crates/a/tests/it/main.rs", "mod verb;\n"),
            ("crates/a/tests/it/verb.rs", ""),
            ("crates/a/src/two/tests.rs", ""),
        ];
        let sources: Vec<Source> =
            files.map(|(path, text)| Source { path: path.to_owned(), text: text.to_owned() }).into();
        let roots = ["crates/a/src/lib.rs".to_owned(), "crates/a/tests/it/main.rs".to_owned()];
        let lost: Vec<String> = check(&sources, &roots).into_iter().map(|finding| finding.place).collect();
        assert_eq!(lost, ["crates/a/src/three.rs", "crates/a/src/two/tests.rs"]);
    }
}
