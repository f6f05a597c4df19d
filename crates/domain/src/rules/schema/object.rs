//! One YAML document, already a value, into the object it stands for, or everything that is wrong with it.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{child, nearest, unknown_fields, wrong_types};
use crate::crds::crds;
use crate::objects::recovery::Recovery;
use crate::objects::repository::Repository;
use crate::objects::restic::Restic;
use crate::objects::{GROUP, VERSION};
use crate::rules::names::is_dns_subdomain;
use crate::rules::validate::Refusal;
use crate::secret::{Secret, SecretData};

/// An object that Stash works with.
#[derive(Clone, Debug, PartialEq)]
pub enum Object {
    /// A backup configuration.
    Restic(Box<Restic>),
    /// A restore request.
    Recovery(Box<Recovery>),
    /// A restic repository.
    Repository(Box<Repository>),
    /// A storage Secret.
    Secret(SecretObject),
    /// Anything else; not looked into any further.
    Other {
        /// Its `apiVersion`.
        api_version: String,
        /// Its `kind`.
        kind: String,
        /// Its name, when it has one.
        name: Option<String>,
    },
}

/// A Secret, decoded; `stringData` has won over `data`.
#[derive(Clone, Debug, PartialEq)]
pub struct SecretObject {
    /// Its namespace, when it is given.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// Its content.
    pub data: SecretData,
}

/// The kinds of our API group, with their schemas, and that of a Secret. Made once, since making them takes longer
/// than everything they are used for.
static SCHEMAS: LazyLock<Schemas> = LazyLock::new(|| {
    let metadata = schema_of::<ObjectMeta>();
    let ours = crds()
        .into_iter()
        .filter_map(|crd| {
            let schema = crd.spec.versions.into_iter().next()?.schema?.open_api_v3_schema?;
            let mut schema = serde_json::to_value(schema).ok()?;
            let fields = schema.get_mut("properties")?.as_object_mut()?;
            // The API server knows these of every object; a definition leaves them out.
            for field in ["apiVersion", "kind"] {
                fields.insert(field.to_owned(), serde_json::json!({ "type": "string" }));
            }
            fields.insert("metadata".to_owned(), metadata.clone());
            Some((crd.spec.names.kind, schema))
        })
        .collect();
    Schemas { ours, secret: schema_of::<v1::Secret>() }
});

struct Schemas {
    ours: Vec<(String, Value)>,
    secret: Value,
}

fn schema_of<T: JsonSchema>() -> Value {
    SchemaSettings::openapi3()
        .with(|settings| settings.inline_subschemas = true)
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value()
}

/// Reads one object. The first step of validation: what comes out has a usable name and no unknown field; the
/// rules of [`crate::rules::validate`] have not been asked.
///
/// # Errors
/// Everything that is wrong: no kind or name, unknown fields, wrong types, a Secret that cannot be decoded. No
/// value of a Secret is named.
pub fn parse_object(mut value: Value) -> Result<Object, Vec<Refusal>> {
    drop_nulls(&mut value);
    let Value::Object(fields) = &value else {
        return Err(vec![Refusal::new(
            "the document",
            "is not an object",
            "write apiVersion, kind, metadata and spec",
        )]);
    };
    let text = |field: &str| fields.get(field).and_then(Value::as_str).unwrap_or_default();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    let missing = ["apiVersion", "kind"].into_iter().filter(|field| text(field).is_empty());
    let missing: Vec<Refusal> =
        missing.map(|field| Refusal::new(field, "is missing", example(field))).collect();
    if !missing.is_empty() {
        return Err(missing);
    }
    let known = SCHEMAS.ours.iter().find(|(known, _)| known == kind).map(|(_, schema)| schema);
    let group = api_version.split('/').next().unwrap_or_default();
    match (known, group == GROUP) {
        (Some(schema), true) => {
            if api_version != format!("{GROUP}/{VERSION}") {
                return Err(vec![Refusal::new(
                    "apiVersion",
                    format!("`{api_version}` is unknown"),
                    example("apiVersion"),
                )]);
            }
            check(schema, &value)?;
            match kind {
                "Restic" => typed(value).map(|object| Object::Restic(Box::new(object))),
                "Recovery" => typed(value).map(|object| Object::Recovery(Box::new(object))),
                _ => typed(value).map(|object| Object::Repository(Box::new(object))),
            }
        }
        (None, true) => {
            let kinds = SCHEMAS.ours.iter().map(|(kind, _)| kind.as_str());
            let remedy = nearest(kind, kinds).map_or_else(
                || "use Restic, Recovery or Repository".to_owned(),
                |kind| format!("did you mean `{kind}`?"),
            );
            Err(vec![Refusal::new("kind", format!("`{kind}` is not a kind of {GROUP}"), remedy)])
        }
        (Some(_), false) if nearest(group, std::iter::once(GROUP)).is_some() => Err(vec![Refusal::new(
            "apiVersion",
            format!("`{api_version}` is not the API of a {kind}"),
            example("apiVersion"),
        )]),
        (None, false) if (api_version, kind) == ("v1", "Secret") => {
            check(&SCHEMAS.secret, &value)?;
            secret(&value)
        }
        _ => Ok(Object::Other {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            name: value.pointer("/metadata/name").and_then(Value::as_str).map(str::to_owned),
        }),
    }
}

fn example(field: &str) -> String {
    match field {
        "apiVersion" => format!("write `apiVersion: {GROUP}/{VERSION}`"),
        _ => "write `kind:` and Restic, Recovery, Repository or Secret".to_owned(),
    }
}

/// Kubernetes takes `tags:` without a value for no tags at all.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(entries) => entries.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

fn check(schema: &Value, value: &Value) -> Result<(), Vec<Refusal>> {
    let mut refusals = unknown_fields(schema, value);
    refusals.extend(wrong_types(schema, value));
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    // Of missing metadata the name is what people have to write; it is asked for below.
    let required = required.filter_map(Value::as_str).filter(|field| *field != "metadata");
    for field in required.filter(|field| value.get(field).is_none()) {
        refusals.push(Refusal::new(field, "is missing", "write it; `kubectl explain` lists its fields"));
    }
    let no_metadata = Map::new();
    let metadata = value.get("metadata").and_then(Value::as_object).unwrap_or(&no_metadata);
    match metadata.get("name") {
        None => refusals.push(Refusal::new("metadata.name", "is missing", "name the object")),
        Some(Value::String(name)) => name_is_usable("metadata.name", name, &mut refusals),
        // A wrong type has been refused already.
        Some(_) => {}
    }
    if let Some(Value::String(namespace)) = metadata.get("namespace") {
        name_is_usable("metadata.namespace", namespace, &mut refusals);
    }
    if refusals.is_empty() { Ok(()) } else { Err(refusals) }
}

fn name_is_usable(field: &str, name: &str, refusals: &mut Vec<Refusal>) {
    if !is_dns_subdomain(name) {
        refusals.push(Refusal::new(
            field,
            format!("`{name}` cannot be a name"),
            "use lower-case letters, digits, `-` and `.`, with a letter or digit at both ends",
        ));
    }
}

fn typed<T: DeserializeOwned>(value: Value) -> Result<T, Vec<Refusal>> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let field = error.path().to_string();
        vec![Refusal::new(field, format!("cannot be read: {}", error.inner()), "correct the value")]
    })
}

/// Decodes here and not by type, because the error of a decoder may quote what it could not decode.
fn secret(value: &Value) -> Result<Object, Vec<Refusal>> {
    let entries = |field: &str| value.get(field).and_then(Value::as_object).into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut data = SecretData::new();
    let mut refusals = Vec::new();
    for (key, encoded) in entries("data") {
        let encoded: String = text(encoded).split_whitespace().collect();
        match STANDARD.decode(encoded) {
            Ok(bytes) => drop(data.insert(key.clone(), Secret::new(bytes))),
            Err(_) => refusals.push(Refusal::new(
                child("data", key),
                "is not base64",
                "encode it, or move it to stringData as it is",
            )),
        }
    }
    data.extend(entries("stringData").map(|(key, value)| (key.clone(), Secret::new(text(value)))));
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let metadata = |field: &str| value.pointer(&format!("/metadata/{field}")).map(text);
    let name = metadata("name").unwrap_or_default();
    Ok(Object::Secret(SecretObject { namespace: metadata("namespace"), name, data }))
}
