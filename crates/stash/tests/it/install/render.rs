//! What each of the three ways would install, as objects.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

use crate::kit::PROGRAM;

/// Name of the release; it contains the chart's, and so is the name of the objects.
pub(super) const RELEASE: &str = "stash-operator";

/// A file of the repository.
pub(super) fn file(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// Runs a program; what it may be missing is provided by the test command.
pub(super) fn run(program: &str, arguments: &[String]) -> Output {
    let run = Command::new(program).args(arguments).output();
    run.unwrap_or_else(|error| panic!("{program}: {error}; `cargo xtask test` provides what tests need"))
}

pub(super) fn text(output: &[u8]) -> String {
    String::from_utf8_lossy(output).into_owned()
}

fn said(program: &str, arguments: &[String]) -> String {
    let output = run(program, arguments);
    assert!(output.status.success(), "{program} {arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

pub(super) fn owned(arguments: &[&str]) -> Vec<String> {
    arguments.iter().map(|argument| (*argument).to_owned()).collect()
}

/// The script with these flags, run by this shell.
pub(super) fn script(shell: &str, flags: &[String]) -> Output {
    let mut arguments = vec![file("deploy/stash.sh").to_string_lossy().into_owned()];
    arguments.extend_from_slice(flags);
    run(shell, &arguments)
}

pub(super) fn by_script(flags: &[String]) -> Vec<Value> {
    let mut flags = flags.to_vec();
    flags.push("--dry-run".to_owned());
    let output = script("sh", &flags);
    assert!(output.status.success(), "{flags:?}: {}", text(&output.stderr));
    parsed(&text(&output.stdout))
}

pub(super) fn by_command(flags: &[String]) -> Vec<Value> {
    let mut arguments = owned(&["install", "--dry-run"]);
    arguments.extend_from_slice(flags);
    parsed(&said(PROGRAM, &arguments))
}

/// The chart with these values (`--set`), without its hooks.
pub(super) fn by_chart(namespace: &str, values: &[String]) -> Vec<Value> {
    let all = chart(namespace, values);
    let is_hook = |object: &Value| !object["metadata"]["annotations"]["helm.sh/hook"].is_null();
    all.into_iter().filter(|object| !is_hook(object)).collect()
}

pub(super) fn chart(namespace: &str, values: &[String]) -> Vec<Value> {
    let output = helm_template(namespace, values);
    assert!(output.status.success(), "{values:?}: {}", text(&output.stderr));
    parsed(&text(&output.stdout))
}

pub(super) fn helm_template(namespace: &str, values: &[String]) -> Output {
    let chart = file("charts/stash").to_string_lossy().into_owned();
    let mut arguments = owned(&["template", RELEASE, &chart, "--namespace", namespace]);
    arguments.extend(values.iter().flat_map(|value| ["--set".to_owned(), value.clone()]));
    run("helm", &arguments)
}

pub(super) fn parsed(text: &str) -> Vec<Value> {
    serde_saphyr::from_multiple::<Value>(text)
        .unwrap()
        .into_iter()
        .filter(|object| !object.is_null())
        .collect()
}

/// By kind, namespace and name; no two are the same object.
pub(super) fn by_key(objects: Vec<Value>) -> BTreeMap<String, Value> {
    let count = objects.len();
    let keyed: BTreeMap<String, Value> = objects
        .into_iter()
        .map(|object| {
            let text =
                |pointer| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
            (format!("{} {}/{}", text("/kind"), text("/metadata/namespace"), text("/metadata/name")), object)
        })
        .collect();
    assert_eq!(keyed.len(), count, "an object is there twice: {:?}", keyed.keys());
    keyed
}

/// The one object of a kind.
pub(super) fn one<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    let found: Vec<&Value> = objects.iter().filter(|object| object["kind"] == kind).collect();
    assert_eq!(found.len(), 1, "objects of kind {kind}");
    found[0]
}
