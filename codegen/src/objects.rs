//! `docs/reference/restic.md`, `recovery.md` and `repository.md`: every field of our kinds, from the schemas that the API
//! server gets. Where Kubernetes' own types begin, its own reference goes on.

use std::fmt::Write;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::{Map, Value};

use crate::Files;

/// Where Kubernetes documents its types.
const KUBERNETES: &str = "https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.34/#";

/// Fields of ours that have a type of Kubernetes: the name, the type, and its place in [`KUBERNETES`].
const FOREIGN: [(&str, &str, &str); 8] = [
    ("conditions", "Condition", "condition-v1-meta"),
    ("imagePullSecrets", "LocalObjectReference", "localobjectreference-v1-core"),
    ("repository", "ObjectReference", "objectreference-v1-core"),
    ("resources", "ResourceRequirements", "resourcerequirements-v1-core"),
    ("securityContext", "SecurityContext", "securitycontext-v1-core"),
    ("selector", "LabelSelector", "labelselector-v1-meta"),
    ("tolerations", "Toleration", "toleration-v1-core"),
    ("volumeMounts", "VolumeMount", "volumemount-v1-core"),
];

/// Of a volume with its mount, the fields that are ours; every other is a volume source.
const OF_MOUNT: [&str; 2] = ["mountPath", "subPath"];

pub(crate) fn files() -> Result<Files> {
    domain::crds::crds()
        .iter()
        .map(|crd| {
            let crd = serde_json::to_value(crd)?;
            let names = &crd["spec"]["names"];
            let kind = names["singular"].as_str().context("a kind has a name")?.to_owned();
            Ok((PathBuf::from(format!("docs/reference/{kind}.md")), page(&crd)?))
        })
        .collect()
}

fn page(crd: &Value) -> Result<String> {
    let names = &crd["spec"]["names"];
    let version = &crd["spec"]["versions"][0];
    let fields = &version["schema"]["openAPIV3Schema"]["properties"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut page = String::from(
        "<!-- Made by `cargo xtask codegen` from crates/domain/src/objects. Do not edit. -->\n\n",
    );
    writeln!(page, "# {}\n", text(&names["kind"]))?;
    writeln!(page, "{}\n", meaning(&fields["spec"]))?;
    writeln!(
        page,
        "`apiVersion: {}/{}`, in a namespace. `kubectl` knows it as `{}`, `{}` and `{}`.\n",
        text(&crd["spec"]["group"]),
        text(&version["name"]),
        text(&names["plural"]),
        text(&names["singular"]),
        text(&names["shortNames"][0]),
    )?;
    page.push_str(
        "A name with `[]` is a list, `[].` leads to a field of each entry. A field without a default is empty or absent when it is\n\
         not set; what cannot do without it is refused, with the name of the field.\n\n## Spec\n\n\
         | field | type | default | meaning |\n|---|---|---|---|\n",
    );
    for row in rows("spec", &fields["spec"]) {
        writeln!(page, "| `{}` | {} | {} | {} |", row.field, row.kind, row.default, row.meaning)?;
    }
    page.push_str("\n## Status\n\n| field | type | meaning |\n|---|---|---|\n");
    for row in rows("status", &fields["status"]) {
        writeln!(page, "| `{}` | {} | {} |", row.field, row.kind, row.meaning)?;
    }
    page.push_str("\n## Columns of `kubectl get`\n\n| column | field | shown |\n|---|---|---|\n");
    for column in version["additionalPrinterColumns"].as_array().into_iter().flatten() {
        let shown = if column["priority"].as_i64().unwrap_or(0) > 0 { "with `-o wide`" } else { "always" };
        let field = text(&column["jsonPath"]);
        writeln!(page, "| `{}` | `{}` | {shown} |", text(&column["name"]), field.trim_start_matches('.'))?;
    }
    Ok(page)
}

struct Row {
    field: String,
    kind: String,
    default: &'static str,
    meaning: String,
}

/// A row for each field below this one, with those of Kubernetes' own types left out.
fn rows(path: &str, schema: &Value) -> Vec<Row> {
    let Some(fields) = schema["properties"].as_object() else { return Vec::new() };
    let is_mount = OF_MOUNT.iter().all(|name| fields.contains_key(*name));
    let mut rows = Vec::new();
    for (name, field) in fields {
        if is_mount && !OF_MOUNT.contains(&name.as_str()) {
            continue;
        }
        let entry = if field["type"] == "array" { &field["items"] } else { field };
        let path = format!("{path}.{name}{}", if field["type"] == "array" { "[]" } else { "" });
        let foreign = FOREIGN.iter().find(|(known, ..)| known == name);
        rows.push(Row {
            kind: foreign.map_or_else(|| kind(entry), |(_, kind, place)| link(kind, place)),
            default: default(field),
            meaning: meaning(field),
            field: path.clone(),
        });
        if foreign.is_none() {
            rows.extend(self::rows(&path, entry));
        }
    }
    if is_mount {
        rows.push(sources(path, fields));
    }
    rows
}

fn sources(path: &str, fields: &Map<String, Value>) -> Row {
    let names = fields.keys().filter(|name| !OF_MOUNT.contains(&name.as_str()));
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    Row {
        field: format!("{path}.<source>"),
        kind: link("Volume", "volume-v1-core"),
        default: "",
        meaning: format!("The volume, by exactly one of Kubernetes' sources: {}.", names.join(", ")),
    }
}

fn link(kind: &str, place: &str) -> String {
    format!("[{kind}]({KUBERNETES}{place})")
}

fn kind(schema: &Value) -> String {
    if let Some(values) = schema["enum"].as_array() {
        let values = values.iter().filter_map(Value::as_str).filter(|value| !value.is_empty());
        return values.map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", ");
    }
    if schema["x-kubernetes-int-or-string"] == true {
        return "integer or string".to_owned();
    }
    match (schema["type"].as_str().unwrap_or_default(), schema["format"].as_str()) {
        ("string", Some("date-time")) => "time".to_owned(),
        ("object", _) if schema["additionalProperties"].is_object() => {
            format!("map of {}", kind(&schema["additionalProperties"]))
        }
        (kind, _) => kind.to_owned(),
    }
}

/// What an absent value counts as. A number that must be at least 1 has none.
fn default(schema: &Value) -> &'static str {
    match schema["type"].as_str() {
        Some("boolean") => "`false`",
        Some("integer") if schema["minimum"].as_f64() == Some(0.0) => "`0`",
        _ => "",
    }
}

/// The description as one line of a table.
fn meaning(schema: &Value) -> String {
    let description = schema["description"].as_str().unwrap_or_default();
    let line = description.split_whitespace().collect::<Vec<_>>().join(" ");
    line.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn page_of(kind: &str) -> String {
        files().unwrap().remove(Path::new(&format!("docs/reference/{kind}.md"))).unwrap()
    }

    #[test]
    fn every_field_of_ours_has_a_row_with_a_type_and_a_meaning() {
        for (path, page) in files().unwrap() {
            let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| `s")).collect();
            assert!(rows.len() > 15, "{}: {}", path.display(), rows.len());
            for row in rows {
                let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
                let told = cells.last().is_some_and(|meaning| meaning.len() > 5);
                assert!(
                    told && cells.get(1).is_some_and(|kind| !kind.is_empty()),
                    "{}: {row}",
                    path.display()
                );
            }
        }
    }

    #[test]
    fn lists_maps_enums_and_defaults_are_told() {
        let restic = page_of("restic");
        for row in [
            "| `spec.fileGroups[]` | object |  |",
            "| `spec.fileGroups[].path` | string |  |",
            "| `spec.paused` | boolean | `false` |",
            "| `spec.retentionPolicies[].keepLast` | integer | `0` |",
            "| `spec.type` | `online`, `offline` |  |",
            "| `status.lastBackupTime` | time |",
            "| `status.repositories` | map of string |",
        ] {
            assert!(restic.contains(row), "{row} is missing in:\n{restic}");
        }
        assert!(page_of("recovery").contains("| `spec.activeDeadlineSeconds` | integer |  |"));
    }

    #[test]
    fn types_of_kubernetes_are_named_and_not_spelled_out() {
        for (path, page) in files().unwrap() {
            for inner in
                ["matchLabels", "runAsUser", "claimName", "limits", "lastTransitionTime", "mountPropagation"]
            {
                assert!(!page.contains(inner), "{}: {inner}", path.display());
            }
        }
        assert!(page_of("restic").contains("| `spec.selector` | [LabelSelector]("));
        assert!(page_of("recovery").contains("`nfs`"));
    }
}
