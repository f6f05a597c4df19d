//! The envelope: an `AdmissionReview` of `admission.k8s.io/v1`, in and out.
//!
//! Objects in it stay plain JSON. A type would lose the fields that it does not know, and a patch would then remove them
//! from the user's object.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use kube::core::DynamicObject;
use kube::core::admission::{
    AdmissionRequest, AdmissionResponse, AdmissionReview, META_API_VERSION_V1, META_KIND, Operation,
};
use serde_json::Value;

/// Largest review, in bytes. The API server takes objects of 3 MiB, and a review of a change holds the old and the new
/// one.
pub const MOST_BYTES: usize = 7 * 1024 * 1024;

/// A request of the API server.
#[derive(Clone, Debug)]
pub struct Review {
    request: AdmissionRequest<DynamicObject>,
    object: Value,
    old_object: Value,
}

/// Why a request is no review. The API server then goes by the failure policy of the webhook.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReviewError {
    #[error("the content type has to be application/json")]
    MediaType,
    #[error("a content encoding is not supported; send the review as it is")]
    Encoding,
    #[error("the review is larger than {MOST_BYTES} bytes")]
    TooLarge,
    #[error("the body did not arrive in time")]
    TooSlow,
    #[error("the body broke off")]
    Broken,
    #[error("this is no AdmissionReview: {0}")]
    Syntax(serde_json::Error),
    #[error("send an {META_KIND} of {META_API_VERSION_V1}, not {kind:?} of {version:?}")]
    Version { kind: String, version: String },
    #[error("the AdmissionReview has no request")]
    NoRequest,
}

impl IntoResponse for ReviewError {
    fn into_response(self) -> Response {
        let code = match &self {
            ReviewError::MediaType | ReviewError::Encoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ReviewError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            ReviewError::TooSlow => StatusCode::REQUEST_TIMEOUT,
            ReviewError::Broken
            | ReviewError::Syntax(_)
            | ReviewError::Version { .. }
            | ReviewError::NoRequest => StatusCode::BAD_REQUEST,
        };
        tracing::warn!(code = code.as_u16(), "a request to a webhook was refused: {self}");
        (code, format!("{self}\n")).into_response()
    }
}

/// Reads a request to a webhook.
pub(super) async fn read(headers: &HeaderMap, body: Body) -> Result<Review, ReviewError> {
    let media = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default().trim();
    if !media.eq_ignore_ascii_case("application/json") {
        return Err(ReviewError::MediaType);
    }
    if headers
        .get(CONTENT_ENCODING)
        .is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
    {
        return Err(ReviewError::Encoding);
    }
    let body = Limited::new(body, MOST_BYTES).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            ReviewError::TooLarge
        } else if web::too_slow(error.as_ref()) {
            ReviewError::TooSlow
        } else {
            ReviewError::Broken
        }
    })?;
    Review::parse(&body.to_bytes())
}

/// The answer to a review.
pub(super) fn respond(answer: AdmissionResponse) -> Response {
    let patch = answer.patch.as_ref().map(|patch| BASE64_STANDARD.encode(patch));
    let written = serde_json::to_value(answer.into_review()).map(|mut review| {
        // The API server's form of bytes is text; kube writes a list of numbers, which is three times as long.
        if let (Some(patch), Some(place)) = (patch, review.pointer_mut("/response/patch")) {
            *place = Value::String(patch);
        }
        review.to_string()
    });
    match written {
        Ok(text) => ([(CONTENT_TYPE, "application/json")], text).into_response(),
        Err(error) => {
            tracing::error!("an answer to the API server cannot be written: {error}");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

impl Review {
    /// Reads a review.
    pub(super) fn parse(body: &[u8]) -> Result<Self, ReviewError> {
        let mut whole: Value = serde_json::from_slice(body).map_err(ReviewError::Syntax)?;
        let text = |field: &str| whole.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (kind, version) = (text("kind"), text("apiVersion"));
        if kind != META_KIND || version != META_API_VERSION_V1 {
            return Err(ReviewError::Version { kind, version });
        }
        let mut take = |pointer| whole.pointer_mut(pointer).map(Value::take).unwrap_or_default();
        let (object, old_object) = (take("/request/object"), take("/request/oldObject"));
        let review: AdmissionReview<DynamicObject> =
            serde_json::from_value(whole).map_err(ReviewError::Syntax)?;
        let request = review.try_into().map_err(|_| ReviewError::NoRequest)?;
        Ok(Self { request, object, old_object })
    }

    /// An answer that allows it unchanged.
    #[must_use]
    pub fn allow(&self) -> AdmissionResponse {
        AdmissionResponse::from(&self.request)
    }

    /// What is to be stored; `null` when something is to be deleted.
    #[must_use]
    pub fn object(&self) -> &Value {
        &self.object
    }

    /// What is stored; `null` when something is to be created.
    #[must_use]
    pub fn old_object(&self) -> &Value {
        &self.old_object
    }

    /// Namespace of the request; the object of a request to create may not say it.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.request.namespace.as_deref().unwrap_or_default()
    }

    /// Name of the object; empty while it has none.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.request.name
    }

    /// Whether an object of this resource, and not one of its subresources, is to be created or changed.
    pub(super) fn writes(&self, group: &str, resource: &str) -> bool {
        let of = &self.request.resource;
        matches!(self.request.operation, Operation::Create | Operation::Update)
            && self.request.sub_resource.as_deref().unwrap_or_default().is_empty()
            && (of.group == group && of.resource == resource)
    }

    /// Whether it changes an object that is there.
    pub(super) fn is_update(&self) -> bool {
        self.request.operation == Operation::Update
    }
}
