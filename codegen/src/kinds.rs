//! `docs/reference/{restic,recovery,repository}.md`: every field of our kinds, from their definitions.

use std::fmt::Write;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::Files;

/// Names between `spec` and a field. Deeper there are only fields of Kubernetes itself.
const DEEPEST: usize = 3;

pub(crate) fn files() -> Result<Files> {
    domain::crds::crds()
        .into_iter()
        .map(|crd| {
            let kind = crd.spec.names.kind.clone();
            let page = page(&serde_json::to_value(&crd)?).with_context(|| format!("describing {kind}"))?;
            Ok((PathBuf::from(format!("docs/reference/{}.md", kind.to_lowercase())), page))
        })
        .collect()
}

fn page(crd: &Value) -> Result<String> {
    let names = &crd["spec"]["names"];
    let kind = names["kind"].as_str().context("it has no kind")?;
    let version = &crd["spec"]["versions"][0];
    let api = format!(
        "{}/{}",
        crd["spec"]["group"].as_str().unwrap_or_default(),
        version["name"].as_str().unwrap_or_default()
    );
    let schema = &version["schema"]["openAPIV3Schema"]["properties"];
    let mut text = String::from(
        "<!-- Made by `cargo xtask codegen` from crates/domain/src/objects. Do not edit. -->\n\n",
    );
    writeln!(text, "# {kind}\n")?;
    if let Some(about) = schema["spec"]["description"].as_str() {
        writeln!(text, "{}\n", line(about))?;
    }
    let short: Vec<String> =
        names["shortNames"].as_array().into_iter().flatten().filter_map(Value::as_str).map(code).collect();
    writeln!(
        text,
        "`apiVersion: {api}`, `kind: {kind}`; for kubectl {} or {}. `kubectl explain {}` says the same in the cluster.",
        code(names["plural"].as_str().unwrap_or_default()),
        short.join(", "),
        names["singular"].as_str().unwrap_or_default()
    )?;
    for part in ["spec", "status"] {
        let Some(properties) = schema[part]["properties"].as_object() else { continue };
        writeln!(text, "\n## {part}\n\n| field | type | meaning |\n|---|---|---|")?;
        for (name, field) in properties {
            let is_required = is_required(&schema[part], name);
            rows(&mut text, name, field, is_required, 1)?;
        }
    }
    Ok(text)
}

fn rows(text: &mut String, path: &str, field: &Value, is_required: bool, depth: usize) -> std::fmt::Result {
    let about = field["description"].as_str().map(line).unwrap_or_default();
    let required = if is_required { "required. " } else { "" };
    writeln!(text, "| `{path}` | {} | {required}{about} |", kind_of(field))?;
    if depth == DEEPEST {
        return Ok(());
    }
    let (inner, path) = match field["type"].as_str() {
        Some("array") => (&field["items"], format!("{path}[]")),
        _ => (field, path.to_owned()),
    };
    for (name, below) in inner["properties"].as_object().into_iter().flatten() {
        rows(text, &format!("{path}.{name}"), below, self::is_required(inner, name), depth + 1)?;
    }
    Ok(())
}

fn is_required(parent: &Value, name: &str) -> bool {
    parent["required"].as_array().is_some_and(|required| required.iter().any(|known| known == name))
}

fn kind_of(field: &Value) -> String {
    if field["x-kubernetes-int-or-string"] == true {
        return "number or string".to_owned();
    }
    if let Some(values) = field["enum"].as_array() {
        let values: Vec<String> = values.iter().filter_map(Value::as_str).map(code).collect();
        return values.join(", ");
    }
    match (field["type"].as_str(), field["format"].as_str()) {
        (Some("array"), _) => format!("list of {}", kind_of(&field["items"])),
        (Some("string"), Some("date-time")) => "time".to_owned(),
        (Some("object"), _) if field["additionalProperties"].is_object() => {
            format!("map of {}", kind_of(&field["additionalProperties"]))
        }
        (Some(kind), _) => kind.to_owned(),
        (None, _) => "any".to_owned(),
    }
}

fn code(name: &str) -> String {
    format!("`{name}`")
}

/// In one line, and without what would end a column.
fn line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_a_spec_has_a_row_with_its_meaning() {
        let files = files().unwrap();
        assert_eq!(files.len(), 3);
        let restic = &files[&PathBuf::from("docs/reference/restic.md")];
        for row in [
            "| `schedule` | string | ",
            "| `fileGroups[].path` | string | ",
            "| `backend.local.mountPath` | ",
        ] {
            assert!(restic.contains(row), "{row}:\n{restic}");
        }
        for (path, page) in &files {
            for row in page.lines().filter(|line| line.starts_with("| `") && !line.contains('.')) {
                assert_eq!(row.matches(" | ").count(), 2, "{}: {row}", path.display());
            }
        }
    }
}
