//! What a body says: text or protobuf, and how many series of it are taken.

use exposition::{Value, protobuf};
use http::HeaderMap;
use http::header::CONTENT_TYPE;

use super::media_type::MediaType;
use super::refusal::Refusal;
use crate::Config;
use crate::store::check::Pushed;

/// What a line and a label of a text take when they are values, about and beside their own bytes.
const LINE: usize = 200;
const LABEL: usize = 80;
/// How many messages, labels and buckets a series of a protobuf body may have on average.
const PARTS_PER_SERIES: usize = 10;

/// The two formats that are told apart. Everything that is not clearly protobuf is text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Content {
    Protobuf,
    Text,
}

impl Content {
    /// By the first Content-Type header.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if is_protobuf(value) { Content::Protobuf } else { Content::Text }
    }

    /// Memory that reading `body` takes, in bytes, the body included.
    pub(super) fn cost(self, body: &[u8]) -> usize {
        match self {
            // The decoder has a limit of its own.
            Content::Protobuf => body.len().saturating_mul(3),
            Content::Text => {
                let lines = body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count();
                let labels = body.iter().filter(|byte| **byte == b'=').count();
                body.len() + lines * LINE + labels * LABEL
            }
        }
    }

    /// The families of `body`.
    pub(super) fn parse(self, body: &[u8], config: &Config) -> Result<Pushed, Refusal> {
        let limit = config.limits.series;
        match self {
            Content::Text => {
                if series_of_text(body) > limit {
                    return Err(Refusal::TooManySeries { limit });
                }
                let families = exposition::parse_with(body, config.names())
                    .map_err(|error| Refusal::Syntax(error.to_string()))?;
                Ok(Pushed { families, defects: Vec::new() })
            }
            Content::Protobuf => {
                let parts = protobuf::Limits { parts: limit.saturating_mul(PARTS_PER_SERIES) };
                let decoded = protobuf::decode(body, parts).map_err(|error| match error {
                    protobuf::ProtobufError::TooManyParts { .. } => Refusal::TooManySeries { limit },
                    error => Refusal::Syntax(error.to_string()),
                })?;
                let series = decoded.families.iter().flat_map(|family| &family.samples).map(series_of_value);
                if series.sum::<usize>() > limit {
                    return Err(Refusal::TooManySeries { limit });
                }
                Ok(Pushed { families: decoded.families, defects: decoded.problems })
            }
        }
    }
}

/// Lines that are neither blank nor comments.
fn series_of_text(body: &[u8]) -> usize {
    let first = |line: &&[u8]| line.iter().copied().find(|byte| !matches!(byte, b' ' | b'\t'));
    body.split(|byte| *byte == b'\n').filter_map(|line| first(&line)).filter(|byte| *byte != b'#').count()
}

/// As many as it would have lines in the text format, without the sum and the count.
fn series_of_value(sample: &exposition::Sample) -> usize {
    match &sample.value {
        Value::Number(_) => 1,
        Value::Summary(summary) => summary.quantiles.len().max(1),
        Value::Histogram(histogram) => histogram.buckets.len().max(1),
    }
}

fn is_protobuf(content_type: &str) -> bool {
    let Some(media_type) = MediaType::parse(content_type) else { return false };
    media_type.name == "application/vnd.google.protobuf"
        && media_type.parameter("encoding") == Some("delimited")
        && media_type.parameter("proto") == Some("io.prometheus.client.MetricFamily")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protobuf_is_what_says_so_with_both_parameters() {
        for content_type in [
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
            "Application/VND.google.protobuf;encoding=delimited ; proto=\"io.prometheus.client.MetricFamily\"",
            "application/vnd.google.protobuf;x=y;ENCODING=delimited;proto=io.prometheus.client.MetricFamily;escaping=values",
        ] {
            assert!(is_protobuf(content_type), "{content_type}");
        }
    }

    #[test]
    fn everything_else_is_text() {
        for content_type in [
            "",
            ";;",
            "application/vnd.google.protobuf",
            "application/vnd.google.protobuf; encoding=delimited",
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily",
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=text",
            "application/vnd.google.protobuf; proto=io.prometheus.client.metricfamily; encoding=delimited",
            "application/openmetrics-text; version=1.0.0",
            "application/json",
        ] {
            assert!(!is_protobuf(content_type), "{content_type}");
        }
    }

    #[test]
    fn series_of_a_text_are_its_lines_without_comments() {
        assert_eq!(series_of_text(b"# TYPE a gauge\n\n  \na 1\n \tb 2\n# c\n  # d\nc 3"), 3);
    }
}
