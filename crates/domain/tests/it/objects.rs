//! YAML in, objects and refusals out.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy takes the functions beside tests for production code"
)]

mod containers;
mod examples;
mod guides;
mod refusals;
mod stored;
mod unknown;

use domain::rules::schema::{Object, parse_object};
use domain::rules::validate::{self, Mode, Refusal};
use jiff::Timestamp;
use serde_json::Value;

/// Every document of a YAML text.
pub(crate) fn documents(yaml: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(yaml).unwrap_or_else(|error| panic!("{error}\n{yaml}"))
}

/// What the loader says to one document, and then the validator of its kind.
fn refused(document: Value, mode: Mode) -> Vec<Refusal> {
    let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    match parse_object(document) {
        Err(refusals) => refusals,
        Ok(Object::Restic(restic)) => validate::restic(&restic, mode, now),
        Ok(Object::Recovery(recovery)) => validate::recovery(&recovery, mode),
        Ok(Object::Repository(repository)) => validate::repository(&repository, mode),
        Ok(Object::Secret(_) | Object::Other { .. }) => Vec::new(),
    }
}

/// Refusals as `field: problem`; each must also be one line that ends in a remedy.
fn lines(refusals: &[Refusal]) -> Vec<String> {
    refusals
        .iter()
        .map(|refusal| {
            let line = refusal.to_string();
            assert!(!line.contains('\n') && !refusal.remedy.is_empty(), "{line}");
            format!("{}: {}", refusal.field, refusal.problem)
        })
        .collect()
}
