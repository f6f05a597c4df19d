//! Answers as an API server gives them: which form the client takes, and a `Status` for what cannot be done.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use domain::objects::SNAPSHOT_GROUP;
use http::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER, WARNING};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};

/// Warnings of one answer at most; an API server's client shows each in a line.
const MOST_WARNINGS: usize = 10;

/// Why a request is not fulfilled.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Refused {
    code: StatusCode,
    reason: &'static str,
    message: String,
    details: Value,
}

impl Refused {
    pub(super) fn new(code: StatusCode, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), details: json!({}) }
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message)
    }

    pub(super) fn not_found(group: &str, kind: &str, name: &str) -> Self {
        let message = format!("{kind}.{group} \"{name}\" not found");
        let details = json!({"name": name, "group": group, "kind": kind});
        Self { details, ..Self::new(StatusCode::NOT_FOUND, "NotFound", message) }
    }

    pub(super) fn no_such_path() -> Self {
        Self::new(StatusCode::NOT_FOUND, "NotFound", "the server could not find the requested resource")
    }

    pub(super) fn method() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message)
    }

    pub(super) fn not_acceptable() -> Self {
        let message = "only the following media types are accepted: application/json, \
                       application/json;as=Table;v=v1;g=meta.k8s.io, \
                       application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io";
        Self::new(StatusCode::NOT_ACCEPTABLE, "NotAcceptable", message)
    }

    /// A conflict over one Snapshot.
    pub(super) fn conflict(name: &str, why: impl std::fmt::Display) -> Self {
        let message =
            format!("Operation cannot be fulfilled on snapshots.{SNAPSHOT_GROUP} \"{name}\": {why}");
        let details = json!({"name": name, "group": SNAPSHOT_GROUP, "kind": "snapshots"});
        Self { details, ..Self::new(StatusCode::CONFLICT, "Conflict", message) }
    }

    pub(super) fn gone() -> Self {
        let message = "too old resource version: list again";
        Self::new(StatusCode::GONE, "Expired", message)
    }

    pub(super) fn not_yet() -> Self {
        let message = "the operator has not seen all Repositories yet";
        let details = json!({"retryAfterSeconds": 1});
        Self { details, ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", message) }
    }

    /// What the API server said to us.
    pub(super) fn passed_on(error: &kube::Error, doing: &str) -> Self {
        match error {
            kube::Error::Api(status) if status.code == 403 && super::is_about_its_namespace(status) => {
                Self::new(StatusCode::FORBIDDEN, "Forbidden", status.message.clone())
            }
            kube::Error::Api(status) if status.code == 429 || status.code == 503 => {
                let details = json!({"retryAfterSeconds": 1});
                let reason = "ServiceUnavailable";
                let message = format!("cannot {doing}: {}", status.message);
                Self { details, ..Self::new(StatusCode::SERVICE_UNAVAILABLE, reason, message) }
            }
            _ => Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "InternalError",
                format!("cannot {doing}: {error}"),
            ),
        }
    }

    pub(super) fn status(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "reason": self.reason, "code": self.code.as_u16(),
        });
        if self.details.as_object().is_some_and(|details| !details.is_empty()) {
            status["details"] = self.details.clone();
        }
        status
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut answer = json(&self.status());
        *answer.status_mut() = self.code;
        if self.code == StatusCode::SERVICE_UNAVAILABLE {
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        answer
    }
}

/// An answer in JSON.
pub(super) fn json(value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(text) => ([(CONTENT_TYPE, "application/json")], Body::from(text)).into_response(),
        Err(error) => {
            tracing::error!("an answer cannot be written: {error}");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Adds warnings, which `kubectl` shows to whoever asked.
pub(super) fn warn(answer: &mut Response, warnings: &[String]) {
    let more = warnings.len().saturating_sub(MOST_WARNINGS);
    let more = (more > 0).then(|| format!("there are {more} warnings more"));
    for warning in warnings.iter().take(MOST_WARNINGS).chain(&more) {
        // A header holds printable ASCII; quotes and backslashes end what they stand in.
        let plain = |c: char| if c == ' ' || c.is_ascii_graphic() { c } else { '?' };
        let text: String = warning.chars().take(1000).map(plain).collect();
        let text = text.replace('\\', "\\\\").replace('"', "\\\"");
        if let Ok(value) = HeaderValue::try_from(format!("299 - \"{text}\"")) {
            answer.headers_mut().append(WARNING, value);
        }
    }
}

/// What form of an answer a client takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Form {
    /// The objects.
    Whole,
    /// Rows for people; `v1` or `v1beta1`.
    Table(&'static str),
    /// Metadata alone.
    Metadata,
}

/// Chooses the first of the client's forms that there is, those it likes best first.
///
/// A client that takes nothing but protobuf is answered in JSON, which its decoder knows by the type of the answer.
pub(super) fn form(headers: &HeaderMap) -> Result<Form, Refused> {
    let mut ranges: Vec<(f32, String)> = Vec::new();
    for value in headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()) {
        for range in value.split(',').map(str::trim).filter(|range| !range.is_empty()) {
            let quality = parameter(range, "q").and_then(|q| q.parse().ok()).unwrap_or(1.0);
            ranges.push((quality, range.to_ascii_lowercase()));
        }
    }
    if ranges.is_empty() {
        return Ok(Form::Whole);
    }
    ranges.retain(|(quality, _)| *quality > 0.0);
    ranges.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    ranges.iter().find_map(|(_, range)| fitting(range)).ok_or_else(Refused::not_acceptable)
}

fn fitting(range: &str) -> Option<Form> {
    let kind = range.split(';').next().unwrap_or_default().trim();
    let is_known = ["application/json", "application/*", "*/*", "application/vnd.kubernetes.protobuf"];
    if !is_known.contains(&kind) {
        return None;
    }
    let version = parameter(range, "v").unwrap_or("v1");
    match parameter(range, "as") {
        None => Some(Form::Whole),
        Some(_) if kind == "application/vnd.kubernetes.protobuf" => None,
        Some(_) if parameter(range, "g") != Some("meta.k8s.io") => None,
        Some("table") if version == "v1" => Some(Form::Table("v1")),
        Some("table") if version == "v1beta1" => Some(Form::Table("v1beta1")),
        Some("partialobjectmetadata" | "partialobjectmetadatalist") if version == "v1" => {
            Some(Form::Metadata)
        }
        Some(_) => None,
    }
}

fn parameter<'a>(range: &'a str, name: &str) -> Option<&'a str> {
    range.split(';').skip(1).find_map(|part| part.trim().strip_prefix(name)?.trim().strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(accept: &str) -> Option<Form> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, accept.parse().unwrap());
        form(&headers).ok()
    }

    #[test]
    fn the_first_form_that_there_is_is_taken() {
        let kubectl = "application/json;as=Table;v=v1;g=meta.k8s.io,\
                       application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
        for (accept, form) in [
            (kubectl, Some(Form::Table("v1"))),
            ("application/json;as=Table;v=v9;g=meta.k8s.io,application/json", Some(Form::Whole)),
            ("application/json;as=Table;g=meta.k8s.io;v=v1beta1", Some(Form::Table("v1beta1"))),
            ("application/vnd.kubernetes.protobuf, */*", Some(Form::Whole)),
            ("application/vnd.kubernetes.protobuf", Some(Form::Whole)),
            (
                "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,\
                 application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json",
                Some(Form::Metadata),
            ),
            ("text/html, application/json;q=0.9", Some(Form::Whole)),
            ("application/json;stream=watch", Some(Form::Whole)),
            ("application/yaml", None),
            ("application/json;q=0", None),
            ("application/json;as=Table;v=v1", None),
        ] {
            assert_eq!(chosen(accept), form, "{accept}");
        }
        assert_eq!(form(&HeaderMap::new()), Ok(Form::Whole));
    }

    #[test]
    fn a_warning_is_one_header_that_cannot_be_left() {
        let mut answer = json(&json!({}));
        let warnings: Vec<String> = (0..20).map(|n| format!("say \"{n}\"\r\nX: é \\")).collect();
        warn(&mut answer, &warnings);
        let all: Vec<_> = answer.headers().get_all(WARNING).iter().collect();
        assert_eq!(all.len(), MOST_WARNINGS + 1);
        assert_eq!(all[0], "299 - \"say \\\"0\\\"??X: ? \\\\\"");
    }
}
