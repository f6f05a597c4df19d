//! Every field that is rendered is one that Kubernetes knows: a misspelt one would be dropped without a word.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::render::{by_command, chart, owned};

/// Every value of the chart that adds something.
const EVERYTHING: [&str; 12] = [
    "pushgateway.persistence.enabled=true",
    "pushgateway.persistence.storageClass=fast",
    "networkPolicy.enabled=true",
    "priorityClassName=high",
    "imagePullSecrets[0]=regcred",
    "annotations.a=b",
    "extraLabels.a=b",
    "tolerations[0].key=spot",
    "cleaner.removeSidecars=true",
    "monitoring.agent=prometheus.io/builtin",
    "monitoring.operator=true",
    "monitoring.prometheus.namespace=monitoring",
];

/// The object after it was read by type: what the type does not know is gone.
fn read<K: DeserializeOwned + Serialize>(object: &Value) -> Value {
    let typed: K = serde_json::from_value(object.clone()).unwrap_or_else(|error| panic!("{error}: {object}"));
    serde_json::to_value(typed).unwrap()
}

pub(super) fn assert_known(object: &Value) {
    let read = match object["kind"].as_str().unwrap() {
        "Deployment" => read::<Deployment>(object),
        "Job" => read::<Job>(object),
        "Service" => read::<Service>(object),
        "ServiceAccount" => read::<ServiceAccount>(object),
        "PersistentVolumeClaim" => read::<PersistentVolumeClaim>(object),
        "NetworkPolicy" => read::<NetworkPolicy>(object),
        "Role" => read::<Role>(object),
        "RoleBinding" => read::<RoleBinding>(object),
        "ClusterRole" => read::<ClusterRole>(object),
        "ClusterRoleBinding" => read::<ClusterRoleBinding>(object),
        kind => panic!("{kind} is not known here"),
    };
    assert_eq!(without_empty(&read), without_empty(object));
}

/// Types leave out what is empty.
fn without_empty(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| (key.clone(), without_empty(value)))
            .filter(|(_, value)| *value != serde_json::json!({}) && *value != serde_json::json!([]))
            .collect(),
        Value::Array(all) => all.iter().map(without_empty).collect(),
        other => other.clone(),
    }
}

#[test]
fn kubernetes_knows_every_field_of_the_chart() {
    let objects = chart("kube-system", &owned(&EVERYTHING));
    assert!(objects.len() >= 15, "{}", objects.len());
    objects.iter().for_each(assert_known);
}

#[test]
fn kubernetes_knows_every_field_of_command_and_script() {
    let flags =
        ["--run-on-master", "--image-pull-secret=regcred", "--monitoring-agent=prometheus.io/builtin"];
    by_command(&owned(&flags)).iter().for_each(assert_known);
}

#[test]
fn a_field_that_kubernetes_does_not_know_is_seen() {
    let mut object = by_command(&[]).into_iter().find(|object| object["kind"] == "Deployment").unwrap();
    object["spec"]["template"]["spec"]["serviceAccuntName"] = "x".into();
    assert!(std::panic::catch_unwind(|| assert_known(&object)).is_err());
}
