//! `apiserver_request_*`: what was asked of resources, under the names of two eras of Kubernetes.

use std::time::{Duration, Instant};

use exposition::{Family, Kind, Sample, Value};
use meter::{Shape, Window};

use super::bounded::Bounded;
use crate::request::RequestInfo;
use meter::Histogram;

/// Bounds of `apiserver_request_latencies`, in microseconds.
const MICROSECONDS: [f64; 7] =
    [125_000.0, 250_000.0, 500_000.0, 1_000_000.0, 2_000_000.0, 4_000_000.0, 8_000_000.0];

/// Bounds of `apiserver_request_duration_seconds`.
const SECONDS: [f64; 23] = [
    0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0,
    20.0, 30.0, 45.0, 60.0,
];

const SUMMARY: Shape =
    Shape { window: Duration::from_secs(5 * 60 * 60), parts: 5, quantiles: &[0.5, 0.9, 0.99] };

/// Longest name of a client that is kept; of the longest of ours and Kubernetes' own this is twice the length.
const MOST_CLIENT: usize = 160;

/// What all families tell requests apart by.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Labels {
    verb: String,
    resource: String,
    subresource: String,
    scope: &'static str,
}

/// What newer families add.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Version {
    group: String,
    version: String,
}

type Answer = (String, String, u16);

/// All requests since the start.
#[derive(Debug, Default)]
pub(super) struct Requests {
    counts: Bounded<(Labels, Answer), u64>,
    latencies: Bounded<Labels, (Histogram, Window)>,
    totals: Bounded<(Labels, Version, u16), u64>,
    durations: Bounded<(Labels, Version), Histogram>,
}

/// One request that was answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answered<'a> {
    pub(crate) info: &'a RequestInfo,
    /// The header `User-Agent`.
    pub(crate) client: &'a str,
    /// Of the answer.
    pub(crate) content_type: &'a str,
    pub(crate) code: u16,
    pub(crate) took: Duration,
}

impl Requests {
    pub(super) fn record(&mut self, answered: Answered<'_>, now: Instant) {
        let info = answered.info;
        let resource = info.resource.clone().unwrap_or_default();
        let labels = Labels {
            verb: info.metric_verb(),
            resource: resource.resource,
            subresource: resource.subresource,
            scope: info.metric_scope(),
        };
        let version = Version { group: resource.group, version: resource.version };
        let answer = (client(answered.client), answered.content_type.to_owned(), answered.code);
        let other = || "other".to_owned();
        let rest = |labels: Labels| Labels { resource: other(), subresource: String::new(), ..labels };
        let rest_version = |_| Version { group: other(), version: String::new() };
        *self.counts.entry(
            (labels.clone(), answer),
            |(labels, (_, content_type, code))| (rest(labels), (other(), content_type, code)),
            || 0,
        ) += 1;
        let (histogram, summary) = self
            .latencies
            .entry(labels.clone(), rest, || (Histogram::new(&MICROSECONDS), Window::new(SUMMARY, now)));
        let microseconds = answered.took.as_micros() as f64;
        histogram.observe(microseconds);
        summary.observe(microseconds, now);
        *self.totals.entry(
            (labels.clone(), version.clone(), answered.code),
            |(labels, version, code)| (rest(labels), rest_version(version), code),
            || 0,
        ) += 1;
        self.durations
            .entry(
                (labels, version),
                |(labels, version)| (rest(labels), rest_version(version)),
                || Histogram::new(&SECONDS),
            )
            .observe(answered.took.as_secs_f64());
    }

    pub(super) fn families(&mut self, now: Instant) -> [Family; 5] {
        let mut counts = Family::counter(
            "apiserver_request_count",
            "Requests for API resources, and reviews of admission webhooks, by verb, resource, subresource, scope, \
             client (its User-Agent), content type and code of the answer. Requests that were one too many (429) or took \
             too long (504) are in it, and those whose client may not ask are not.",
        );
        for ((labels, (client, content_type, code)), count) in self.counts.iter_mut() {
            let code = code.to_string();
            let more = [("client", client.as_str()), ("code", &code), ("contentType", content_type)];
            counts.samples.push(Sample::new(labels.pairs().into_iter().chain(more), number(*count)));
        }
        let mut latencies = Family::new(
            "apiserver_request_latencies",
            "Microseconds from the head of a request to its answer, of a watch to its end, by verb, resource, subresource \
             and scope.",
            Kind::Histogram,
        );
        let mut summaries = Family::new(
            "apiserver_request_latencies_summary",
            "As apiserver_request_latencies: quantiles of the last five hours, within 1 %.",
            Kind::Summary,
        );
        for (labels, (histogram, summary)) in self.latencies.iter_mut() {
            latencies.samples.push(Sample::new(labels.pairs(), histogram.value()));
            let value = Value::Summary(Box::new(summary.summary(now)));
            summaries.samples.push(Sample::new(labels.pairs(), value));
        }
        let mut totals = Family::counter(
            "apiserver_request_total",
            "Requests as in apiserver_request_count, under the name and labels of today's Kubernetes.",
        );
        for ((labels, version, code), count) in self.totals.iter_mut() {
            let code = code.to_string();
            let more = version.pairs().into_iter().chain([("code", code.as_str())]);
            totals.samples.push(Sample::new(labels.pairs().into_iter().chain(more), number(*count)));
        }
        let mut durations = Family::new(
            "apiserver_request_duration_seconds",
            "Seconds as in apiserver_request_latencies, under the name, labels and buckets of today's Kubernetes.",
            Kind::Histogram,
        );
        for ((labels, version), histogram) in self.durations.iter_mut() {
            let labels = labels.pairs().into_iter().chain(version.pairs());
            durations.samples.push(Sample::new(labels, histogram.value()));
        }
        [counts, latencies, summaries, totals, durations]
    }
}

impl Labels {
    fn pairs(&self) -> [(&'static str, &str); 4] {
        [
            ("resource", &self.resource),
            ("scope", self.scope),
            ("subresource", &self.subresource),
            ("verb", &self.verb),
        ]
    }
}

impl Version {
    fn pairs(&self) -> [(&'static str, &str); 3] {
        [("component", "apiserver"), ("group", &self.group), ("version", &self.version)]
    }
}

/// Who asks, as the original calls it.
fn client(agent: &str) -> String {
    match agent {
        "" => "unknown".to_owned(),
        agent if agent.starts_with("Mozilla/") => "Browser".to_owned(),
        agent => agent.chars().take(MOST_CLIENT).collect(),
    }
}

fn number(count: u64) -> Value {
    Value::Number(count as f64)
}
