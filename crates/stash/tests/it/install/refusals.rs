//! What script and command refuse, and how they say so.

use std::collections::BTreeSet;

use super::render::{file, owned, run, script, text};
use crate::kit::PROGRAM;

/// Shells that may be there; the script is POSIX.
const SHELLS: [&str; 2] = ["sh", "bash"];

/// A wrong flag, and the words of which each has to be in the complaint.
const WRONG: [(&str, &[&str]); 8] = [
    ("--monitoring-agent=prometheus", &["none", "prometheus.io/builtin", "prometheus.io/coreos-operator"]),
    ("--monitoring-backup=maybe", &["maybe", "true", "false"]),
    ("--monitoring-operator=1", &["true", "false"]),
    ("--servicemonitor-label=prometheus", &["prometheus", "key=value"]),
    ("--servicemonitor-label=a=b\"c", &["key=value"]),
    ("--prometheus-namespace=Not/One", &["Not/One"]),
    ("--namespace=a b", &["a b"]),
    ("--image-pull-policy=Sometimes", &["Always", "IfNotPresent", "Never"]),
];

#[test]
fn the_script_refuses_wrong_values_with_the_right_ones() {
    for shell in SHELLS {
        for (flag, words) in WRONG {
            let output = script(shell, &owned(&[flag, "--dry-run"]));
            assert_eq!(output.status.code(), Some(1), "{shell} {flag}: {}", text(&output.stderr));
            assert!(output.stdout.is_empty(), "{flag}: something was printed all the same");
            let complaint = text(&output.stderr);
            assert!(words.iter().all(|word| complaint.contains(word)), "{flag}: {complaint}");
        }
    }
}

#[test]
fn the_command_refuses_wrong_values_with_the_right_ones() {
    for (flag, words) in WRONG {
        let output = run(PROGRAM, &owned(&["install", "--dry-run", flag]));
        assert_eq!(output.status.code(), Some(2), "{flag}: {}", text(&output.stderr));
        let complaint = text(&output.stderr);
        assert!(words.iter().all(|word| complaint.contains(word)), "{flag}: {complaint}");
    }
}

#[test]
fn the_script_meets_an_unknown_flag_with_its_usage() {
    for shell in SHELLS {
        let output = script(shell, &owned(&["--dry-run", "--monitoring-agents=none"]));
        assert_eq!(output.status.code(), Some(1));
        let complaint = text(&output.stderr);
        assert!(complaint.contains("--monitoring-agents"), "{complaint}");
        assert!(complaint.contains("--servicemonitor-label=KEY=VALUE"), "no usage: {complaint}");
    }
}

#[test]
fn flags_that_do_not_go_together_are_refused() {
    for flags in [["--purge", "--dry-run"], ["--uninstall", "--dry-run"]] {
        let output = script("sh", &owned(&flags));
        assert_eq!(output.status.code(), Some(1), "{flags:?}");
    }
    let output = run(PROGRAM, &owned(&["uninstall", "--purge", "--only=stop"]));
    assert_eq!(output.status.code(), Some(2));
    let output = run(PROGRAM, &owned(&["uninstall", "--deployment=x"]));
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn flags_of_0_8_3_that_mean_nothing_are_taken_with_a_note() {
    let flags = owned(&["--enable-analytics=false", "--bypass-validating-webhook-xray", "--dry-run"]);
    let by_script = script("sh", &flags);
    let mut arguments = owned(&["install"]);
    arguments.extend(flags);
    let by_command = run(PROGRAM, &arguments);
    for output in [by_script, by_command] {
        assert!(output.status.success(), "{}", text(&output.stderr));
        for flag in ["--enable-analytics", "--bypass-validating-webhook-xray"] {
            assert!(text(&output.stderr).contains(flag), "{}", text(&output.stderr));
        }
    }
}

/// Flags that begin a row of the guide's table.
fn flags_of_guide() -> BTreeSet<String> {
    let guide = std::fs::read_to_string(file("docs/guides/install.md")).unwrap();
    let rows = guide.lines().filter_map(|line| line.strip_prefix("| `--"));
    rows.map(|row| row.split('`').next().unwrap().to_owned()).collect()
}

/// Flags that a usage tells.
fn flags_of(usage: &str) -> BTreeSet<String> {
    let lines = usage.lines().map(str::trim_start).filter(|line| line.starts_with('-'));
    lines
        .filter_map(|line| line.split_once("--"))
        .map(|(_, rest)| rest.chars().take_while(|c| c.is_ascii_alphabetic() || *c == '-').collect())
        .collect()
}

#[test]
fn guide_script_and_command_know_the_same_flags() {
    let guide = flags_of_guide();
    let usage = text(&script("sh", &owned(&["--help"])).stdout);
    let mut of_script = flags_of(&usage);
    for taking_away in ["uninstall", "purge", "help"] {
        assert!(of_script.remove(taking_away), "{taking_away}");
    }
    assert_eq!(of_script, guide);
    let mut of_command = flags_of(&text(&run(PROGRAM, &owned(&["install", "--help"])).stdout));
    // Flags of every command, and how to reach the cluster.
    for own in ["help", "kubeconfig", "master", "log-level", "log-format", "no-progress"] {
        assert!(of_command.remove(own), "{own} of {of_command:?}");
    }
    assert_eq!(of_command, guide);
}
