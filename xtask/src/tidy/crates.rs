//! The arrows between crates, what must be absent below them, and that every crate takes the workspace's lints.

use anyhow::{Context, Result};
use serde_json::Value;

use crate::program;
use crate::tidy::{Finding, Source};

/// Who may depend on whom in what ships. ARCHITECTURE.md has the picture and the reasons.
const ARROWS: [(&str, &[&str]); 21] = [
    ("exposition", &[]),
    ("domain", &[]),
    ("install", &["domain"]),
    ("look", &[]),
    ("browser", &[]),
    ("engine", &["domain"]),
    ("meter", &["exposition"]),
    ("apiserver", &["exposition", "meter", "web"]),
    ("gateway", &["exposition", "look", "meter", "web"]),
    ("agent", &["domain", "engine", "exposition"]),
    ("pusher", &["exposition"]),
    ("standalone", &["agent", "domain", "engine", "exposition", "gateway", "look", "pusher"]),
    ("cluster", &[]),
    ("sidecar", &["agent", "cluster", "domain", "engine", "exposition", "pusher"]),
    ("operator", &["apiserver", "cluster", "domain", "exposition", "meter", "pusher", "web"]),
    (
        "stash",
        &[
            "agent",
            "cluster",
            "domain",
            "engine",
            "exposition",
            "gateway",
            "install",
            "operator",
            "sidecar",
            "standalone",
            "web",
        ],
    ),
    ("web", &[]),
    ("codegen", &["domain", "install"]),
    ("e2e", &["monitoring"]),
    ("monitoring", &[]),
    ("xtask", &[]),
];

/// Arrows that tests alone may add: the agent's sessions are tested against a real gateway, pages in a real browser,
/// dashboards with the lists of metrics and with what a real session pushes.
const TEST_ARROWS: [(&str, &[&str]); 5] = [
    ("agent", &["gateway"]),
    ("gateway", &["browser"]),
    ("standalone", &["browser"]),
    ("stash", &["browser", "monitoring"]),
    ("monitoring", &["domain"]),
];

/// Third-party crates that must not be below a crate, not even through another.
const ABSENT: [(&str, &[&str]); 7] = [
    ("apiserver", &["openssl-sys", "rustic_core"]),
    ("operator", &["openssl-sys", "rustic_core"]),
    ("domain", &["axum", "hyper", "kube-client", "kube-runtime", "notify", "rustic_core", "tokio"]),
    ("exposition", &["k8s-openapi", "kube-core", "rustic_core", "tokio"]),
    ("gateway", &["k8s-openapi", "kube-core", "rustic_core"]),
    ("web", &["k8s-openapi", "kube-core", "openssl-sys", "rustic_core"]),
    ("look", &["axum", "hyper", "k8s-openapi", "kube-core", "rustic_core", "tokio"]),
];

/// What cargo knows about the members of the workspace.
pub(super) fn metadata(manifest: &str) -> Result<Value> {
    let text = program::stdout(program::cargo().args([
        "metadata",
        "--no-deps",
        "--format-version",
        "1",
        "--locked",
        "--manifest-path",
        manifest,
    ]))?;
    serde_json::from_str(&text).context("cargo metadata is not JSON")
}

/// Every dependency between members is in the table.
pub(super) fn check_arrows(metadata: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().unwrap_or_default();
        let Some((_, allowed)) = ARROWS.iter().find(|(from, _)| *from == name) else {
            findings
                .push(Finding::new(name, "is a new crate; say what it may know in xtask/src/tidy/crates.rs"));
            continue;
        };
        let in_tests =
            TEST_ARROWS.iter().find(|(from, _)| *from == name).map_or(&[] as &[&str], |(_, to)| to);
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            // Only members of the workspace are depended on by path.
            if dependency["path"].is_null() {
                continue;
            }
            let to = dependency["name"].as_str().unwrap_or_default();
            let for_tests = dependency["kind"].as_str() == Some("dev") && in_tests.contains(&to);
            if !allowed.contains(&to) && !for_tests {
                let message = format!("must not know `{to}`; the arrows are in xtask/src/tidy/crates.rs");
                findings.push(Finding::new(format!("crate {name}"), message));
            }
        }
    }
    findings
}

/// None of the crates that must be absent is in the dependency tree.
pub(super) fn check_absent() -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (name, absent) in ABSENT {
        let tree = program::stdout(program::cargo().args([
            "tree",
            "--package",
            name,
            "--edges",
            "normal,build",
            "--prefix",
            "none",
            "--locked",
        ]))?;
        findings.extend(found_in(&tree, absent).into_iter().map(|third| {
            let message =
                format!("has `{third}` below it; `cargo tree -p {name} -i {third}` says through whom");
            Finding::new(format!("crate {name}"), message)
        }));
    }
    Ok(findings)
}

fn found_in<'a>(tree: &str, absent: &[&'a str]) -> Vec<&'a str> {
    let is_there = |name: &&&str| tree.lines().any(|line| line.split(' ').next() == Some(**name));
    absent.iter().filter(is_there).copied().collect()
}

/// Every member takes the workspace's lints, and a crate's own `clippy.toml` repeats the root's bans.
pub(super) fn check_manifests(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| source.path.contains('/')) {
        if source.path.ends_with("/Cargo.toml") && !source.text.contains("\n[lints]\nworkspace = true\n") {
            findings.push(Finding::new(&source.path, "lacks `[lints]` with `workspace = true`"));
        }
        if source.path.ends_with("/clippy.toml") {
            let root = sources.iter().find(|root| root.path == "clippy.toml");
            for line in root.iter().flat_map(|root| root.text.lines()).filter(|line| is_setting(line)) {
                if !source.text.lines().any(|own| own == line) {
                    let message =
                        format!("replaces the root's clippy.toml, so it must repeat `{}`", line.trim());
                    findings.push(Finding::new(&source.path, message));
                }
            }
        }
    }
    findings
}

fn is_setting(line: &str) -> bool {
    line.starts_with("allow-") || line.trim_start().starts_with("{ path")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn source(path: &str, text: &str) -> Source {
        Source { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn an_arrow_outside_the_table_and_an_unknown_crate_are_found() {
        let metadata = json!({ "packages": [
            { "name": "gateway", "dependencies": [
                { "name": "exposition", "path": "crates/exposition", "kind": null },
                { "name": "domain", "path": "crates/domain", "kind": null },
                { "name": "axum", "kind": null },
            ] },
            { "name": "agent", "dependencies": [{ "name": "gateway", "path": "crates/gateway", "kind": "dev" }] },
            { "name": "newcomer", "dependencies": [] },
        ] });
        let places: Vec<String> = check_arrows(&metadata).into_iter().map(|finding| finding.place).collect();
        assert_eq!(places, ["crate gateway", "newcomer"]);
    }

    #[test]
    fn a_crate_in_the_tree_is_found_by_its_whole_name() {
        let tree = "domain v0.9.0\ntokio-util v0.7.1\nkube-client v5.0.0 (*)\n";
        assert_eq!(found_in(tree, &["tokio", "kube-client"]), ["kube-client"]);
    }

    #[test]
    fn a_crate_without_the_workspaces_lints_or_bans_is_found() {
        let findings = check_manifests(&[
            source("clippy.toml", "allow-x = true\nbans = [\n  { path = \"a\" },\n]\n"),
            source("crates/a/Cargo.toml", "[package]\n\n[lints]\nworkspace = true\n\n[dependencies]\n"),
            source("crates/b/Cargo.toml", "[package]\n"),
            source("crates/b/clippy.toml", "allow-x = true\n"),
        ]);
        let places: Vec<&str> = findings.iter().map(|finding| finding.place.as_str()).collect();
        assert_eq!(places, ["crates/b/Cargo.toml", "crates/b/clippy.toml"]);
    }
}
