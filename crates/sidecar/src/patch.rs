//! Whole values as JSON merge patches: what is no longer there has to be removed by name.

use kube::api::{Patch, PatchParams};
use kube::{Api, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The merge patch that turns `before` into `after`.
pub(crate) fn difference(before: &Value, after: &Value) -> Value {
    let (Value::Object(old), Value::Object(new)) = (before, after) else { return after.clone() };
    let mut patch = Map::new();
    for name in old.keys().filter(|name| !new.contains_key(*name)) {
        patch.insert(name.clone(), Value::Null);
    }
    for (name, value) in new {
        match old.get(name) {
            Some(known) if known == value => {}
            Some(known) => drop(patch.insert(name.clone(), difference(known, value))),
            None => drop(patch.insert(name.clone(), value.clone())),
        }
    }
    Value::Object(patch)
}

/// Writes a whole status on the version of the object that was read. Somebody who was quicker makes it a conflict.
pub(crate) async fn status<K, S>(api: &Api<K>, object: &K, before: &S, after: &S) -> Result<(), kube::Error>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug,
    S: Serialize,
{
    let value = |status: &S| serde_json::to_value(status).map_err(kube::Error::SerdeError);
    let patch = serde_json::json!({
        "metadata": { "resourceVersion": object.meta().resource_version },
        "status": difference(&value(before)?, &value(after)?),
    });
    let name = object.meta().name.clone().unwrap_or_default();
    api.patch_status(&name, &PatchParams::default(), &Patch::Merge(patch)).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::difference;
    use serde_json::json;

    #[test]
    fn what_is_gone_is_removed_by_name_and_what_stays_is_not_written() {
        let before = json!({"s3": {"bucket": "b", "prefix": "p"}, "secret": "s", "list": [1, 2]});
        let after = json!({"s3": {"bucket": "c"}, "secret": "s", "list": [2], "new": {"a": 1}});
        let patch = difference(&before, &after);
        assert_eq!(patch, json!({"s3": {"prefix": null, "bucket": "c"}, "list": [2], "new": {"a": 1}}));
        assert_eq!(difference(&after, &after), json!({}));
    }
}
