//! The guide names every flag of the command with its default, and no other.

use std::collections::BTreeMap;
use std::path::Path;

use crate::kit::{pushgateway, run};

/// Flags that every subcommand has.
const SHARED: [&str; 5] = ["help", "version", "log-level", "log-format", "no-progress"];

/// Flag → default, from `--help`: a line with the flag, then its text, further in, which may end in the default.
fn of_help() -> BTreeMap<String, String> {
    let help = run(pushgateway().arg("--help")).expect(0).out;
    let mut flags: BTreeMap<String, String> = BTreeMap::new();
    let mut flag = None;
    for line in help.lines() {
        if let Some(rest) = line.strip_prefix("      --") {
            flag = Some(rest.split([' ', '[', '=']).next().unwrap_or_default().to_owned());
        } else if !line.starts_with("        ") && !line.is_empty() {
            flag = None;
        }
        if let Some(flag) = &flag {
            let text = flags.entry(flag.clone()).or_default();
            text.push_str(line.trim());
            text.push(' ');
        }
    }
    flags.retain(|flag, _| !SHARED.contains(&flag.as_str()));
    for text in flags.values_mut() {
        let default = text.split_once("[default: ").and_then(|(_, rest)| rest.split_once(']'));
        *text = default.map_or(String::new(), |(default, _)| default.trim_matches('"').to_owned());
    }
    flags
}

/// Flag → default, from the rows of the guide's tables that begin with a flag.
fn of_guide() -> BTreeMap<String, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guides/pushgateway.md");
    let guide = std::fs::read_to_string(path).unwrap();
    let rows = guide.lines().filter_map(|line| line.strip_prefix("| `--"));
    rows.map(|row| {
        let (flag, rest) = row.split_once('`').unwrap();
        let default = rest.split('|').nth(1).unwrap_or_default().trim();
        (flag.to_owned(), default.trim_matches('`').to_owned())
    })
    .collect()
}

#[test]
fn every_flag_is_in_the_guide_with_its_default_and_the_guide_names_no_other() {
    let (help, guide) = (of_help(), of_guide());
    assert!(help.len() > 30, "{help:?}");
    for (flag, default) in &help {
        let told = guide.get(flag).unwrap_or_else(|| panic!("--{flag} is not in the guide"));
        assert_eq!(told, if default.is_empty() { "none" } else { default }, "the default of --{flag}");
    }
    let unknown: Vec<&String> = guide.keys().filter(|flag| !help.contains_key(*flag)).collect();
    assert!(unknown.is_empty(), "the guide names flags that do not exist: {unknown:?}");
}
