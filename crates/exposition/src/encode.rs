//! Families → text 0.0.4, for whoever writes nothing else.

use crate::escape::Escaping;
use crate::family::{Family, Kind, Value};
use crate::format::{Format, text};

/// The media type of [`encode()`]'s output, for the header `Content-Type`.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The families in the text format, in the given order. Families without samples are left out.
///
/// Names that [`crate::names`] does not allow stand in quotes, which only Prometheus 3 reads. `# HELP` is left out when
/// the help is empty, `# TYPE` is always there, numbers have Go's shortest form, a histogram always ends in a `+Inf`
/// bucket, `_sum` and `_count`.
#[must_use]
pub fn encode(families: &[Family]) -> String {
    let text = Format::Text { escaping: Escaping::AllowUtf8 }.encode(families);
    String::from_utf8(text).unwrap_or_else(|text| String::from_utf8_lossy(text.as_bytes()).into_owned())
}

/// Appends the lines `# HELP` (when there is one) and `# TYPE`.
pub fn write_header(out: &mut String, name: &str, help: &str, kind: Kind) {
    text::begin(out, name, help, kind);
}

/// Appends the line of one sample, or the lines when it is a summary or histogram.
pub fn write_sample<'a>(
    out: &mut String,
    name: &str,
    labels: impl Iterator<Item = (&'a str, &'a str)> + Clone,
    value: &Value,
    timestamp: Option<i64>,
) {
    text::sample(out, name, &labels, value, timestamp);
}
