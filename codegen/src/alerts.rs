//! `monitoring/prometheusrule.yaml`: the alert rules as an object of the Prometheus operator.

use std::fmt::Write;
use std::path::PathBuf;

use anyhow::Result;

use crate::Files;

const RULES: &str = include_str!("../../monitoring/alerts.yaml");

const HEAD: &str = "# Made by `cargo xtask codegen` from monitoring/alerts.yaml. Do not edit.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: stash
  labels:
    app: stash
spec:
";

pub(crate) fn files() -> Result<Files> {
    let mut text = String::from(HEAD);
    // The rules are YAML of the same form, two columns to the left.
    for line in RULES.lines() {
        if line.is_empty() {
            text.push('\n');
        } else {
            writeln!(text, "  {line}")?;
        }
    }
    Ok(Files::from([(PathBuf::from("monitoring/prometheusrule.yaml"), text)]))
}
