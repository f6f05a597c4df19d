//! What there is to ask for, as `kubectl api-resources` and every client with a REST mapper read it.

use axum::response::Response;
use domain::objects::{SNAPSHOT_GROUP, VERSION};
use http::HeaderMap;
use http::header::{ACCEPT, CONTENT_TYPE};
use serde_json::{Value, json};

use super::answer;
use super::show::api_version;

/// What can be done with Snapshots.
const VERBS: [&str; 5] = ["delete", "deletecollection", "get", "list", "watch"];
/// `all` is not among them: `kubectl delete all` must delete no backup.
const CATEGORIES: [&str; 2] = ["storage", "appscode"];
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// `/apis`: our one group; in one answer with its resources for clients that can read that.
pub(super) async fn groups(headers: HeaderMap) -> Response {
    let accepts = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let wants_all = accepts.flat_map(|value| value.split(',')).any(|range| {
        let mut parts = range.split(';').map(str::trim);
        parts.next() == Some("application/json")
            && ["g=apidiscovery.k8s.io", "v=v2", "as=APIGroupDiscoveryList"]
                .iter()
                .all(|wanted| range.split(';').any(|part| part.trim() == *wanted))
    });
    if !wants_all {
        return answer::json(&json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": [of_group()]}));
    }
    let mut answer = answer::json(&aggregated());
    answer.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static(AGGREGATED));
    answer
}

/// `/apis/<group>`.
pub(super) async fn group() -> Response {
    let mut group = of_group();
    group["kind"] = "APIGroup".into();
    group["apiVersion"] = "v1".into();
    answer::json(&group)
}

/// `/apis/<group>/<version>`.
pub(super) async fn resources() -> Response {
    answer::json(&json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": api_version(),
        "resources": [{
            "name": "snapshots", "singularName": "snapshot", "namespaced": true, "kind": "Snapshot",
            "verbs": VERBS, "categories": CATEGORIES,
        }],
    }))
}

fn of_group() -> Value {
    let version = json!({"groupVersion": api_version(), "version": VERSION});
    json!({"name": SNAPSHOT_GROUP, "versions": [version], "preferredVersion": version})
}

fn aggregated() -> Value {
    json!({
        "kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {},
        "items": [{
            "metadata": {"name": SNAPSHOT_GROUP, "creationTimestamp": null},
            "versions": [{
                "version": VERSION,
                "freshness": "Current",
                "resources": [{
                    "resource": "snapshots",
                    "responseKind": {"group": SNAPSHOT_GROUP, "version": VERSION, "kind": "Snapshot"},
                    "scope": "Namespaced",
                    "singularResource": "snapshot",
                    "verbs": VERBS,
                    "categories": CATEGORIES,
                }],
            }],
        }],
    })
}
