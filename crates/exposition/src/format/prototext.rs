//! Protobuf messages as text for people, as `prototext` of Go shows them (whose white space is arbitrary by design).
//!
//! Format: <https://protobuf.dev/reference/protobuf/textformat-spec/>.

use std::fmt::Write;

use super::{Head, SampleRef};
use crate::family::{Count, Exemplar, Extra, Histogram, Kind, Labels, Moment, NativeBuckets, Summary, Value};
use crate::number;

/// How fields are set apart.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Layout {
    /// One to a line, indented.
    Lines,
    /// All in one line.
    Compact,
}

pub(super) fn begin(out: &mut impl Write, head: &Head<'_>, layout: Layout) {
    let mut text = Text { out, layout, depth: 0, is_first: true };
    text.string("name", head.name);
    if !head.help.is_empty() {
        text.string("help", head.help);
    }
    text.plain("type", head.kind.as_protobuf());
}

pub(super) fn sample<'a, L>(out: &mut impl Write, kind: Kind, sample: &SampleRef<'a, L>, layout: Layout)
where
    L: Iterator<Item = (&'a str, &'a str)> + Clone,
{
    let mut text = Text { out, layout, depth: 0, is_first: false };
    text.message("metric", |text| {
        for (name, value) in sample.labels.clone() {
            text.label(name, value);
        }
        let created = sample.extra.and_then(|extra| extra.created);
        match sample.value {
            Value::Number(value) => match (kind, sample.extra) {
                (Kind::Counter, extra) => text.message("counter", |text| text.counter(*value, extra)),
                (Kind::Gauge, _) => text.message("gauge", |text| text.float("value", *value)),
                _ => text.message("untyped", |text| text.float("value", *value)),
            },
            Value::Summary(summary) => text.message("summary", |text| text.summary(summary, created)),
            Value::Histogram(histogram) => {
                text.message("histogram", |text| text.histogram(histogram, created));
            }
        }
        if let Some(timestamp) = sample.timestamp {
            text.plain("timestamp_ms", timestamp);
        }
    });
}

struct Text<'o, W> {
    out: &'o mut W,
    layout: Layout,
    depth: usize,
    is_first: bool,
}

impl<W: Write> Text<'_, W> {
    fn field(&mut self, name: &str) {
        if self.layout == Layout::Compact {
            if !self.is_first {
                let _ = self.out.write_char(' ');
            }
        } else {
            self.indent();
        }
        self.is_first = false;
        let _ = self.out.write_str(name);
    }

    fn indent(&mut self) {
        for _ in 0..self.depth {
            let _ = self.out.write_str("  ");
        }
    }

    fn end_line(&mut self) {
        if self.layout == Layout::Lines {
            let _ = self.out.write_char('\n');
        }
    }

    fn colon(&mut self) {
        let _ = self.out.write_str(if self.layout == Layout::Lines { ": " } else { ":" });
    }

    fn plain(&mut self, name: &str, value: impl std::fmt::Display) {
        self.field(name);
        self.colon();
        let _ = write!(self.out, "{value}");
        self.end_line();
    }

    fn float(&mut self, name: &str, value: f64) {
        self.field(name);
        self.colon();
        if value.is_nan() {
            let _ = self.out.write_str("nan");
        } else if value.is_infinite() {
            let _ = self.out.write_str(if value > 0.0 { "inf" } else { "-inf" });
        } else {
            number::write(self.out, value);
        }
        self.end_line();
    }

    fn string(&mut self, name: &str, value: &str) {
        self.field(name);
        self.colon();
        let _ = self.out.write_char('"');
        for c in value.chars() {
            let _ = match c {
                '"' | '\\' => write!(self.out, "\\{c}"),
                '\n' => self.out.write_str("\\n"),
                '\r' => self.out.write_str("\\r"),
                '\t' => self.out.write_str("\\t"),
                '\0'..' ' | '\x7f' => write!(self.out, "\\x{:02x}", u32::from(c)),
                '\u{80}'..'\u{a0}' => write!(self.out, "\\u{:04x}", u32::from(c)),
                c => self.out.write_char(c),
            };
        }
        let _ = self.out.write_char('"');
        self.end_line();
    }

    fn message(&mut self, name: &str, fields: impl FnOnce(&mut Self)) {
        self.field(name);
        self.colon();
        let _ = self.out.write_char('{');
        self.end_line();
        self.is_first = true;
        self.depth += 1;
        fields(self);
        self.depth -= 1;
        self.is_first = false;
        if self.layout == Layout::Lines {
            self.indent();
        }
        let _ = self.out.write_char('}');
        self.end_line();
    }

    fn label(&mut self, name: &str, value: &str) {
        self.message("label", |text| {
            text.string("name", name);
            text.string("value", value);
        });
    }

    fn counter(&mut self, value: f64, extra: Option<&Extra>) {
        self.float("value", value);
        if let Some(exemplar) = extra.and_then(|extra| extra.exemplar.as_ref()) {
            self.exemplar("exemplar", exemplar);
        }
        self.moment("created_timestamp", extra.and_then(|extra| extra.created));
    }

    fn summary(&mut self, summary: &Summary, created: Option<Moment>) {
        self.plain("sample_count", summary.count);
        self.float("sample_sum", summary.sum);
        for quantile in &summary.quantiles {
            self.message("quantile", |text| {
                text.float("quantile", quantile.quantile);
                text.float("value", quantile.value);
            });
        }
        self.moment("created_timestamp", created);
    }

    fn histogram(&mut self, histogram: &Histogram, created: Option<Moment>) {
        self.count("sample_count", histogram.count);
        self.float("sample_sum", histogram.sum);
        for bucket in &histogram.buckets {
            self.message("bucket", |text| {
                text.count("cumulative_count", bucket.cumulative_count);
                text.float("upper_bound", bucket.upper_bound);
                if let Some(exemplar) = &bucket.exemplar {
                    text.exemplar("exemplar", exemplar);
                }
            });
        }
        self.moment("created_timestamp", created);
        let Some(native) = &histogram.native else { return };
        self.plain("schema", native.schema);
        self.float("zero_threshold", native.zero_threshold);
        self.count("zero_count", native.zero_count);
        self.side("negative", &native.negative);
        self.side("positive", &native.positive);
        for exemplar in &native.exemplars {
            self.exemplar("exemplars", exemplar);
        }
    }

    fn side(&mut self, side: &str, buckets: &NativeBuckets) {
        for span in &buckets.spans {
            self.message(&format!("{side}_span"), |text| {
                text.plain("offset", span.offset);
                text.plain("length", span.length);
            });
        }
        for delta in &buckets.deltas {
            self.plain(&format!("{side}_delta"), delta);
        }
        for count in &buckets.counts {
            self.float(&format!("{side}_count"), *count);
        }
    }

    fn count(&mut self, name: &str, count: Count) {
        match count {
            Count::Whole(count) => self.plain(name, count),
            Count::Float(count) => self.float(&format!("{name}_float"), count),
        }
    }

    fn exemplar(&mut self, name: &str, exemplar: &Exemplar) {
        self.message(name, |text| {
            text.labels(&exemplar.labels);
            text.float("value", exemplar.value);
            text.moment("timestamp", exemplar.timestamp);
        });
    }

    fn labels(&mut self, labels: &Labels) {
        for (name, value) in labels {
            self.label(name, value);
        }
    }

    fn moment(&mut self, name: &str, moment: Option<Moment>) {
        let Some(Moment { seconds, nanos }) = moment else { return };
        self.message(name, |text| {
            text.plain("seconds", seconds);
            text.plain("nanos", nanos);
        });
    }
}
