//! What a Snapshot is, field by field: `kubectl explain snapshot` reads it, and the API server merges it into its own.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::LazyLock;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse as _;
use axum::routing::get;
use domain::objects::snapshot::Snapshot;
use domain::objects::{SNAPSHOT_GROUP, VERSION};
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::Snapshots;

/// Names of the definitions; the API server knows all definitions of a cluster by such names.
const ONE: &str = "com.appscode.stash.repositories.v1alpha1.Snapshot";
const MANY: &str = "com.appscode.stash.repositories.v1alpha1.SnapshotList";
const LIST_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta";

static V2: LazyLock<String> = LazyLock::new(|| version_2().to_string());
static V3: LazyLock<String> = LazyLock::new(|| version_3().to_string());
static V3_INDEX: LazyLock<String> = LazyLock::new(|| {
    let path = format!("apis/{SNAPSHOT_GROUP}/{VERSION}");
    let mut hasher = DefaultHasher::new();
    V3.hash(&mut hasher);
    let address = format!("/openapi/v3/{path}?hash={:016X}", hasher.finish());
    json!({"paths": {path: {"serverRelativeURL": address}}}).to_string()
});

/// The paths where an API server has its descriptions.
pub(super) fn router() -> Router<Snapshots> {
    let text = |text: &'static LazyLock<String>| {
        get(async move || ([(CONTENT_TYPE, "application/json")], text.as_str()).into_response())
    };
    Router::new()
        .route("/openapi/v2", text(&V2))
        .route("/openapi/v3", text(&V3_INDEX))
        .route(&format!("/openapi/v3/apis/{SNAPSHOT_GROUP}/{VERSION}"), text(&V3))
}

fn version_2() -> Value {
    let mut settings = SchemaSettings::openapi3();
    settings.definitions_path = "/definitions".into();
    let definitions = definitions(settings, "#/definitions/");
    let answer = |kind: &str| json!({"200": {"description": "OK", "schema": {"$ref": format!("#/definitions/{kind}")}}});
    json!({
        "swagger": "2.0",
        "info": info(),
        "paths": paths(&answer, |name, place, description| {
            json!({"name": name, "in": place, "description": description, "type": "string", "required": place == "path"})
        }),
        "definitions": definitions,
    })
}

fn version_3() -> Value {
    let mut definitions = definitions(SchemaSettings::openapi3(), "#/components/schemas/");
    definitions.values_mut().for_each(wrap_references);
    let answer = |kind: &str| {
        let schema = json!({"$ref": format!("#/components/schemas/{kind}")});
        json!({"200": {"description": "OK", "content": {"application/json": {"schema": schema}}}})
    };
    json!({
        "openapi": "3.0.0",
        "info": info(),
        "paths": paths(&answer, |name, place, description| {
            json!({
                "name": name, "in": place, "description": description, "schema": {"type": "string"},
                "required": place == "path",
            })
        }),
        "components": {"schemas": definitions},
    })
}

fn info() -> Value {
    json!({"title": "Stash: Snapshots", "version": VERSION})
}

fn of_kind(kind: &str) -> Value {
    json!({"group": SNAPSHOT_GROUP, "version": VERSION, "kind": kind})
}

/// What can be done where.
fn paths(answer: &dyn Fn(&str) -> Value, parameter: impl Fn(&str, &str, &str) -> Value) -> Value {
    let operation = |id: &str, action: &str, description: &str, kind: &str| {
        json!({
            "operationId": id, "description": description, "responses": answer(kind), "tags": ["snapshots"],
            "x-kubernetes-action": action, "x-kubernetes-group-version-kind": of_kind("Snapshot"),
        })
    };
    let list = |id: &str| operation(id, "list", "list or watch Snapshots", MANY);
    let selectors = || {
        vec![
            parameter(
                "labelSelector",
                "query",
                "Selects by the labels of the Repository, and by `repository`.",
            ),
            parameter("fieldSelector", "query", "Selects by metadata.name and metadata.namespace."),
        ]
    };
    let with = |more: &[Value]| {
        let mut parameters = selectors();
        parameters.extend_from_slice(more);
        parameters
    };
    let namespace = parameter("namespace", "path", "Namespace of the Repository.");
    let name = parameter("name", "path", "Name of the Snapshot.");
    let root = format!("/apis/{SNAPSHOT_GROUP}/{VERSION}");
    json!({
        format!("{root}/snapshots"): {"get": list("listSnapshotForAllNamespaces"), "parameters": with(&[])},
        format!("{root}/namespaces/{{namespace}}/snapshots"): {
            "get": list("listNamespacedSnapshot"),
            "delete": operation(
                "deleteCollectionNamespacedSnapshot", "deletecollection", "forget snapshots", MANY,
            ),
            "parameters": with(std::slice::from_ref(&namespace)),
        },
        format!("{root}/namespaces/{{namespace}}/snapshots/{{name}}"): {
            "get": operation("readNamespacedSnapshot", "get", "read one Snapshot", ONE),
            "delete": operation("deleteNamespacedSnapshot", "delete", "forget one snapshot", ONE),
            "parameters": [namespace, name],
        },
    })
}

/// The definitions of a Snapshot, of a list of them, and of all that they refer to.
fn definitions(settings: SchemaSettings, path: &str) -> Map<String, Value> {
    let mut settings = settings;
    settings.inline_subschemas = false;
    settings.meta_schema = None;
    let mut generator = settings.into_generator();
    let one = generator.root_schema_for::<Snapshot>();
    generator.subschema_for::<k8s_openapi::apimachinery::pkg::apis::meta::v1::ListMeta>();
    let mut one = Value::from(one);
    if let Some(one) = one.as_object_mut() {
        for key in ["components", "definitions", "$defs", "title", "$schema"] {
            one.remove(key);
        }
        one.insert("x-kubernetes-group-version-kind".to_owned(), json!([of_kind("Snapshot")]));
    }
    let many = json!({
        "description": "A list of Snapshots.",
        "type": "object",
        "required": ["items"],
        "properties": {
            "apiVersion": {"type": "string", "description": "`repositories.stash.appscode.com/v1alpha1`."},
            "kind": {"type": "string", "description": "`SnapshotList`."},
            "metadata": {"$ref": format!("{path}{LIST_META}"), "description": "Version, and where the list goes on."},
            "items": {
                "type": "array", "description": "The Snapshots.", "items": {"$ref": format!("{path}{ONE}")},
            },
        },
        "x-kubernetes-group-version-kind": [of_kind("SnapshotList")],
    });
    let mut all: Map<String, Value> = generator.take_definitions(true).into_iter().collect();
    all.insert(ONE.to_owned(), one);
    all.insert(MANY.to_owned(), many);
    all.values_mut().for_each(simplify);
    all
}

/// What neither version of OpenAPI knows, or only the later one: that a field may be `null`, and titles.
fn simplify(schema: &mut Value) {
    match schema {
        Value::Array(list) => list.iter_mut().for_each(simplify),
        Value::Object(fields) => {
            fields.remove("nullable");
            if fields.get("default").is_some_and(Value::is_null) {
                fields.remove("default");
            }
            if let Some(Value::Array(types)) = fields.get("type") {
                let first = types.iter().find(|kind| *kind != "null").cloned().unwrap_or_default();
                fields.insert("type".to_owned(), first);
            }
            for variants in ["anyOf", "oneOf", "allOf"] {
                let Some(Value::Array(list)) = fields.get(variants) else { continue };
                let mut real = list.iter().filter(|entry| {
                    let is_null = entry.get("type").is_some_and(|kind| kind == "null");
                    !is_null && entry.get("enum").is_none_or(|values| *values != json!([null]))
                });
                if let (Some(Value::Object(only)), None) = (real.next().cloned(), real.next()) {
                    fields.remove(variants);
                    fields.extend(only);
                }
            }
            fields.values_mut().for_each(simplify);
        }
        _ => {}
    }
}

/// In version 3 nothing may stand beside a reference.
fn wrap_references(schema: &mut Value) {
    match schema {
        Value::Array(list) => list.iter_mut().for_each(wrap_references),
        Value::Object(fields) => {
            if fields.len() > 1
                && let Some(reference) = fields.remove("$ref")
            {
                fields.insert("allOf".to_owned(), json!([{ "$ref": reference }]));
            }
            fields.values_mut().for_each(wrap_references);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Everything a value refers to, and every key that stands in a schema.
    fn walk(value: &Value, references: &mut BTreeSet<String>, keys: &mut BTreeSet<String>) {
        match value {
            Value::Array(list) => list.iter().for_each(|value| walk(value, references, keys)),
            Value::Object(fields) => {
                for (key, value) in fields {
                    if let ("$ref", Some(to)) = (key.as_str(), value.as_str()) {
                        references.insert(to.to_owned());
                    }
                    keys.insert(key.clone());
                    walk(value, references, keys);
                }
            }
            _ => {}
        }
    }

    #[test]
    fn whatever_is_referred_to_is_there_and_nothing_is_said_in_another_dialect() {
        for (document, path) in [(version_2(), "/definitions"), (version_3(), "/components/schemas")] {
            let (mut references, mut keys) = (BTreeSet::new(), BTreeSet::new());
            walk(&document, &mut references, &mut keys);
            assert!(references.len() >= 4, "{references:?}");
            for reference in &references {
                let pointer = reference.strip_prefix('#').unwrap();
                assert!(document.pointer(pointer).is_some(), "{reference}");
            }
            for foreign in ["nullable", "$defs", "$schema", "anyOf", "const"] {
                assert!(!keys.contains(foreign), "{foreign}");
            }
            let snapshot = document.pointer(path).unwrap().get(ONE).unwrap();
            assert_eq!(snapshot["x-kubernetes-group-version-kind"][0]["kind"], "Snapshot");
            assert!(snapshot["description"].as_str().unwrap().contains("restic"));
            let status = document.pointer(path).unwrap().get(format!("{ONE}Status")).unwrap();
            assert_eq!(status["properties"]["paths"]["type"], "array");
            assert_eq!(status["properties"]["hostname"]["type"], "string");
        }
    }
}
