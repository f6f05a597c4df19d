//! Removing groups: one by its key, several by some of their labels, all of them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use axum::response::{IntoResponse, Response};
use exposition::GroupingKey;
use http::StatusCode;
use http::request::Parts;
use serde_json::json;

use crate::push::Refusal;
use crate::serve::refuse;
use crate::status::json_response;
use crate::{Gateway, origin};

/// DELETE on the grouping key in the decoded `path`; that the group did not exist is no error.
pub(crate) fn delete(gateway: &Gateway, path: &[u8]) -> Response {
    match GroupingKey::from_decoded_path_with(path, gateway.0.config.names()) {
        Ok(key) => {
            gateway.delete(&key);
            StatusCode::ACCEPTED.into_response()
        }
        Err(error) => Refusal::Key(error).into_response(),
    }
}

/// `PUT /api/v1/admin/wipe`: all groups that there are at this moment.
pub(crate) async fn wipe(gateway: &Gateway) -> Response {
    delete_all(gateway, BTreeMap::new()).await;
    StatusCode::ACCEPTED.into_response()
}

/// `DELETE /api/v1/groups?label.<name>=<value>&…`: all groups that have every one of these labels, whatever others they
/// have. At least one label is needed, so that a forgotten one does not delete everything. A page of another site is
/// answered 403.
pub(crate) async fn delete_groups(gateway: &Gateway, head: &Parts) -> Response {
    if origin::is_foreign(head, &gateway.0.config.external_url) {
        return refuse(StatusCode::FORBIDDEN, "a page of another site cannot delete groups");
    }
    match labels(head.uri.query().unwrap_or_default()) {
        Ok(labels) => {
            let shown = format!("{labels:?}");
            let deleted = delete_all(gateway, labels).await;
            tracing::info!(labels = shown, deleted, "groups deleted by their labels");
            json_response(json!({ "status": "success", "data": { "deleted": deleted } }).to_string())
        }
        Err(reason) => refuse(StatusCode::BAD_REQUEST, &reason),
    }
}

/// Deletes beside the async threads: there may be thousands.
pub(crate) async fn delete_all(gateway: &Gateway, labels: BTreeMap<String, String>) -> usize {
    let gateway = gateway.clone();
    let deleting = tokio::task::spawn_blocking(move || gateway.delete_matching(&labels));
    deleting.await.unwrap_or_default()
}

fn labels(query: &str) -> Result<BTreeMap<String, String>, String> {
    let mut labels = BTreeMap::new();
    for (parameter, value) in form_urlencoded::parse(query.as_bytes()) {
        let name = parameter
            .strip_prefix("label.")
            .filter(|name| !name.is_empty())
            .ok_or_else(|| format!("unknown parameter {parameter:?}: name labels as label.<name>=<value>"))?;
        match labels.entry(name.to_owned()) {
            Entry::Vacant(place) => place.insert(value.into_owned()),
            Entry::Occupied(_) => return Err(format!("the label {name:?} is given twice")),
        };
    }
    if labels.is_empty() {
        return Err("name at least one label as label.<name>=<value>".to_owned());
    }
    Ok(labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_read_from_the_query() {
        let found = labels("label.job=a%20b+c&label.x=&label.%C3%A4=1%3D2").unwrap();
        let found: Vec<_> = found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(found, [("job", "a b c"), ("x", ""), ("ä", "1=2")]);
    }

    #[test]
    fn nothing_is_deleted_by_mistake() {
        for query in
            ["", "&", "job=x", "label.=x", "label.job=x&job=y", "label.job=x&label.job=y", "label.job=x&dry"]
        {
            assert!(labels(query).is_err(), "{query}");
        }
    }
}
