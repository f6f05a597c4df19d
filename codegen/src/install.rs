//! What installs Stash, from the one source of it: the manifest, the script, and what of the chart never varies.

mod lines;
mod script;

use ::install::{Options, document, documents, objects, rules};
use anyhow::Result;
use serde_json::Value;

use crate::Files;

/// Namespace of the manifest, which its head tells how to change.
const NAMESPACE: &str = "stash";
const HEADER: &str = "# Made by `cargo xtask codegen` from crates/install/src. Do not edit.\n";
const MANIFEST_HEAD: &str = include_str!("install/operator.yaml.head");

pub(super) fn files() -> Result<Files> {
    let mut files = Files::new();
    files.insert("deploy/operator.yaml".into(), manifest()?);
    files.insert("deploy/stash.sh".into(), script::text()?);
    files.insert("charts/stash/Chart.yaml".into(), chart());
    for (name, rules) in [
        ("operator-rules", rules::operator()),
        ("user-edit-rules", rules::user_edit()),
        ("user-view-rules", rules::user_view()),
    ] {
        files.insert(format!("charts/stash/files/{name}.yaml").into(), constant(&rules)?);
    }
    Ok(files)
}

/// One file for whoever installs with kubectl. Whoever applies it says the namespace, but bindings have to name it.
fn manifest() -> Result<String> {
    let options = Options { names_its_namespace: false, ..Options::new(NAMESPACE) };
    Ok(format!("{HEADER}{MANIFEST_HEAD}{}", documents(&objects(&options))?))
}

fn constant(rules: &Value) -> Result<String> {
    Ok(format!("{HEADER}{}", document(rules)?))
}

fn chart() -> String {
    let version = install::VERSION;
    format!(
        "{HEADER}apiVersion: v2\n\
         name: stash\n\
         description: Backs up the volumes of Kubernetes workloads into restic repositories\n\
         type: application\n\
         version: {version}\n\
         appVersion: {version}\n\
         kubeVersion: \">=1.29.0-0\"\n\
         keywords: [backup, restic, restore, prometheus]\n"
    )
}

/// A name that a shell variable takes the place of.
fn placeholder(variable: &str) -> String {
    format!("__{variable}__")
}

#[cfg(test)]
mod tests {
    use ::install::names;

    use super::*;

    #[test]
    fn the_manifest_reads_back_as_the_objects() {
        let read: Vec<Value> = serde_saphyr::from_multiple(&manifest().unwrap()).unwrap();
        let options = Options { names_its_namespace: false, ..Options::new(NAMESPACE) };
        assert_eq!(read, objects(&options));
    }

    #[test]
    fn the_head_of_the_manifest_names_what_is_in_it() {
        for name in [names::WEBHOOKS, names::API_SERVICE] {
            assert!(MANIFEST_HEAD.contains(name), "{name}");
        }
    }
}
