//! OpenMetrics 1.0.0: <https://prometheus.io/docs/specs/om/open_metrics_spec/>.
//!
//! A counter whose name does not end in `_total` is written as `unknown`, which is all that OpenMetrics has for it: its
//! exemplar and created timestamp are left out.

use std::fmt::Write;

use super::text::{comment, escaped, series};
use super::{Head, SampleRef};
use crate::family::{Count, Exemplar, Histogram, Kind, Moment, Summary, Value};
use crate::number;

pub(super) fn begin(out: &mut impl Write, head: &Head<'_>) {
    let (name, kind) = named(head);
    if !head.help.is_empty() {
        comment(out, "HELP", name);
        escaped(out, head.help, true);
        let _ = out.write_char('\n');
    }
    comment(out, "TYPE", name);
    let _ = out.write_str(match kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Summary => "summary",
        Kind::Histogram => "histogram",
        Kind::GaugeHistogram => "gaugehistogram",
        Kind::Untyped => "unknown",
    });
    let _ = out.write_char('\n');
}

/// The name of the family, without the `_total` of its samples, and what it is here.
fn named<'a>(head: &Head<'a>) -> (&'a str, Kind) {
    match head.kind {
        Kind::Counter => match head.name.strip_suffix("_total") {
            Some(name) => (name, Kind::Counter),
            None => (head.name, Kind::Untyped),
        },
        kind => (head.name, kind),
    }
}

pub(super) fn sample<'a, L>(out: &mut impl Write, head: &Head<'_>, sample: &SampleRef<'a, L>)
where
    L: Iterator<Item = (&'a str, &'a str)> + Clone,
{
    let (name, kind) = named(head);
    let mut line = |suffix: &str, own: Option<(&str, f64)>, number: Number, exemplar: Option<&Exemplar>| {
        series(out, name, suffix, sample.labels.clone(), own, float);
        let _ = out.write_char(' ');
        number.write(out);
        // A created timestamp is not from one point in time.
        if let Some(timestamp) = sample.timestamp.filter(|_| suffix != "_created") {
            let _ = out.write_char(' ');
            decimal(out, timestamp.into(), 3);
        }
        if let Some(exemplar) = exemplar {
            write_exemplar(out, exemplar);
        }
        let _ = out.write_char('\n');
    };
    let extra = sample.extra.filter(|_| !matches!(kind, Kind::Gauge | Kind::Untyped));
    match sample.value {
        Value::Number(value) => {
            let suffix = if kind == Kind::Counter { "_total" } else { "" };
            line(suffix, None, Number::Float(*value), extra.and_then(|extra| extra.exemplar.as_ref()));
        }
        Value::Summary(summary) => {
            let Summary { quantiles, sum, count } = &**summary;
            for quantile in quantiles {
                line("", Some(("quantile", quantile.quantile)), Number::Float(quantile.value), None);
            }
            line("_sum", None, Number::Float(*sum), None);
            line("_count", None, Number::Whole(*count), None);
        }
        Value::Histogram(histogram) => {
            let Histogram { buckets, sum, count, .. } = &**histogram;
            for bucket in buckets {
                let own = Some(("le", bucket.upper_bound));
                line("_bucket", own, bucket.cumulative_count.into(), bucket.exemplar.as_deref());
            }
            if !buckets.iter().any(|bucket| bucket.upper_bound == f64::INFINITY) {
                line("_bucket", Some(("le", f64::INFINITY)), (*count).into(), None);
            }
            let (sum_suffix, count_suffix) = match kind {
                Kind::GaugeHistogram => ("_gsum", "_gcount"),
                _ => ("_sum", "_count"),
            };
            line(sum_suffix, None, Number::Float(*sum), None);
            line(count_suffix, None, (*count).into(), None);
        }
    }
    if let Some(created) = extra.and_then(|extra| extra.created).filter(|_| kind != Kind::GaugeHistogram) {
        line("_created", None, Number::Moment(created), None);
    }
}

#[derive(Clone, Copy)]
enum Number {
    Float(f64),
    Whole(u64),
    Moment(Moment),
}

impl From<Count> for Number {
    fn from(count: Count) -> Self {
        match count {
            Count::Whole(count) => Number::Whole(count),
            Count::Float(count) => Number::Float(count),
        }
    }
}

impl Number {
    fn write(self, out: &mut impl Write) {
        match self {
            Number::Float(value) => float(out, value),
            Number::Whole(value) => {
                let _ = write!(out, "{value}");
            }
            Number::Moment(moment) => decimal(out, nanoseconds(moment), 9),
        }
    }
}

/// A floating point number, which is never written as a whole one.
fn float<W: Write>(out: &mut W, value: f64) {
    number::write(out, value);
    if value.fract() == 0.0 && value.abs() < 1e6 {
        let _ = out.write_str(".0");
    }
}

fn write_exemplar(out: &mut impl Write, exemplar: &Exemplar) {
    let _ = out.write_str(" # ");
    if exemplar.labels.is_empty() {
        let _ = out.write_str("{}");
    }
    let labels = exemplar.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    super::text::label_set(out, labels);
    let _ = out.write_char(' ');
    float(out, exemplar.value);
    if let Some(moment) = exemplar.timestamp {
        let _ = out.write_char(' ');
        decimal(out, nanoseconds(moment), 9);
    }
}

fn nanoseconds(moment: Moment) -> i128 {
    i128::from(moment.seconds) * 1_000_000_000 + i128::from(moment.nanos)
}

/// Appends `value` / 10^`places` with all its places, so that nothing is rounded.
fn decimal(out: &mut impl Write, value: i128, places: u32) {
    let unit = 10u128.pow(places);
    let (whole, part) = (value.unsigned_abs() / unit, value.unsigned_abs() % unit);
    let sign = if value < 0 { "-" } else { "" };
    let _ = write!(out, "{sign}{whole}.{part:0width$}", width = places as usize);
}
