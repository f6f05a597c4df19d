//! The whole, in the order in which it is applied.

use domain::rules::names::{APP, LABEL_APP};
use serde_json::{Value, json};

use crate::options::Options;
use crate::parts::{Part, Parts};
use crate::{access, deployment, monitoring, names};

/// What these choices install. Namespaces are not among it: whoever applies sees to them.
#[must_use]
pub fn objects(options: &Options) -> Vec<Value> {
    objects_of(options, &options.parts())
}

/// The same of any parts. A generator gives more parts than one choice has, and finds by that what each part adds.
#[must_use]
pub fn objects_of(options: &Options, parts: &Parts) -> Vec<Value> {
    let mut whole = access::operator(options, parts);
    whole.extend(access::users(parts));
    whole.push(service(options, parts));
    whole.push(deployment::deployment(options, parts));
    if parts.contains(&Part::ServiceMonitor) {
        whole.push(monitoring::service_monitor(options, parts));
    }
    whole
}

/// Name, namespace and the label of everything of ours.
pub(crate) fn metadata(name: &str, namespace: Option<&str>) -> Value {
    let mut metadata = json!({ "name": name });
    if let Some(namespace) = namespace {
        metadata["namespace"] = json!(namespace);
    }
    metadata["labels"] = json!({ LABEL_APP: APP });
    metadata
}

/// Where Prometheus finds both endpoints by their names, and sidecars the push gateway.
fn service(options: &Options, parts: &Parts) -> Value {
    let mut metadata = metadata(names::OPERATOR, options.names_its_namespace.then_some(&*options.namespace));
    if let Some(annotations) = monitoring::annotations(parts) {
        metadata["annotations"] = annotations;
    }
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {
            // Pods of our Jobs are called `app: stash`, too.
            "selector": { LABEL_APP: APP, names::COMPONENT.0: names::COMPONENT.1 },
            "ports": [
                { "name": names::API_PORT, "port": 443, "targetPort": names::API_POD_PORT },
                {
                    "name": names::PUSHGATEWAY,
                    "port": names::PUSHGATEWAY_PORT,
                    "targetPort": names::PUSHGATEWAY_PORT,
                },
            ],
        },
    })
}
