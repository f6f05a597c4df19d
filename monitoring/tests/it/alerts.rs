//! Each alert fires when it should and keeps still when it should, says what it means, and leads to a page.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Where people read what to do. A page of the same name is in the repository.
const RUNBOOKS: &str = "https://github.com/stashed/stash/blob/master/docs/runbooks/";

/// One alert.
pub(crate) struct Rule {
    pub(crate) alert: String,
    pub(crate) expr: String,
    value: Value,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

fn text_of(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn rules() -> Vec<Rule> {
    let file = yaml(monitoring::ALERTS);
    let groups = file["groups"].as_array().unwrap();
    let rules = groups.iter().flat_map(|group| group["rules"].as_array().unwrap());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    rules
        .map(|rule| Rule { alert: text(&rule["alert"]), expr: text(&rule["expr"]), value: rule.clone() })
        .collect()
}

/// Runs promtool in the folder of the cases, and asserts that it is content.
fn promtool(arguments: &[&str]) {
    let output = Command::new("promtool").args(arguments).current_dir(folder().join("tests")).output().expect(
        "promtool is needed for this test: put promtool 3 or newer on the path, or use `cargo xtask test`",
    );
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "promtool {}: {said}", arguments.join(" "));
}

#[test]
fn promtool_finds_nothing_in_the_rules() {
    promtool(&["check", "rules", "--lint=all", "--lint-fatal", "../alerts.yaml"]);
}

#[test]
fn every_alert_fires_and_keeps_still_as_its_cases_say() {
    let files: Vec<String> = rules().iter().map(|rule| format!("{}.yaml", rule.alert)).collect();
    let arguments: Vec<&str> =
        ["test", "rules"].into_iter().chain(files.iter().map(String::as_str)).collect();
    promtool(&arguments);
}

#[test]
fn every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not() {
    let mut files: Vec<String> = std::fs::read_dir(folder().join("tests"))
        .unwrap()
        .filter_map(|entry| {
            entry.unwrap().file_name().into_string().ok()?.strip_suffix(".yaml").map(str::to_owned)
        })
        .collect();
    files.sort();
    let mut alerts: Vec<String> = rules().into_iter().map(|rule| rule.alert).collect();
    alerts.sort();
    assert_eq!(files, alerts);
    for alert in alerts {
        let cases = yaml(&text_of(&folder().join("tests").join(format!("{alert}.yaml"))));
        let mut seen = BTreeMap::from([(true, 0), (false, 0)]);
        for case in cases["tests"].as_array().unwrap() {
            for test in case["alert_rule_test"].as_array().unwrap() {
                assert_eq!(test["alertname"], alert.as_str());
                *seen.entry(test["exp_alerts"].as_array().unwrap().is_empty()).or_default() += 1;
            }
        }
        assert!(seen.values().all(|count| *count > 0), "{alert}: {seen:?}");
    }
}

#[test]
fn every_alert_says_how_grave_it_is_what_it_means_and_where_to_read_on() {
    for Rule { alert, value, .. } in rules() {
        let severity = value["labels"]["severity"].as_str().unwrap();
        assert!(["critical", "warning"].contains(&severity), "{alert}: {severity}");
        let summary = value["annotations"]["summary"].as_str().unwrap();
        assert!(
            summary.ends_with('.') && summary.matches(". ").count() == 0,
            "{alert}: one sentence: {summary}"
        );
        assert!(value["annotations"]["description"].as_str().is_some_and(|text| text.len() > 20), "{alert}");
        assert_eq!(value["annotations"]["runbook_url"], format!("{RUNBOOKS}{alert}.md"), "{alert}");
    }
}

#[test]
fn every_alert_has_a_page_that_says_what_to_look_at_and_what_to_do() {
    let pages = folder().join("../docs/runbooks");
    let mut listed = Vec::new();
    for Rule { alert, value, .. } in rules() {
        let page = text_of(&pages.join(format!("{alert}.md")));
        assert!(page.starts_with(&format!("# {alert}\n")), "{alert}");
        let severity = value["labels"]["severity"].as_str().unwrap();
        assert!(page.contains(&format!("Severity: {severity}.")), "{alert}: severity {severity}");
        for heading in ["## What it means", "## What to look at", "## What to do"] {
            assert!(page.contains(&format!("\n{heading}\n")), "{alert}: {heading} is missing");
        }
        listed.push(format!("{alert}.md"));
    }
    let overview = text_of(&pages.join("README.md"));
    for page in std::fs::read_dir(&pages).unwrap() {
        let name = page.unwrap().file_name().into_string().unwrap();
        assert!(name == "README.md" || listed.contains(&name), "{name} is the page of no alert");
        assert!(name == "README.md" || overview.contains(&format!("({name})")), "{name} is not in README.md");
    }
}

#[test]
fn the_rules_for_the_prometheus_operator_are_the_same() {
    let object = yaml(monitoring::PROMETHEUS_RULE);
    assert_eq!(
        (&object["apiVersion"], &object["kind"]),
        (&"monitoring.coreos.com/v1".into(), &"PrometheusRule".into())
    );
    assert_eq!(object["spec"]["groups"], yaml(monitoring::ALERTS)["groups"]);
}
