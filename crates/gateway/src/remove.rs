//! DELETE on a grouping key.

use axum::response::{IntoResponse, Response};
use exposition::GroupingKey;
use http::StatusCode;

use crate::Gateway;

/// Removes the group; that it did not exist is no error.
pub(crate) fn delete(gateway: &Gateway, key: &GroupingKey) -> Response {
    gateway.delete(key);
    StatusCode::ACCEPTED.into_response()
}
