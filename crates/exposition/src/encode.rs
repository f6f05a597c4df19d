//! Families → text 0.0.4.

use crate::family::{Count, Family, Histogram, Kind, Summary, Value};
use crate::number;

/// The media type of [`encode()`]'s output, for the header `Content-Type`.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The families in the text format, in the given order. Families without samples are left out.
///
/// Names are written as they are: give only those that [`crate::names`] allows. `# HELP` is left out when the help
/// is empty, `# TYPE` is always there, numbers have Go's shortest form, a histogram always ends in a `+Inf` bucket,
/// `_sum` and `_count`.
#[must_use]
pub fn encode(families: &[Family]) -> String {
    let mut out = String::new();
    for family in families.iter().filter(|family| !family.samples.is_empty()) {
        write_header(&mut out, &family.name, &family.help, family.kind);
        for sample in &family.samples {
            let labels = sample.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            write_sample(&mut out, &family.name, labels, &sample.value, sample.timestamp);
        }
    }
    out
}

/// Appends the lines `# HELP` (when there is one) and `# TYPE`.
pub fn write_header(out: &mut String, name: &str, help: &str, kind: Kind) {
    if !help.is_empty() {
        out.push_str("# HELP ");
        out.push_str(name);
        out.push(' ');
        write_escaped(out, help, false);
        out.push('\n');
    }
    out.push_str("# TYPE ");
    out.push_str(name);
    out.push(' ');
    out.push_str(kind.as_str());
    out.push('\n');
}

/// Appends the line of one sample, or the lines when it is a summary or histogram.
pub fn write_sample<'a>(
    out: &mut String,
    name: &str,
    labels: impl Iterator<Item = (&'a str, &'a str)> + Clone,
    value: &Value,
    timestamp: Option<i64>,
) {
    let mut line = |suffix: &str, extra: Option<(&str, f64)>, number: Count| {
        out.push_str(name);
        out.push_str(suffix);
        write_labels(out, labels.clone(), extra);
        out.push(' ');
        number::write_count(out, number);
        if let Some(timestamp) = timestamp {
            out.push(' ');
            out.push_str(&timestamp.to_string());
        }
        out.push('\n');
    };
    let float = Count::Float;
    match value {
        Value::Number(number) => line("", None, float(*number)),
        Value::Summary(summary) => {
            let Summary { quantiles, sum, count } = &**summary;
            for quantile in quantiles {
                line("", Some(("quantile", quantile.quantile)), float(quantile.value));
            }
            line("_sum", None, float(*sum));
            line("_count", None, Count::Whole(*count));
        }
        Value::Histogram(histogram) => {
            let Histogram { buckets, sum, count, .. } = &**histogram;
            for bucket in buckets {
                line("_bucket", Some(("le", bucket.upper_bound)), bucket.cumulative_count);
            }
            if !buckets.iter().any(|bucket| bucket.upper_bound == f64::INFINITY) {
                line("_bucket", Some(("le", f64::INFINITY)), *count);
            }
            line("_sum", None, float(*sum));
            line("_count", None, *count);
        }
    }
}

fn write_labels<'a>(
    out: &mut String,
    labels: impl Iterator<Item = (&'a str, &'a str)>,
    extra: Option<(&str, f64)>,
) {
    let mut separator = '{';
    for (name, value) in labels {
        out.push(separator);
        separator = ',';
        out.push_str(name);
        out.push_str("=\"");
        write_escaped(out, value, true);
        out.push('"');
    }
    if let Some((name, value)) = extra {
        out.push(separator);
        separator = ',';
        out.push_str(name);
        out.push_str("=\"");
        number::write(out, value);
        out.push('"');
    }
    if separator == ',' {
        out.push('}');
    }
}

/// Appends `text` with `\`, LF and, in label values, `"` escaped.
fn write_escaped(out: &mut String, text: &str, quotes: bool) {
    let mut rest = text;
    while let Some(at) = rest.find(|c| c == '\\' || c == '\n' || (quotes && c == '"')) {
        let (plain, special) = rest.split_at(at);
        out.push_str(plain);
        let mut chars = special.chars();
        match chars.next() {
            Some('\n') => out.push_str("\\n"),
            Some(c) => {
                out.push('\\');
                out.push(c);
            }
            None => {}
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
}
