//! A workload as it is kept in memory: the few fields by which it is found, and its JSON as text.
//!
//! A tree of JSON takes ten times the memory of its text, and a cluster has many workloads of which few are looked at in
//! an hour. A type of Kubernetes would be small too, but drops the fields that it does not know, and what is written
//! back must have them.

use std::borrow::Cow;
use std::ops::Range;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::api::{ApiResource, DynamicObject};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// One workload, of a kind that whoever has it knows.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    metadata: ObjectMeta,
    text: Box<str>,
    owned: bool,
    pods: Option<Range<i64>>,
}

impl Seen {
    /// The numbers of the pods that are wanted, of a kind that counts them. During an offline cycle they are those that were
    /// wanted before.
    pub(crate) fn pods(&self) -> Option<&Range<i64>> {
        self.pods.as_ref()
    }

    /// Whether a Deployment controls it, so that it is none of our business.
    pub(crate) fn is_owned(&self) -> bool {
        self.owned
    }

    /// The whole object, but for its managed fields and its status.
    pub(crate) fn json(&self) -> Result<Value, serde_json::Error> {
        serde_json::from_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Seen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut object = Value::deserialize(deserializer)?;
        let metadata = object.get_mut("metadata").and_then(Value::as_object_mut);
        let owned = metadata.is_some_and(|metadata| {
            metadata.remove("managedFields");
            let owners = metadata.get("ownerReferences").and_then(Value::as_array);
            owners.into_iter().flatten().any(|owner| owner["kind"] == "Deployment")
        });
        if let Some(object) = object.as_object_mut() {
            // It changes with every pod and decides nothing here.
            object.remove("status");
            if owned {
                // The ReplicaSets of Deployments are many, and none of our business.
                object.remove("spec");
            }
        }
        let pods = pods(&object);
        let metadata = ObjectMeta::deserialize(&object["metadata"]).map_err(D::Error::custom)?;
        let text = object.to_string().into_boxed_str();
        Ok(Self { metadata: found_by(metadata), text, owned, pods })
    }
}

fn pods(object: &Value) -> Option<Range<i64>> {
    let wanted = object.pointer("/spec/replicas")?.as_i64()?;
    let before = object["metadata"]["annotations"][domain::rules::names::ANNOTATION_OLD_REPLICA].as_str();
    let count = before.and_then(|before| before.parse().ok()).unwrap_or(wanted);
    let first = object.pointer("/spec/ordinals/start").and_then(Value::as_i64).unwrap_or(0);
    Some(first..first.saturating_add(count))
}

/// What a workload is found by. Annotations of other people are not: what they say of pods is in the template, whose
/// change is one of the generation.
fn found_by(metadata: ObjectMeta) -> ObjectMeta {
    let annotations = metadata.annotations.map(|annotations| {
        let ours = |name: &String| {
            name.starts_with(domain::rules::names::ANNOTATION_PREFIX)
                || name == domain::rules::names::ANNOTATION_OLD_REPLICA
        };
        annotations.into_iter().filter(|(name, _)| ours(name)).collect()
    });
    ObjectMeta {
        name: metadata.name,
        namespace: metadata.namespace,
        uid: metadata.uid,
        resource_version: metadata.resource_version,
        generation: metadata.generation,
        creation_timestamp: metadata.creation_timestamp,
        deletion_timestamp: metadata.deletion_timestamp,
        labels: metadata.labels,
        annotations,
        ..ObjectMeta::default()
    }
}

impl Resource for Seen {
    type DynamicType = ApiResource;
    type Scope = <DynamicObject as Resource>::Scope;

    fn kind(of: &ApiResource) -> Cow<'_, str> {
        DynamicObject::kind(of)
    }

    fn group(of: &ApiResource) -> Cow<'_, str> {
        DynamicObject::group(of)
    }

    fn version(of: &ApiResource) -> Cow<'_, str> {
        DynamicObject::version(of)
    }

    fn plural(of: &ApiResource) -> Cow<'_, str> {
        DynamicObject::plural(of)
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_back_has_every_field_that_was_read() {
        let object = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {
                "name": "web", "namespace": "shop", "labels": {"app": "web"}, "fieldOfTomorrow": 1,
                "annotations": {"other": "kept", "restic.appscode.com/tag": "1"},
                "managedFields": [{"manager": "kubectl"}],
            },
            "spec": {"fieldOfTomorrow": {"deep": [1, 2]}},
            "status": {"replicas": 3},
        });
        let seen: Seen = serde_json::from_value(object.clone()).unwrap();
        let mut expected = object;
        expected["metadata"].as_object_mut().unwrap().remove("managedFields");
        expected.as_object_mut().unwrap().remove("status");
        assert_eq!(seen.json().unwrap(), expected);
        assert_eq!(seen.meta().name.as_deref(), Some("web"));
        assert_eq!(seen.meta().annotations.as_ref().unwrap().len(), 1);
    }

    #[test]
    fn the_pods_are_those_wanted_outside_an_offline_cycle() {
        let of = |object: Value| serde_json::from_value::<Seen>(object).unwrap().pods().cloned();
        assert_eq!(of(json!({"metadata": {}, "spec": {"replicas": 2}})), Some(0..2));
        assert_eq!(
            of(json!({"metadata": {}, "spec": {"replicas": 2, "ordinals": {"start": 3}}})),
            Some(3..5)
        );
        let cycle = json!({"metadata": {"annotations": {"old-replica": "4"}}, "spec": {"replicas": 0}});
        assert_eq!(of(cycle), Some(0..4));
        assert_eq!(of(json!({"metadata": {}, "spec": {}})), None, "a DaemonSet");
    }

    #[test]
    fn the_replica_set_of_a_deployment_is_kept_without_its_spec() {
        let object = json!({
            "metadata": {"name": "web-1", "ownerReferences": [{"kind": "Deployment", "name": "web"}]},
            "spec": {"template": {}},
        });
        let seen: Seen = serde_json::from_value(object).unwrap();
        assert_eq!(seen.json().unwrap().get("spec"), None);
        assert!(seen.json().unwrap()["metadata"]["ownerReferences"].is_array());
    }
}
