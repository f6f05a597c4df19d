//! Whether what is there is what was wanted, although the API server wrote it anew in between.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::sidecar::Pieces;
use crate::rules::quantity;

/// Whether a container is the wanted one. Every field of the container `stash` is ours: one that somebody added,
/// changed or took away makes it another, except for what the API server fills in.
pub(super) fn same_container(there: &Value, wanted: &Value) -> bool {
    completed(there) == completed(wanted)
}

/// Whether a volume has everything that is wanted. Kinds of volumes are many and the API server fills in fields of
/// some; what the wanted one no longer has is seen by its [`hash`].
pub(super) fn covers(there: &Value, wanted: &Value) -> bool {
    match (there, wanted) {
        (Value::Object(there), Value::Object(wanted)) => wanted.iter().all(|(field, wanted)| {
            there.get(field).map_or_else(|| is_empty(wanted), |there| covers(there, wanted))
        }),
        (Value::Array(there), Value::Array(wanted)) => {
            there.len() == wanted.len()
                && there.iter().zip(wanted).all(|(there, wanted)| covers(there, wanted))
        }
        (Value::String(there), Value::String(wanted)) => {
            there == wanted
                || quantity::billionths(there)
                    .is_some_and(|amount| quantity::billionths(wanted) == Some(amount))
        }
        _ => there == wanted,
    }
}

/// A number for the pieces, as decimal text: the same for the same pieces, whichever operator computes it and
/// however their quantities are written.
pub(super) fn hash(pieces: &Pieces) -> String {
    let canonical =
        json!([pieces.offline, completed(&pieces.container), pieces.volumes, pieces.pull_secrets]);
    // Fields stand in the order of our types, so that the text is the same each time.
    let digest = Sha256::digest(canonical.to_string());
    let number = digest.iter().take(8).fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
    number.to_string()
}

/// The container with what the API server fills in, and with amounts for quantities.
fn completed(container: &Value) -> Value {
    let mut container = container.clone();
    let pull_policy = default_pull_policy(&container);
    if let Some(fields) = container.as_object_mut() {
        for (field, value) in [
            ("terminationMessagePath", json!("/dev/termination-log")),
            ("terminationMessagePolicy", json!("File")),
            ("imagePullPolicy", pull_policy),
            ("resources", json!({})),
        ] {
            fields.entry(field).or_insert(value);
        }
        for field in ["limits", "requests"] {
            let amounts = fields.get_mut("resources").and_then(|resources| resources.get_mut(field));
            amounts.and_then(Value::as_object_mut).map(amounts_of);
        }
    }
    container
}

fn amounts_of(quantities: &mut Map<String, Value>) {
    for quantity in quantities.values_mut() {
        let text = quantity.as_str().map_or_else(|| quantity.to_string(), str::to_owned);
        if let Some(amount) = quantity::billionths(&text) {
            *quantity = Value::String(format!("{amount}n"));
        }
    }
}

/// As the API server decides: the tag `latest`, or none, is always pulled.
fn default_pull_policy(container: &Value) -> Value {
    let image = container.get("image").and_then(Value::as_str).unwrap_or_default();
    let name = image.rsplit('/').next().unwrap_or(image);
    let latest = !name.contains('@') && name.split_once(':').is_none_or(|(_, tag)| tag == "latest");
    json!(if latest { "Always" } else { "IfNotPresent" })
}

/// The API server leaves out what is empty.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Bool(set) => !set,
        Value::Array(entries) => entries.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_api_server_fills_in_makes_no_difference() {
        let wanted = json!({"name": "stash", "image": "appscode/stash:1",
            "resources": {"requests": {"cpu": "0.25", "memory": "1024Mi"}}});
        let there = json!({"image": "appscode/stash:1", "imagePullPolicy": "IfNotPresent", "name": "stash",
            "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
            "resources": {"requests": {"memory": "1Gi", "cpu": "250m"}}});
        assert!(same_container(&there, &wanted));
    }

    #[test]
    fn what_somebody_did_makes_a_difference() {
        let wanted = json!({"name": "stash", "image": "stash:latest", "args": ["backup"]});
        for change in [
            json!({"image": "stash:2"}),
            json!({"imagePullPolicy": "Never"}),
            json!({"args": ["backup", "--v=9"]}),
            json!({"env": [{"name": "A", "value": "b"}]}),
            json!({"resources": {"limits": {"cpu": "1"}}}),
            json!({"securityContext": {"privileged": true}}),
        ] {
            let mut there = wanted.clone();
            there.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            assert!(!same_container(&there, &wanted), "{change}");
        }
    }

    #[test]
    fn a_volume_may_have_more_but_not_less_or_other() {
        let wanted = json!({"name": "v", "hostPath": {"path": "/a", "readOnly": false}});
        assert!(covers(&json!({"name": "v", "hostPath": {"path": "/a", "type": ""}}), &wanted));
        assert!(!covers(&json!({"name": "v", "hostPath": {"path": "/b", "type": ""}}), &wanted));
        assert!(!covers(&json!({"name": "v"}), &wanted));
        let empty = json!({"name": "v", "emptyDir": {"sizeLimit": "1Gi"}});
        assert!(covers(&json!({"name": "v", "emptyDir": {"sizeLimit": "1024Mi"}}), &empty));
        assert!(!covers(&json!({"name": "v", "nfs": {}}), &json!({"name": "v", "emptyDir": {}})));
    }

    #[test]
    fn the_pull_policy_follows_the_tag_as_in_kubernetes() {
        for (image, policy) in [
            ("stash", "Always"),
            ("stash:latest", "Always"),
            ("host:5000/a/stash", "Always"),
            ("host:5000/a/stash:1", "IfNotPresent"),
            ("a/stash@sha256:00", "IfNotPresent"),
        ] {
            assert_eq!(default_pull_policy(&json!({"image": image})), policy, "{image}");
        }
    }
}
