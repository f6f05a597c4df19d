//! Refusals as clients of Kubernetes read them: a `Status` object, in the words of the original.

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

use crate::request::RequestInfo;

/// Seconds after which a client that was one too many may ask again.
const RETRY_SECONDS: u16 = 1;

/// Why a request is not answered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Status {
    /// The code of HTTP.
    pub code: StatusCode,
    /// One word for programs.
    pub reason: &'static str,
    /// A sentence for people.
    pub message: String,
    details: Value,
}

impl Status {
    /// Nobody knows who asks.
    #[must_use]
    pub fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized".to_owned())
    }

    /// The path can be read in two ways.
    #[must_use]
    pub fn bad_request(why: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", why.to_owned())
    }

    /// Who asks may not.
    #[must_use]
    pub fn forbidden(user: &str, info: &RequestInfo, reason: &str) -> Self {
        let mut message = match &info.resource {
            None => format!("User {user:?} cannot {} path {:?}", info.verb, info.path),
            Some(resource) => {
                let mut what = resource.resource.clone();
                if !resource.subresource.is_empty() {
                    what = format!("{what}/{}", resource.subresource);
                }
                let place = match resource.namespace.as_str() {
                    "" => "at the cluster scope".to_owned(),
                    namespace => format!("in the namespace {namespace:?}"),
                };
                let group = &resource.group;
                format!("User {user:?} cannot {} resource {what:?} in API group {group:?} {place}", info.verb)
            }
        };
        // Some show the message as a page, and a path may be anything.
        message = message.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        if !reason.is_empty() {
            message = format!("{message}: {reason}");
        }
        let (message, details) = match &info.resource {
            None => (format!("forbidden: {message}"), json!({})),
            Some(resource) => {
                let dot = if resource.group.is_empty() { "" } else { "." };
                let of = format!("{}{dot}{}", resource.resource, resource.group);
                let mut details = json!({});
                let fields =
                    [("name", &resource.name), ("group", &resource.group), ("kind", &resource.resource)];
                for (field, value) in fields.into_iter().filter(|(_, value)| !value.is_empty()) {
                    details[field] = json!(value);
                }
                let message = match resource.name.as_str() {
                    "" => format!("{of} is forbidden: {message}"),
                    name => format!("{of} {name:?} is forbidden: {message}"),
                };
                (message, details)
            }
        };
        Self { details, ..Self::new(StatusCode::FORBIDDEN, "Forbidden", message) }
    }

    /// It is not known whether who asks may.
    #[must_use]
    pub fn internal(why: &str) -> Self {
        let message = format!("Internal error occurred: {why}");
        let details = json!({ "causes": [{ "message": why }] });
        Self { details, ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", message) }
    }

    /// One too many at once.
    #[must_use]
    pub fn too_many_requests() -> Self {
        let message = "Too many requests, please try again later.".to_owned();
        let details = json!({ "retryAfterSeconds": RETRY_SECONDS });
        Self { details, ..Self::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", message) }
    }

    /// The answer took too long.
    #[must_use]
    pub fn timeout(allotted: std::time::Duration) -> Self {
        let message =
            format!("Timeout: request did not complete within the allotted timeout of {allotted:?}");
        Self::new(StatusCode::GATEWAY_TIMEOUT, "Timeout", message)
    }

    fn new(code: StatusCode, reason: &'static str, message: String) -> Self {
        Self { code, reason, message, details: Value::Null }
    }

    /// The object.
    #[must_use]
    pub fn object(&self) -> Value {
        let mut object = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
        });
        if !self.details.is_null() {
            object["details"] = self.details.clone();
        }
        object["code"] = json!(self.code.as_u16());
        object
    }
}

impl IntoResponse for Status {
    fn into_response(self) -> Response {
        let headers = [(CONTENT_TYPE, "application/json"), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
        let mut response = (self.code, headers, format!("{}\n", self.object())).into_response();
        if self.code == StatusCode::TOO_MANY_REQUESTS {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(RETRY_SECONDS));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forbidden(method: &str, address: &str) -> String {
        let info = RequestInfo::read(&method.parse().unwrap(), &address.parse().unwrap()).unwrap();
        Status::forbidden("jo", &info, "").message
    }

    #[test]
    fn refusals_have_the_words_of_the_original() {
        assert_eq!(
            forbidden("GET", "/apis/repositories.stash.appscode.com/v1alpha1/namespaces/demo/snapshots"),
            "snapshots.repositories.stash.appscode.com is forbidden: User \"jo\" cannot list resource \"snapshots\" \
             in API group \"repositories.stash.appscode.com\" in the namespace \"demo\""
        );
        assert_eq!(
            forbidden("DELETE", "/apis/g/v1/things/a/scale"),
            "things.g \"a\" is forbidden: User \"jo\" cannot delete resource \"things/scale\" in API group \"g\" at the \
             cluster scope"
        );
        assert_eq!(forbidden("GET", "/metrics"), "forbidden: User \"jo\" cannot get path \"/metrics\"");
        assert_eq!(forbidden("GET", "/%3Cb%3E"), "forbidden: User \"jo\" cannot get path \"/&lt;b&gt;\"");
    }

    #[test]
    fn a_status_is_what_kubectl_reads() {
        assert_eq!(
            Status::unauthorized().object(),
            json!({
                "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                "message": "Unauthorized", "reason": "Unauthorized", "code": 401,
            })
        );
        let response = Status::too_many_requests().into_response();
        assert_eq!(
            (response.status(), &response.headers()["retry-after"]),
            (StatusCode::TOO_MANY_REQUESTS, &HeaderValue::from(1))
        );
    }
}
