//! Health, readiness, and the JSON API for reading.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use exposition::{Count, GroupingKey, Histogram, Summary, Value, number};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, CACHE_CONTROL, CONTENT_TYPE, HeaderName,
};
use http::{HeaderValue, StatusCode};
use serde_json::{Map, json};

use crate::store::check::kind_name;
use crate::store::{Group, Held};
use crate::{Gateway, route};

/// Set on every answer of the API.
const API_HEADERS: [(HeaderName, &str); 5] = [
    (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    (ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, DELETE, OPTIONS"),
    (ACCESS_CONTROL_ALLOW_HEADERS, "Accept, Authorization, Content-Type, Origin"),
    (ACCESS_CONTROL_EXPOSE_HEADERS, "Date"),
    (CACHE_CONTROL, "no-cache, no-store, must-revalidate"),
];

pub(crate) async fn healthy(State(gateway): State<Gateway>) -> &'static str {
    gateway.0.counters.request(StatusCode::OK, "healthy", "get");
    "OK"
}

/// There is no listening before the groups are loaded, so whoever gets an answer gets this one.
pub(crate) async fn ready(State(gateway): State<Gateway>) -> &'static str {
    gateway.0.counters.request(StatusCode::OK, "ready", "get");
    "OK"
}

pub(crate) async fn preflight(State(gateway): State<Gateway>) -> Response {
    gateway.0.counters.request(StatusCode::OK, "api/v1/options", "options");
    API_HEADERS.into_response()
}

/// `GET /api/v1/status`.
pub(crate) async fn status(State(gateway): State<Gateway>) -> Response {
    gateway.0.counters.request(StatusCode::OK, "api/v1/status", "get");
    let config = &gateway.0.config;
    let file = config.persistence_file.as_ref().map(|file| file.display().to_string()).unwrap_or_default();
    let body = json!({ "status": "success", "data": {
        "build_information": { "version": config.version },
        "flags": {
            "persistence.file": file,
            "persistence.interval": go_duration(config.persistence_interval),
        },
        "start_time": gateway.0.started.to_string(),
    }});
    json_response(body.to_string())
}

/// `GET /api/v1/metrics`.
pub(crate) async fn metrics(State(gateway): State<Gateway>) -> Response {
    gateway.0.counters.request(StatusCode::OK, "api/v1/metrics", "get");
    let rendering = tokio::task::spawn_blocking(move || {
        let store = gateway.snapshot();
        let mut body = String::from(r#"{"status":"success","data":["#);
        for (position, (key, group)) in store.groups().enumerate() {
            body.push_str(if position == 0 { "" } else { "," });
            body.push_str(&group_json(key, group).to_string());
        }
        body.push_str("]}");
        body
    });
    match rendering.await {
        Ok(body) => json_response(body),
        Err(_) => route::internal_error(),
    }
}

fn json_response(body: String) -> Response {
    let mut response = (API_HEADERS, body).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn group_json(key: &GroupingKey, group: &Group) -> serde_json::Value {
    let mut all = Map::new();
    all.insert("labels".to_owned(), json!(key.labels()));
    all.insert("last_push_successful".to_owned(), json!(group.times.last_push_succeeded()));
    for held in &group.families {
        all.insert(held.name.to_string(), family_json(held));
    }
    all.into()
}

fn family_json(held: &Held) -> serde_json::Value {
    let mut family = Map::new();
    family.insert("time_stamp".to_owned(), held.time.to_string().into());
    family.insert("type".to_owned(), kind_name(held.kind).into());
    if !held.help.is_empty() {
        family.insert("help".to_owned(), held.help.to_string().into());
    }
    let metrics: Vec<_> = held
        .series
        .iter()
        .map(|series| {
            let mut metric = value_json(&series.value);
            metric.insert("labels".to_owned(), json!(series.labels.to_labels()));
            metric
        })
        .collect();
    family.insert("metrics".to_owned(), json!(metrics));
    family.into()
}

/// All numbers are strings, in Go's form; counts in full digits.
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
            let Histogram { buckets, sum, count, .. } = &**histogram;
            let buckets: BTreeMap<_, _> =
                buckets.iter().map(|b| (number::format(b.upper_bound), whole(b.cumulative_count))).collect();
            set("buckets", json!(buckets));
            set("count", whole(*count).into());
            set("sum", number::format(*sum).into());
        }
    }
    metric
}

fn whole(count: Count) -> String {
    match count {
        Count::Whole(count) => count.to_string(),
        Count::Float(count) => number::format(count),
    }
}

/// A duration as Go prints it, from the hours down to the seconds: `5m0s`.
fn go_duration(duration: std::time::Duration) -> String {
    let (hours, minutes) = (duration.as_secs() / 3600, duration.as_secs() / 60 % 60);
    let seconds = (duration - std::time::Duration::from_secs(duration.as_secs() / 60 * 60)).as_secs_f64();
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, minutes) => format!("{minutes}m{seconds}s"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
    }
}
