//! Samples → `Metric` messages inside of a `MetricFamily`, which needs its length in front.

use super::field;
use super::sink::{Length, Message, Sink};
use crate::family::{
    Bucket, Count, Exemplar, Extra, Histogram, Kind, Labels, Moment, NativeBuckets, Quantile, Span, Summary,
    Value,
};
use crate::format::{Head, SampleRef};

/// Appends the length of the family and its fields in front of the samples.
pub(crate) fn begin(out: &mut Vec<u8>, head: &Head<'_>, length_of_samples: usize) {
    let length = head.len() + length_of_samples;
    out.varint(length as u64);
    head.put(out);
}

/// The bytes that [`sample`] appends.
pub(crate) fn sample_len<'a, L>(kind: Kind, sample: &SampleRef<'a, L>) -> usize
where
    L: Iterator<Item = (&'a str, &'a str)> + Clone,
{
    let mut length = Length(0);
    length.message(field::family::METRIC, &Metric { kind, sample });
    length.0
}

/// Appends one sample of a family that has begun.
pub(crate) fn sample<'a, L>(out: &mut Vec<u8>, kind: Kind, sample: &SampleRef<'a, L>)
where
    L: Iterator<Item = (&'a str, &'a str)> + Clone,
{
    out.message(field::family::METRIC, &Metric { kind, sample });
}

impl Message for Head<'_> {
    fn put(&self, out: &mut impl Sink) {
        out.bytes(field::family::NAME, self.name.as_bytes());
        if !self.help.is_empty() {
            out.bytes(field::family::HELP, self.help.as_bytes());
        }
        let kind = match self.kind {
            Kind::Counter => 0,
            Kind::Gauge => 1,
            Kind::Summary => 2,
            Kind::Untyped => 3,
            Kind::Histogram => 4,
            Kind::GaugeHistogram => 5,
        };
        out.number(field::family::TYPE, kind);
    }
}

struct Metric<'s, 'a, L> {
    kind: Kind,
    sample: &'s SampleRef<'a, L>,
}

impl<'a, L: Iterator<Item = (&'a str, &'a str)> + Clone> Message for Metric<'_, 'a, L> {
    fn put(&self, out: &mut impl Sink) {
        let SampleRef { labels, value, extra, timestamp } = self.sample;
        for label in labels.clone() {
            out.message(field::metric::LABEL, &Label(label));
        }
        let extra = *extra;
        let created = extra.and_then(|extra| extra.created);
        match value {
            Value::Number(value) => {
                let field = match self.kind {
                    Kind::Counter => field::metric::COUNTER,
                    Kind::Gauge => field::metric::GAUGE,
                    _ => field::metric::UNTYPED,
                };
                let extra = extra.filter(|_| self.kind == Kind::Counter);
                out.message(field, &Number { value: *value, extra });
            }
            Value::Summary(summary) => {
                out.message(field::metric::SUMMARY, &WithCreated { value: &**summary, created });
            }
            Value::Histogram(histogram) => {
                out.message(field::metric::HISTOGRAM, &WithCreated { value: &**histogram, created });
            }
        }
        if let Some(timestamp) = timestamp {
            out.number(field::metric::TIMESTAMP_MS, timestamp.cast_unsigned());
        }
    }
}

struct Label<'a>((&'a str, &'a str));

impl Message for Label<'_> {
    fn put(&self, out: &mut impl Sink) {
        let (name, value) = self.0;
        out.bytes(field::label::NAME, name.as_bytes());
        out.bytes(field::label::VALUE, value.as_bytes());
    }
}

struct Number<'a> {
    value: f64,
    extra: Option<&'a Extra>,
}

impl Message for Number<'_> {
    fn put(&self, out: &mut impl Sink) {
        out.float(field::number::VALUE, self.value);
        if let Some(Extra { created, exemplar }) = self.extra {
            if let Some(exemplar) = exemplar {
                out.message(field::number::EXEMPLAR, exemplar);
            }
            if let Some(created) = created {
                out.message(field::number::CREATED, created);
            }
        }
    }
}

struct WithCreated<'a, V> {
    value: &'a V,
    created: Option<Moment>,
}

impl Message for WithCreated<'_, Summary> {
    fn put(&self, out: &mut impl Sink) {
        let Summary { quantiles, sum, count } = self.value;
        out.number(field::summary::COUNT, *count);
        out.float(field::summary::SUM, *sum);
        for quantile in quantiles {
            out.message(field::summary::QUANTILE, quantile);
        }
        if let Some(created) = &self.created {
            out.message(field::summary::CREATED, created);
        }
    }
}

impl Message for Quantile {
    fn put(&self, out: &mut impl Sink) {
        out.float(field::quantile::QUANTILE, self.quantile);
        out.float(field::quantile::VALUE, self.value);
    }
}

impl Message for WithCreated<'_, Histogram> {
    fn put(&self, out: &mut impl Sink) {
        use field::histogram as at;
        let Histogram { buckets, sum, count, native } = self.value;
        put_count(out, at::COUNT, at::COUNT_FLOAT, *count);
        out.float(at::SUM, *sum);
        for bucket in buckets {
            out.message(at::BUCKET, bucket);
        }
        if let Some(native) = native {
            out.signed(at::SCHEMA, native.schema.into());
            out.float(at::ZERO_THRESHOLD, native.zero_threshold);
            put_count(out, at::ZERO_COUNT, at::ZERO_COUNT_FLOAT, native.zero_count);
            put_side(out, at::NEGATIVE_SPAN, &native.negative);
            put_side(out, at::POSITIVE_SPAN, &native.positive);
        }
        if let Some(created) = &self.created {
            out.message(at::CREATED, created);
        }
        for exemplar in native.iter().flat_map(|native| &native.exemplars) {
            out.message(at::EXEMPLAR, exemplar);
        }
    }
}

/// Spans, deltas and counts, whose fields follow each other.
fn put_side(out: &mut impl Sink, spans: u32, side: &NativeBuckets) {
    for span in &side.spans {
        out.message(spans, span);
    }
    for delta in &side.deltas {
        out.signed(spans + 1, *delta);
    }
    for count in &side.counts {
        out.float(spans + 2, *count);
    }
}

fn put_count(out: &mut impl Sink, whole: u32, float: u32, count: Count) {
    match count {
        Count::Whole(count) => out.number(whole, count),
        Count::Float(count) => out.float(float, count),
    }
}

impl Message for Bucket {
    fn put(&self, out: &mut impl Sink) {
        use field::bucket as at;
        put_count(out, at::CUMULATIVE_COUNT, at::CUMULATIVE_COUNT_FLOAT, self.cumulative_count);
        out.float(at::UPPER_BOUND, self.upper_bound);
        if let Some(exemplar) = &self.exemplar {
            out.message(at::EXEMPLAR, &**exemplar);
        }
    }
}

impl Message for Span {
    fn put(&self, out: &mut impl Sink) {
        out.signed(field::span::OFFSET, self.offset.into());
        out.number(field::span::LENGTH, self.length.into());
    }
}

impl Message for Exemplar {
    fn put(&self, out: &mut impl Sink) {
        put_labels(out, &self.labels);
        out.float(field::exemplar::VALUE, self.value);
        if let Some(timestamp) = &self.timestamp {
            out.message(field::exemplar::TIMESTAMP, timestamp);
        }
    }
}

fn put_labels(out: &mut impl Sink, labels: &Labels) {
    for (name, value) in labels {
        out.message(field::exemplar::LABEL, &Label((name, value)));
    }
}

impl Message for Moment {
    fn put(&self, out: &mut impl Sink) {
        out.number(field::moment::SECONDS, self.seconds.cast_unsigned());
        // A negative number of 32 bits is written as one of 64.
        out.number(field::moment::NANOS, i64::from(self.nanos).cast_unsigned());
    }
}
