//! Our own kinds: what would be of no use is refused, with every reason.
//!
//! What is stored already is another matter. Objects of 0.8.3 may be such as nobody would accept today, and still their
//! labels have to change and their finalizers have to go: what a request does not change is not held against it.

use domain::objects::GROUP;
use domain::objects::recovery::Recovery;
use domain::objects::repository::Repository;
use domain::objects::restic::Restic;
use domain::rules::names::ANNOTATION_TAG;
use domain::rules::validate::{self as rules, Mode, Refusal};
use jiff::Timestamp;
use kube::core::admission::AdmissionResponse;
use kube::core::response::{StatusCause, StatusDetails, StatusSummary};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::PREFIX;
use super::review::Review;

/// A kind of ours.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OwnKind {
    /// `Restic`.
    Restic,
    /// `Recovery`.
    Recovery,
    /// `Repository`.
    Repository,
}

impl OwnKind {
    /// All of them.
    pub const ALL: [OwnKind; 3] = [OwnKind::Restic, OwnKind::Recovery, OwnKind::Repository];

    /// The resource, as the API server names it.
    #[must_use]
    pub fn resource(self) -> &'static str {
        match self {
            OwnKind::Restic => "restics",
            OwnKind::Recovery => "recoveries",
            OwnKind::Repository => "repositories",
        }
    }

    /// One object of it, in lower case.
    #[must_use]
    pub fn singular(self) -> &'static str {
        match self {
            OwnKind::Restic => "restic",
            OwnKind::Recovery => "recovery",
            OwnKind::Repository => "repository",
        }
    }

    /// As objects say it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            OwnKind::Restic => "Restic",
            OwnKind::Recovery => "Recovery",
            OwnKind::Repository => "Repository",
        }
    }

    /// Where the API server asks.
    #[must_use]
    pub fn path(self) -> String {
        format!("{PREFIX}{}", self.resource())
    }
}

/// Allows or refuses an object of ours. `now` is for schedules that never fire again.
#[must_use]
pub fn validate(review: &Review, kind: OwnKind, now: Timestamp) -> AdmissionResponse {
    if !review.writes(GROUP, kind.resource()) || is_being_deleted(review.object()) {
        return review.allow();
    }
    let refusals = match kind {
        OwnKind::Restic => refusals::<Restic, _>(review, |new, _| rules::restic(new, Mode::Cluster, now)),
        OwnKind::Recovery => refusals::<Recovery, _>(review, |new, changes_spec| {
            let mut refusals = if changes_spec { immutable(review) } else { Vec::new() };
            refusals.extend(rules::recovery(new, Mode::Cluster));
            refusals
        }),
        OwnKind::Repository => {
            refusals::<Repository, _>(review, |new, _| rules::repository(new, Mode::Cluster))
        }
    };
    if refusals.is_empty() { review.allow() } else { refuse(review, kind, &refusals) }
}

/// What is refused of what the request changes.
fn refusals<T: DeserializeOwned, F: Fn(&T, bool) -> Vec<Refusal>>(review: &Review, rules: F) -> Vec<Refusal> {
    let (new, old) = (review.object(), review.old_object());
    let is_update = review.is_update();
    let changes_spec = is_update && new.get("spec") != old.get("spec");
    let changes_tag = tag(new) != tag(old);
    if is_update && !changes_spec && !changes_tag {
        return Vec::new();
    }
    // What a status says, in whatever form an earlier release wrote it, is no matter of the request.
    let mut new = new.clone();
    if let Some(fields) = new.as_object_mut() {
        fields.shift_remove("status");
    }
    // The API server has checked the schema before.
    let new = match T::deserialize(&new) {
        Ok(new) => new,
        Err(error) => {
            return vec![Refusal::new("spec", format!("cannot be read: {error}"), "correct its type")];
        }
    };
    let mut refusals = rules(&new, changes_spec);
    if is_update && !changes_spec {
        refusals.retain(|refusal| refusal.field.starts_with("metadata.annotations"));
    }
    refusals
}

/// The one annotation of users that is a setting.
fn tag(object: &Value) -> Option<&Value> {
    object.pointer("/metadata/annotations")?.get(ANNOTATION_TAG)
}

fn is_being_deleted(object: &Value) -> bool {
    object.pointer("/metadata/deletionTimestamp").is_some_and(|at| !at.is_null())
}

/// A restore that has begun does what it was told then; a spec that says something else would only mislead.
fn immutable(review: &Review) -> Vec<Refusal> {
    let phase = review.old_object().pointer("/status/phase").and_then(Value::as_str).unwrap_or_default();
    let why = match phase {
        "Running" => "cannot be changed while data is being restored",
        "Succeeded" | "Failed" => "cannot be changed after the end",
        _ => return Vec::new(),
    };
    vec![Refusal::new("spec", format!("{why} (phase {phase})"), "make another Recovery, with another name")]
}

/// 422, as the API server itself says of what is invalid: the reasons in the message for people, and among the details
/// for programs.
fn refuse(review: &Review, kind: OwnKind, refusals: &[Refusal]) -> AdmissionResponse {
    let lines: Vec<String> = refusals.iter().map(ToString::to_string).collect();
    let what = format!("{} {}/{}", kind.as_str(), review.namespace(), review.name());
    let message = match lines.as_slice() {
        [one] => format!("{what} is invalid: {one}"),
        many => format!("{what} is invalid:\n- {}", many.join("\n- ")),
    };
    let mut answer = review.allow().deny(message);
    answer.result.status = Some(StatusSummary::Failure);
    answer.result.code = 422;
    "Invalid".clone_into(&mut answer.result.reason);
    answer.result.details = Some(StatusDetails {
        name: review.name().to_owned(),
        group: GROUP.to_owned(),
        kind: kind.as_str().to_owned(),
        causes: refusals
            .iter()
            .map(|refusal| StatusCause {
                reason: "FieldValueInvalid".to_owned(),
                message: format!("{}; {}", refusal.problem, refusal.remedy),
                field: refusal.field.clone(),
            })
            .collect(),
        uid: String::new(),
        retry_after_seconds: 0,
    });
    answer
}
