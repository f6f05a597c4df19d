//! What the API server demands of a definition, and what users of the old ones rely on.

use serde_json::Value;

use super::*;

fn json(crd: &CustomResourceDefinition) -> Value {
    serde_json::to_value(crd).unwrap()
}

/// Every schema below `schema`, with its path.
fn walk(path: &str, schema: &Value, visit: &mut impl FnMut(&str, &Value)) {
    visit(path, schema);
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        walk(&format!("{path}.{name}"), property, visit);
    }
    for inner in ["items", "additionalProperties"] {
        if schema[inner].is_object() {
            walk(&format!("{path}[]"), &schema[inner], visit);
        }
    }
}

#[test]
fn schemas_are_structural() {
    for crd in crds() {
        let kind = crd.spec.names.kind.clone();
        let schema = &json(&crd)["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        let mut fields = 0;
        walk(&kind, schema, &mut |path, schema| {
            fields += 1;
            let typed = schema["type"].is_string() || schema["x-kubernetes-int-or-string"] == true;
            assert!(typed, "{path} has no type: {schema}");
            assert_ne!(schema["type"], "null", "{path}");
            assert_ne!(schema["additionalProperties"], false, "{path}");
            for forbidden in [
                "$ref",
                "default",
                "definitions",
                "uniqueItems",
                "patternProperties",
                "anyOf",
                "oneOf",
                "allOf",
            ] {
                assert!(schema.get(forbidden).is_none(), "{path} has {forbidden}: {schema}");
            }
            let both = schema.get("properties").is_some() && schema.get("additionalProperties").is_some();
            assert!(!both, "{path} has properties and additionalProperties");
            assert!(
                schema.get("x-kubernetes-preserve-unknown-fields").is_none(),
                "{path} keeps unknown fields"
            );
            let format = schema["format"].as_str().unwrap_or("int64");
            let known = ["int32", "int64", "double", "date-time", "byte"];
            assert!(known.contains(&format), "{path} has format {format}");
            if schema["type"] == "array" {
                assert!(schema["items"].is_object(), "{path} does not say what it lists");
            }
        });
        assert!(fields > 20, "{kind} has only {fields} fields");
    }
}

/// `kubectl apply` keeps the whole object in an annotation, which may have 256 KiB.
#[test]
fn definitions_are_small_enough_for_kubectl_apply() {
    for crd in crds() {
        let size = serde_json::to_vec(&crd).unwrap().len();
        assert!(size < 200_000, "{} has {size} bytes", crd.spec.names.kind);
    }
}

#[test]
fn names_and_columns_are_those_users_know() {
    let summary: Vec<String> = crds()
        .iter()
        .map(|crd| {
            let names = &crd.spec.names;
            let version = &crd.spec.versions[0];
            let columns: Vec<&str> = version
                .additional_printer_columns
                .iter()
                .flatten()
                .map(|column| column.name.as_str())
                .collect();
            format!(
                "{} {} {} {:?} {:?} app={} status={} | {}",
                crd.metadata.name.as_deref().unwrap(),
                names.kind,
                names.singular.as_deref().unwrap(),
                names.short_names.as_deref().unwrap(),
                names.categories.as_deref().unwrap(),
                crd.metadata.labels.as_ref().unwrap()["app"],
                version.subresources.as_ref().unwrap().status.is_some(),
                columns.join(" "),
            )
        })
        .collect();
    assert_eq!(
        summary,
        [
            r#"restics.stash.appscode.com Restic restic ["rst"] ["storage", "appscode", "all"] app=stash status=true | Schedule Paused Last-Success Next-Run Ready Selector Backup-Type Age"#,
            r#"recoveries.stash.appscode.com Recovery recovery ["rec"] ["storage", "appscode", "all"] app=stash status=true | Repository-Namespace Repository-Name Snapshot Phase Progress Age"#,
            r#"repositories.stash.appscode.com Repository repository ["repo"] ["storage", "appscode", "all"] app=stash status=true | Last-Backup Last-Successful-Backup Result Backup-Count Snapshots Size Integrity Age"#,
        ]
    );
}

#[test]
fn one_object_rules_are_said_to_the_api_server() {
    let rules: Vec<(String, String)> = crds()
        .iter()
        .flat_map(|crd| {
            let kind = crd.spec.names.kind.clone();
            let mut rules = Vec::new();
            let schema = &json(crd)["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
            walk("", schema, &mut |path, schema| {
                for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
                    rules.push((format!("{kind}{path}"), rule["message"].as_str().unwrap().to_owned()));
                }
            });
            rules
        })
        .collect();
    let one_of = "set exactly one of local, s3, gcs, azure, swift, b2, rest";
    let wipe = "wipeOut is unsupported for the backends local and b2";
    assert_eq!(
        rules,
        [
            ("Restic.spec.backend".to_owned(), one_of.to_owned()),
            ("Repository.spec".to_owned(), wipe.to_owned()),
            ("Repository.spec.backend".to_owned(), one_of.to_owned()),
            (
                "Repository.spec.usagePolicy.allowedNamespaces".to_owned(),
                "from Selector needs a selector".to_owned(),
            ),
        ]
    );
    let restic = json(&crds()[0]);
    let spec =
        &restic["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"];
    assert_eq!(spec["type"]["enum"], serde_json::json!(["", "online", "offline", null]));
    let policy = &spec["retentionPolicies"]["items"]["properties"];
    for keep in ["keepLast", "keepHourly", "keepDaily", "keepWeekly", "keepMonthly", "keepYearly"] {
        assert_eq!(policy[keep]["minimum"], 0.0, "{keep}");
    }
}
