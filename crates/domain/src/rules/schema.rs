//! An object against the schema of its kind: every unknown field and every wrong type, with path and remedy.
//!
//! A typed parser stops at the first surprise, and drops unknown fields without a word: `retentionpolicies:` would
//! be a backup that keeps everything. So the schema that the API server gets is walked first.

use serde_json::{Map, Value};

use super::validate::Refusal;

mod object;

pub use object::{Object, SecretObject, parse_object};

/// Every field of `value` that the schema (an OpenAPI v3 schema, as in a custom resource definition) does not
/// know, with its full path and the nearest name that it does know.
#[must_use]
pub fn unknown_fields(schema: &Value, value: &Value) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    walk(schema, "", value, &mut |field, _, problem| {
        if let Problem::Unknown { known } = problem {
            refusals.push(unknown(field, known));
        }
    });
    refusals
}

/// Every field of `value` whose type is not the schema's. Values are not named: they may be secret.
#[must_use]
pub fn wrong_types(schema: &Value, value: &Value) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    walk(schema, "", value, &mut |field, value, problem| {
        if let Problem::Type { expected } = problem {
            let remedy = match (expected, value) {
                ("string", Value::Number(_) | Value::Bool(_)) => "put it in quotes".to_owned(),
                ("array", _) => "write a list, one `- ` per entry".to_owned(),
                _ => format!("write {}", article(expected)),
            };
            let problem = format!("is {}, but must be {}", article(type_of(value)), article(expected));
            refusals.push(Refusal::new(field, problem, remedy));
        }
    });
    refusals
}

/// What the walk finds at a field.
enum Problem<'a> {
    /// The schema has no such field; these it has.
    Unknown { known: &'a Map<String, Value> },
    /// The value is of another type than this.
    Type { expected: &'a str },
}

fn walk(schema: &Value, path: &str, value: &Value, found: &mut impl FnMut(&str, &Value, Problem<'_>)) {
    if let Some(expected) = schema.get("type").and_then(Value::as_str)
        && !fits(expected, value)
    {
        found(path, value, Problem::Type { expected });
        return;
    }
    match value {
        Value::Object(fields) => {
            let known = schema.get("properties").and_then(Value::as_object);
            let any = schema.get("additionalProperties").filter(|any| any.is_object());
            for (name, value) in fields {
                let path = child(path, name);
                match (known.and_then(|known| known.get(name)).or(any), known) {
                    (Some(schema), _) => walk(schema, &path, value, found),
                    (None, Some(known)) => found(&path, value, Problem::Unknown { known }),
                    (None, None) => {}
                }
            }
        }
        Value::Array(entries) => {
            let Some(schema) = schema.get("items") else { return };
            for (index, entry) in entries.iter().enumerate() {
                walk(schema, &format!("{path}[{index}]"), entry, found);
            }
        }
        _ => {}
    }
}

/// Kubernetes takes an absent value and `null` for the same.
fn fits(expected: &str, value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Number(number) => {
            expected == "number" || (expected == "integer" && (number.is_i64() || number.is_u64()))
        }
        _ => type_of(value) == expected,
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The type in words of a YAML writer.
fn article(kind: &str) -> &str {
    match kind {
        "boolean" => "true or false",
        "number" => "a number",
        "integer" => "a whole number",
        "string" => "text",
        "array" => "a list",
        "object" => "a block of fields",
        _ => "empty",
    }
}

/// `spec` and `paths` is `spec.paths`; a name with other characters than letters and digits stands in brackets.
fn child(path: &str, name: &str) -> String {
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        format!("{path}[{name}]")
    } else if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

fn unknown(field: &str, known: &Map<String, Value>) -> Refusal {
    let name = field.rsplit(['.', '[']).next().unwrap_or(field).trim_end_matches(']');
    let remedy = match nearest(name, known.keys().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        // The many volume sources would make a line nobody reads.
        None if known.len() > 12 => "remove it, or correct its name".to_owned(),
        None => {
            let names: Vec<&str> = known.keys().map(String::as_str).collect();
            format!("remove it, or use one of {}", names.join(", "))
        }
    };
    Refusal::new(field, "is not a field of this object", remedy)
}

/// The known name that is a slip of the pen away, if there is one: at most a third of its letters, regardless of
/// case.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    known
        .map(|candidate| (strsim::damerau_levenshtein(&name, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().div_ceil(3).min(4))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
