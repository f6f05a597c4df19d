//! `POST /status/delete`: what a form of the page asks for. HTML has no form that sends DELETE.
//!
//! The form has the fields of [`super::query`]: `delete` with `group` or `q`, and `back`. It is obeyed only when our
//! own page sent it, see `crate::origin`; what is deleted is what DELETE on the group, on `/api/v1/groups` and the
//! wipe delete, under the same conditions. The answer is 303 to the list, so that a reload does not delete again.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CACHE_CONTROL, LOCATION};
use http::request::Parts;

use super::confirm;
use super::filter::Filter;
use super::query::{Links, Target, back, key_of, parameters};
use crate::Gateway;
use crate::origin;
use crate::remove::delete_all;
use crate::serve::refuse;

/// Longer than any address that leads to a group.
const LARGEST: usize = 1024 * 1024;
/// A form is sent in one go.
const PATIENCE: Duration = Duration::from_secs(10);

const STRANGER: &str = "The form was not sent by this page, so nothing was deleted. If it was, the proxy in front of the \
    gateway hides the address it is known by: tell the gateway its external URL. Programs send DELETE instead.";

pub(crate) async fn delete(gateway: &Gateway, head: &Parts, body: Body) -> Response {
    let config = &gateway.0.config;
    if !origin::is_own(head, &config.external_url) {
        return refuse(StatusCode::FORBIDDEN, STRANGER);
    }
    let form = match tokio::time::timeout(PATIENCE, to_bytes(body, LARGEST)).await {
        Ok(Ok(form)) => parameters(&form),
        Ok(Err(_)) => return refuse(StatusCode::BAD_REQUEST, "The form is too large, or was cut."),
        Err(_) => return refuse(StatusCode::REQUEST_TIMEOUT, "The form did not come in time."),
    };
    let deleted = match Target::of(&form) {
        None => return refuse(StatusCode::BAD_REQUEST, "The form does not say what to delete."),
        Some(Target::Group(path)) => match key_of(&path) {
            Ok(key) => usize::from(gateway.delete(&key)),
            Err(reason) => return refuse(StatusCode::BAD_REQUEST, &reason),
        },
        Some(Target::Matching(filter)) => match Filter::parse(&filter).labels() {
            Some(labels) => delete_all(gateway, labels).await,
            None => return refuse(StatusCode::BAD_REQUEST, confirm::BY_LABELS),
        },
        Some(Target::All) if !config.enable_admin_api => {
            return refuse(StatusCode::FORBIDDEN, confirm::NOT_ENABLED);
        }
        Some(Target::All) => delete_all(gateway, BTreeMap::new()).await,
    };
    tracing::info!(deleted, "groups deleted on the page");
    let location = Links::new(config.external_prefix()).deleted(&back(&form), deleted);
    (StatusCode::SEE_OTHER, [(LOCATION, location.as_str()), (CACHE_CONTROL, "no-store")]).into_response()
}
