//! The text format 0.0.4, and the names and labels that OpenMetrics writes alike.
//!
//! Writing into memory cannot fail, so the outcomes of [`Write`] are not looked at.

use std::fmt::Write;

use crate::family::{Count, Histogram, Kind, Summary, Value};
use crate::names::{is_label_name, is_metric_name};
use crate::number;

/// Appends the lines `# HELP` (when there is one) and `# TYPE`.
pub(crate) fn begin(out: &mut impl Write, name: &str, help: &str, kind: Kind) {
    if !help.is_empty() {
        comment(out, "HELP", name);
        escaped(out, help, false);
        let _ = out.write_char('\n');
    }
    comment(out, "TYPE", name);
    let _ = out.write_str(kind.as_str());
    let _ = out.write_char('\n');
}

/// The start of a comment, up to what it says about `name`.
pub(super) fn comment(out: &mut impl Write, keyword: &str, name: &str) {
    let _ = out.write_str("# ");
    let _ = out.write_str(keyword);
    let _ = out.write_char(' ');
    if is_metric_name(name) {
        let _ = out.write_str(name);
    } else {
        quoted(out, name, "");
    }
    let _ = out.write_char(' ');
}

/// Appends the line of one sample, or the lines when it is a summary or histogram.
pub(crate) fn sample<'a>(
    out: &mut impl Write,
    name: &str,
    labels: &(impl Iterator<Item = (&'a str, &'a str)> + Clone),
    value: &Value,
    timestamp: Option<i64>,
) {
    let mut line = |suffix: &str, own: Option<(&str, f64)>, number: Count| {
        series(out, name, suffix, labels.clone(), own, bound);
        let _ = out.write_char(' ');
        bound(out, number.as_f64());
        if let Some(timestamp) = timestamp {
            let _ = write!(out, " {timestamp}");
        }
        let _ = out.write_char('\n');
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

/// A number as the text format shows it: as Go does, but without the sign of 0.
fn bound<W: Write>(out: &mut W, value: f64) {
    number::write(out, if value == 0.0 { 0.0 } else { value });
}

/// Appends the name and labels of a line; `own` is the label that a summary or histogram adds, its number written by
/// `write`. A name of other than the classic form stands in quotes inside of the braces.
pub(super) fn series<'a, W: Write>(
    out: &mut W,
    name: &str,
    suffix: &str,
    labels: impl Iterator<Item = (&'a str, &'a str)>,
    own: Option<(&str, f64)>,
    write: fn(&mut W, f64),
) {
    let mut separator = '{';
    if is_metric_name(name) {
        let _ = out.write_str(name);
        let _ = out.write_str(suffix);
    } else {
        let _ = out.write_char(separator);
        quoted(out, name, suffix);
        separator = ',';
    }
    separator = write_labels(out, labels, separator);
    if let Some((name, value)) = own {
        let _ = out.write_char(separator);
        separator = ',';
        let _ = out.write_str(name);
        let _ = out.write_str("=\"");
        write(out, value);
        let _ = out.write_char('"');
    }
    if separator == ',' {
        let _ = out.write_char('}');
    }
}

/// Appends labels in braces, nothing when there are none.
pub(super) fn label_set<'a>(out: &mut impl Write, labels: impl Iterator<Item = (&'a str, &'a str)>) {
    if write_labels(out, labels, '{') == ',' {
        let _ = out.write_char('}');
    }
}

/// Appends `separator` and a label for each, and returns what has to stand before the next.
fn write_labels<'a>(
    out: &mut impl Write,
    labels: impl Iterator<Item = (&'a str, &'a str)>,
    mut separator: char,
) -> char {
    for (name, value) in labels {
        let _ = out.write_char(separator);
        separator = ',';
        if is_label_name(name) {
            let _ = out.write_str(name);
        } else {
            quoted(out, name, "");
        }
        let _ = out.write_str("=\"");
        escaped(out, value, true);
        let _ = out.write_char('"');
    }
    separator
}

fn quoted(out: &mut impl Write, name: &str, suffix: &str) {
    let _ = out.write_char('"');
    escaped(out, name, true);
    let _ = out.write_str(suffix);
    let _ = out.write_char('"');
}

/// Appends `text` with `\`, LF and, where it stands in them, `"` escaped.
pub(super) fn escaped(out: &mut impl Write, text: &str, quotes: bool) {
    let mut rest = text;
    let is_special = |byte: u8| byte == b'\\' || byte == b'\n' || (quotes && byte == b'"');
    // All of them are ASCII, so that the text may be split at their bytes.
    while let Some((plain, special)) =
        rest.bytes().position(is_special).and_then(|at| rest.split_at_checked(at))
    {
        let _ = out.write_str(plain);
        let mut chars = special.chars();
        let _ = match chars.next() {
            Some('\n') => out.write_str("\\n"),
            Some('"') => out.write_str("\\\""),
            _ => out.write_str("\\\\"),
        };
        rest = chars.as_str();
    }
    let _ = out.write_str(rest);
}
