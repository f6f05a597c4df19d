//! `GET /api/v1/metrics`: all groups as JSON, written while the client takes it. `GET /api/v1/groups`: the same without
//! their metrics, for who looks after groups and not after what is in them.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::response::Response;
use exposition::{Count, GroupingKey, Summary, Value, number};
use futures_util::stream;
use jiff::tz::TimeZone;
use serde_json::{Map, json};

use super::{json_response, local, native};
use crate::Gateway;
use crate::store::check::kind_name;
use crate::store::{Group, Held, Store};

/// Pieces have at least this many bytes, except the last.
const PIECE: usize = 32 * 1024;

/// What is left to be written.
struct Writing {
    store: Store,
    zone: TimeZone,
    /// How a group is written.
    form: fn(&GroupingKey, &Group, &TimeZone) -> serde_json::Value,
    /// The last group that was written; `None` before the first.
    last: Option<Arc<GroupingKey>>,
}

pub(crate) fn groups(gateway: &Gateway) -> Response {
    write(gateway, group_json)
}

pub(crate) fn group_labels(gateway: &Gateway) -> Response {
    write(gateway, |key, group, _| head_json(key, group).into())
}

fn write(gateway: &Gateway, form: fn(&GroupingKey, &Group, &TimeZone) -> serde_json::Value) -> Response {
    let writing = Writing { store: gateway.snapshot(), zone: TimeZone::system(), form, last: None };
    let pieces = stream::unfold(Some(writing), |writing| async move {
        let mut writing = writing?;
        // An answer of many megabytes must not keep a thread from the pushes.
        tokio::task::yield_now().await;
        let mut piece = String::with_capacity(PIECE * 2);
        let more = writing.write(&mut piece);
        Some((Ok::<_, Infallible>(Bytes::from(piece)), more.then_some(writing)))
    });
    json_response(Body::from_stream(pieces))
}

impl Writing {
    /// Appends the next piece and says whether there is more.
    fn write(&mut self, out: &mut String) -> bool {
        if self.last.is_none() {
            out.push_str(r#"{"status":"success","data":["#);
        }
        while out.len() < PIECE {
            let Some((key, group)) = self.store.group_after(self.last.as_ref()) else {
                out.push_str("]}");
                return false;
            };
            out.push_str(if self.last.is_none() { "" } else { "," });
            out.push_str(&(self.form)(&key, &group, &self.zone).to_string());
            self.last = Some(key);
        }
        true
    }
}

/// A family called `labels` or `last_push_successful` overwrites that key, as in the original.
fn group_json(key: &GroupingKey, group: &Group, zone: &TimeZone) -> serde_json::Value {
    let mut all = head_json(key, group);
    for held in &group.families {
        all.insert(held.name.to_string(), family_json(held, zone));
    }
    all.into()
}

fn head_json(key: &GroupingKey, group: &Group) -> Map<String, serde_json::Value> {
    let mut head = Map::new();
    head.insert("labels".to_owned(), json!(key.labels()));
    head.insert("last_push_successful".to_owned(), json!(group.times.last_push_succeeded()));
    head
}

fn family_json(held: &Held, zone: &TimeZone) -> serde_json::Value {
    let mut family = Map::new();
    family.insert("time_stamp".to_owned(), local(held.time, zone).into());
    family.insert("type".to_owned(), kind_name(held.kind).into());
    if !held.help.is_empty() {
        family.insert("help".to_owned(), held.help.to_string().into());
    }
    let metrics: Vec<_> = held
        .series
        .iter()
        .map(|series| {
            let mut metric = value_json(&series.value);
            let labels: BTreeMap<&str, &str> = series.labels.iter().collect();
            metric.insert("labels".to_owned(), json!(labels));
            metric
        })
        .collect();
    family.insert("metrics".to_owned(), json!(metrics));
    family.into()
}

/// All numbers are strings, in Go's form; whole counts in full digits.
fn value_json(value: &Value) -> Map<String, serde_json::Value> {
    let mut metric = Map::new();
    let mut set = |name: &str, value: serde_json::Value| metric.insert(name.to_owned(), value);
    match value {
        Value::Number(number) => {
            set("value", number::format(*number).into());
        }
        Value::Summary(summary) => {
            let Summary { quantiles, sum, count } = &**summary;
            let quantiles: BTreeMap<_, _> =
                quantiles.iter().map(|q| (number::format(q.quantile), number::format(q.value))).collect();
            set("quantiles", json!(quantiles));
            set("count", count.to_string().into());
            set("sum", number::format(*sum).into());
        }
        Value::Histogram(histogram) => {
            let buckets = match histogram.native.as_ref().filter(|native| native::has_spans(native)) {
                Some(native) => native::buckets(native)
                    .map(|bucket| {
                        let bounds = json!(bucket.bounds as u8);
                        let [lower, upper] = [bucket.lower, bucket.upper].map(number::format);
                        json!([bounds, lower, upper, written(bucket.count)])
                    })
                    .collect(),
                None => {
                    let buckets = histogram.buckets.iter();
                    let buckets =
                        buckets.map(|b| (number::format(b.upper_bound), written(b.cumulative_count)));
                    json!(buckets.collect::<BTreeMap<_, _>>())
                }
            };
            set("buckets", buckets);
            set("count", written(histogram.count).into());
            set("sum", number::format(histogram.sum).into());
        }
    }
    metric
}

fn written(count: Count) -> String {
    match count {
        Count::Whole(count) => count.to_string(),
        // So the original tells the two kinds apart.
        Count::Float(count) if count > 0.0 => number::format(count),
        Count::Float(_) => "0".to_owned(),
    }
}
