//! One Snapshot, and lists of them.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use domain::objects::{GROUP, SNAPSHOT_GROUP};
use domain::rules::names;
use http::HeaderMap;
use jiff::Timestamp;
use serde_json::json;

use super::answer::{self, Refused};
use super::index::{Item, Part};
use super::query::{Query, Token, place};
use super::{Snapshots, show, stream};

/// Answers a list, or the watch of one.
pub(super) fn many(
    snapshots: &Snapshots,
    namespace: Option<&str>,
    query: Option<&str>,
    headers: &HeaderMap,
) -> Response {
    let answered = Query::parse(query.unwrap_or_default()).and_then(|query| {
        known(snapshots)?;
        if query.watch {
            return stream::watch(snapshots, namespace, query, headers);
        }
        list(snapshots, namespace, &query, headers)
    });
    answered.unwrap_or_else(|refused| refused.into_response())
}

fn list(
    snapshots: &Snapshots,
    namespace: Option<&str>,
    query: &Query,
    headers: &HeaderMap,
) -> Result<Response, Refused> {
    let form = answer::form(headers)?;
    let (current, parts) = snapshots.index.parts(namespace);
    if query.exact && query.version.is_some_and(|version| version != current) {
        return Err(Refused::gone());
    }
    let parts: Vec<Part> = parts.into_iter().filter(|part| query.wants_part(part)).collect();
    let mut chosen = chosen(&parts, query);
    let version = query.resume.as_ref().map_or(current, |token| token.version);
    let mut metadata = json!({"resourceVersion": version.to_string()});
    let left = query.limit.map_or(0, |limit| chosen.len().saturating_sub(limit));
    chosen.truncate(chosen.len() - left);
    if let Some(last) = chosen.last().filter(|_| left > 0) {
        metadata["continue"] = Token::after(version, last).text().into();
        // As an API server: of what is selected nobody knows how much is left.
        if !query.selects() {
            metadata["remainingItemCount"] = left.into();
        }
    }
    let items = chosen.iter().map(|item| &***item);
    let mut answer = answer::json(&show::list(items, metadata, form, query.include, Timestamp::now()));
    let warnings: Vec<String> = parts.into_iter().filter_map(|part| part.warning).collect();
    answer::warn(&mut answer, &warnings);
    Ok(answer)
}

/// What is asked for, in the order of lists. The order in which a Repository has them is by time already.
pub(super) fn chosen<'a>(parts: &'a [Part], query: &Query) -> Vec<&'a Arc<Item>> {
    let all = parts.iter().flat_map(|part| &part.items);
    let wanted = |item: &&Arc<Item>| query.is_after(item) && query.wants_item(item);
    let chosen: Vec<_> = all.filter(wanted).collect();
    debug_assert!(chosen.is_sorted_by_key(|item| place(item)), "parts are sorted, and what is in them, too");
    chosen
}

/// Answers for one.
pub(super) async fn one(
    State(snapshots): State<Snapshots>,
    Path((namespace, name)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let answered = Query::parse(query.as_deref().unwrap_or_default()).and_then(|query| {
        let form = answer::form(&headers)?;
        let item = found(&snapshots, &namespace, &name)?;
        Ok(answer::json(&show::one(&item, form, query.include, Timestamp::now())))
    });
    answered.unwrap_or_else(|refused| refused.into_response())
}

/// The Snapshot of this name.
pub(super) fn found(snapshots: &Snapshots, namespace: &str, name: &str) -> Result<Arc<Item>, Refused> {
    let (repository, id) =
        names::parse_snapshot(name).map_err(|error| Refused::bad_request(error.to_string()))?;
    known(snapshots)?;
    let of_repository = snapshots.index.find(namespace, repository, id);
    let mut items = of_repository.ok_or_else(|| Refused::not_found(GROUP, "repositories", repository))?;
    match (items.pop(), items.is_empty()) {
        (Some(item), true) => Ok(item),
        // Ids of which the first eight digits are alike: once in four billions.
        (Some(_), false) => Err(Refused::conflict(name, "several snapshots have this name")),
        (None, _) => Err(Refused::not_found(SNAPSHOT_GROUP, "snapshots", name)),
    }
}

/// Nobody is answered upon half of what there is.
pub(super) fn known(snapshots: &Snapshots) -> Result<(), Refused> {
    if snapshots.index.is_known() { Ok(()) } else { Err(Refused::not_yet()) }
}
