//! What tells Prometheus where the metrics are: annotations of the Service, or a ServiceMonitor.

use domain::rules::names::{APP, LABEL_APP};
use serde_json::{Map, Value, json};

use crate::names;
use crate::options::Options;
use crate::parts::{Part, Parts};

/// Annotations of the Service. Ports are those of pods, since Prometheus scrapes each pod by its own address.
pub(crate) fn annotations(parts: &Parts) -> Option<Value> {
    if !parts.contains(&Part::Annotations) {
        return None;
    }
    let mut all = Map::new();
    let mut say =
        |name: &str, value: String| all.insert(format!("prometheus.io/{name}"), Value::String(value));
    say("scrape", "true".to_owned());
    for (part, name, port, scheme) in [
        (Part::Backup, "pushgateway", names::PUSHGATEWAY_PORT, "http"),
        (Part::Operator, "operator", names::API_POD_PORT, "https"),
    ] {
        if parts.contains(&part) {
            say(&format!("{name}_path"), "/metrics".to_owned());
            say(&format!("{name}_port"), port.to_string());
            say(&format!("{name}_scheme"), scheme.to_owned());
        }
    }
    Some(Value::Object(all))
}

/// The ServiceMonitor. The Prometheus operator reads the authority from the Secret in the namespace of the monitor; the
/// token is that of the Prometheus that scrapes, which needs the right to `get` the path `/metrics`.
pub(crate) fn service_monitor(options: &Options, parts: &Parts) -> Value {
    let mut endpoints = Vec::new();
    if parts.contains(&Part::Backup) {
        // What is pushed says its own namespace and job, and those are meant.
        endpoints.push(json!({ "port": names::PUSHGATEWAY, "honorLabels": true }));
    }
    if parts.contains(&Part::Operator) {
        endpoints.push(json!({
            "port": names::API_PORT,
            // What the operator tells of an object has the namespace of the object.
            "honorLabels": true,
            "scheme": "https",
            "bearerTokenFile": "/var/run/secrets/kubernetes.io/serviceaccount/token",
            "tlsConfig": {
                "ca": { "secret": { "name": names::CERTIFICATE_SECRET, "key": "ca.crt" } },
                "serverName": format!("{}.{}.svc", names::OPERATOR, options.namespace),
            },
        }));
    }
    json!({
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "ServiceMonitor",
        "metadata": {
            "name": names::SERVICE_MONITOR,
            "namespace": options.prometheus_namespace(),
            "labels": options.monitor_labels(),
        },
        "spec": {
            "namespaceSelector": { "matchNames": [options.namespace] },
            "selector": { "matchLabels": { LABEL_APP: APP } },
            "endpoints": endpoints,
        },
    })
}
