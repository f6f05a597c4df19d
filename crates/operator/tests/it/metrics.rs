//! What a scrape tells: every metric of the operator of Stash 0.8.3, with its type and labels, and real values.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;

use exposition::{Family, Value, parse};
use http::StatusCode;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use serde_json::json;

use crate::delegate::{Delegating, request};

/// What the operator of Stash 0.8.3 told.
const SEED: &str = include_str!("seed/metrics.tsv");

/// The value of the first sample that has these labels.
pub(crate) fn number(families: &[Family], name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let family = families.iter().find(|family| family.name == name)?;
    let has = |of: &exposition::Labels| {
        labels.iter().all(|(name, value)| of.get(*name).is_some_and(|known| known == value))
    };
    let sample = family.samples.iter().find(|sample| has(&sample.labels))?;
    match &sample.value {
        Value::Number(number) => Some(*number),
        Value::Histogram(histogram) => Some(histogram.count.as_f64()),
        Value::Summary(summary) => Some(summary.count as f64),
    }
}

/// A family as a line of the table.
fn told(family: &Family) -> String {
    let mut labels = BTreeSet::new();
    let mut bounds = None;
    for sample in &family.samples {
        labels.extend(sample.labels.keys().cloned());
        bounds = match &sample.value {
            Value::Number(_) => None,
            Value::Histogram(histogram) => {
                let mut bounds: Vec<String> = histogram
                    .buckets
                    .iter()
                    .filter(|bucket| bucket.upper_bound.is_finite())
                    .map(|bucket| shown(bucket.upper_bound))
                    .collect();
                bounds.push("+Inf".to_owned());
                Some(format!("le={}", bounds.join("|")))
            }
            Value::Summary(summary) => {
                let quantiles: Vec<String> =
                    summary.quantiles.iter().map(|quantile| shown(quantile.quantile)).collect();
                Some(format!("quantile={}", quantiles.join("|")))
            }
        };
    }
    let labels: Vec<String> = labels.into_iter().chain(bounds).collect();
    format!("{}\t{}\t{}", family.name, family.kind.as_str(), labels.join(","))
}

fn shown(number: f64) -> String {
    let mut text = String::new();
    exposition::number::write(&mut text, number);
    text
}

/// A server that was used as in a cluster: a webhook, a scrape, a client with a certificate.
async fn used() -> (Delegating, Vec<Family>) {
    let server = Delegating::start().await;
    let review = crate::server::review(
        "stash.appscode.com",
        "restics",
        &crate::server::restic_value("nightly", ("app", "web")),
        &serde_json::Value::Null,
    );
    server.running.review("restics", &review).await;
    let scraper = [("authorization", "Bearer of-scraper")];
    server.get("/metrics", &scraper).await;
    let (code, text) = server.running.send(request("/metrics", &scraper)).await;
    assert_eq!(code, StatusCode::OK);
    (server, parse(&text).unwrap())
}

#[tokio::test]
async fn every_metric_of_0_8_3_is_there_with_its_type_and_labels() {
    let (_server, families) = used().await;
    let by_name: BTreeMap<&str, &Family> =
        families.iter().map(|family| (family.name.as_str(), family)).collect();
    let expected: Vec<&str> = SEED.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(expected.len(), 42);
    let mut differences = Vec::new();
    for line in expected {
        let name = line.split('\t').next().unwrap();
        match by_name.get(name) {
            None => differences.push(format!("{name} is missing")),
            Some(family) if told(family) != *line => {
                differences.push(format!("{} instead of {line}", told(family)));
            }
            Some(family) if family.help.is_empty() => differences.push(format!("{name} has no help")),
            Some(_) => {}
        }
    }
    assert!(differences.is_empty(), "{differences:#?}");
    for twin in ["apiserver_request_total", "apiserver_request_duration_seconds"] {
        assert!(by_name.contains_key(twin), "{twin}");
    }
}

#[tokio::test]
async fn the_values_are_those_of_what_happened() {
    let (server, families) = used().await;
    let review = [("resource", "restics"), ("verb", "POST"), ("scope", "cluster"), ("subresource", "")];
    let answered: Vec<_> = review
        .into_iter()
        .chain([("code", "200"), ("client", "unknown"), ("contentType", "application/json")])
        .collect();
    assert_eq!(number(&families, "apiserver_request_count", &answered), Some(1.0));
    assert_eq!(number(&families, "apiserver_request_latencies", &review), Some(1.0));
    assert_eq!(number(&families, "apiserver_request_latencies_summary", &review), Some(1.0));
    let modern = [("group", "admission.stash.appscode.com"), ("version", "v1"), ("component", "apiserver")];
    assert_eq!(number(&families, "apiserver_request_total", &modern), Some(1.0));
    assert_eq!(number(&families, "apiserver_audit_event_total", &[]), Some(1.0));
    assert!(number(&families, "apiserver_client_certificate_expiration_seconds", &[]).unwrap() >= 1.0);
    assert!(number(&families, "authenticated_user_requests", &[("username", "other")]).unwrap() >= 3.0);
    let scrapes = number(&families, "http_requests_total", &[("method", "get"), ("code", "200")]).unwrap();
    assert!(scrapes >= 1.0);
    assert_eq!(
        number(&families, "apiserver_current_inflight_requests", &[("requestKind", "readOnly")]),
        Some(1.0)
    );
    // Nothing of what is not a resource, nor of what was refused, is counted as a request.
    server.get("/version", &[]).await;
    server.get("/apis/g/v1/things", &[("authorization", "Bearer of-reader")]).await;
    let family = server.api.families().into_iter().find(|family| family.name == "apiserver_request_count");
    assert_eq!(family.unwrap().samples.len(), 1);
}

#[tokio::test]
async fn a_scrape_comes_in_the_format_that_is_asked_for() {
    let server = Delegating::start().await;
    let bundle = server.running.bundle.borrow().clone();
    let mut connection = server.running.connect(&bundle).await.unwrap();
    let scraper = ("authorization", "Bearer of-scraper");
    let (head, body) = connection
        .ask(request(
            "/metrics",
            &[scraper, ("accept-encoding", "gzip"), ("accept", "application/openmetrics-text;version=1.0.0")],
        ))
        .await;
    assert_eq!(head.headers[CONTENT_ENCODING], "gzip");
    assert!(
        head.headers[CONTENT_TYPE]
            .to_str()
            .unwrap()
            .starts_with("application/openmetrics-text; version=1.0.0")
    );
    let mut text = String::new();
    flate2::read::GzDecoder::new(&body[..]).read_to_string(&mut text).unwrap();
    assert!(text.ends_with("# EOF\n") && text.contains("# TYPE go_goroutines gauge\n"), "{text}");
    let (head, body) = connection.ask(request("/metrics", &[scraper])).await;
    assert!(head.headers[CONTENT_TYPE].to_str().unwrap().starts_with("text/plain; version=0.0.4"));
    assert!(parse(str::from_utf8(&body).unwrap()).unwrap().len() >= 42);
}

#[tokio::test]
async fn whoever_knows_more_adds_it() {
    let metrics = apiserver::Metrics::default();
    metrics.add(std::sync::Arc::new(|| {
        vec![Family::gauge("stash_things", "Things.").with([("state", "good")], 3.0)]
    }));
    let client = kube::Client::try_from(kube::Config::new("http://127.0.0.1:9".parse().unwrap())).unwrap();
    let api = apiserver::ApiServer::new(client, apiserver::Settings::default(), metrics);
    assert_eq!(number(&api.families(), "stash_things", &[("state", "good")]), Some(3.0));
    assert_eq!(json!(api.close().await.is_some()), json!(true));
}
