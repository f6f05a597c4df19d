//! GET /metrics.

use std::iter::Peekable;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use exposition::Family;
use exposition::encode::{write_header, write_sample};
use http::header::CONTENT_TYPE;

use crate::store::Index;
use crate::{Gateway, route};

/// What the original answers to those who do not ask for another escaping; the names here need none.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";

pub(crate) async fn scrape(State(gateway): State<Gateway>) -> Response {
    match tokio::task::spawn_blocking(move || render(&gateway)).await {
        Ok(text) => ([(CONTENT_TYPE, TEXT)], text).into_response(),
        Err(_) => route::internal_error(),
    }
}

/// Own families and pushed ones, sorted by name; samples sorted by number of labels, then by their values in order of
/// their names. A pushed family with the name of an own one follows it under the same header.
pub(crate) fn render(gateway: &Gateway) -> String {
    let store = gateway.snapshot();
    let own = gateway.0.counters.families(&gateway.0.config, &store, &gateway.0.keeper);
    let mut own = own.iter().filter(|family| !family.samples.is_empty()).peekable();
    let mut out = String::new();
    for (name, index) in store.families() {
        while let Some(family) = own.next_if(|family| *family.name < *name) {
            write_own(&mut out, family);
        }
        write_held(&mut out, name, index, &mut own);
    }
    own.for_each(|family| write_own(&mut out, family));
    out
}

fn write_own(out: &mut String, family: &Family) {
    write_header(out, &family.name, &family.help, family.kind);
    for sample in &family.samples {
        let labels = sample.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        write_sample(out, &family.name, labels, &sample.value, None);
    }
}

fn write_held<'a>(
    out: &mut String,
    name: &str,
    index: &Index,
    own: &mut Peekable<impl Iterator<Item = &'a Family>>,
) {
    match own.next_if(|family| family.name == name) {
        Some(family) => write_own(out, family),
        None => write_header(out, name, index.help(), index.kind),
    }
    for series in index.series.iter() {
        write_sample(out, name, series.labels.iter(), &series.value, None);
    }
}
