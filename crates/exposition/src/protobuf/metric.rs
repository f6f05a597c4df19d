//! One `Metric` message, as it is written: whatever values it has, before the type of its family says which counts.
//!
//! A message in a field that is given twice is merged with the first, as protobuf prescribes.

use super::read::{Budget, lossy};
use super::{ProtobufError, field, wire};
use crate::family::{
    Bucket, Count, Exemplar, Extra, Histogram, Kind, Moment, Native, NativeBuckets, Quantile, Span, Summary,
    Value,
};
use wire::{Content, each_float, each_number, fields, signed};

type Outcome = Result<(), ProtobufError>;

#[derive(Default)]
pub(super) struct Metric<'a> {
    pub(super) labels: Vec<(&'a [u8], &'a [u8])>,
    pub(super) timestamp: Option<i64>,
    pub(super) values: Values,
}

#[derive(Default)]
pub(super) struct Values {
    gauge: Option<f64>,
    untyped: Option<f64>,
    counter: Option<(f64, Extra)>,
    summary: Option<(Box<Summary>, Extra)>,
    histogram: Option<(Box<Draft>, Extra)>,
}

/// A histogram whose counts are not yet known to be whole.
#[derive(Default)]
struct Draft {
    histogram: Histogram,
    count: (Option<u64>, Option<f64>),
    native: Option<Box<Native>>,
    zero_count: (Option<u64>, Option<f64>),
}

impl<'a> Metric<'a> {
    pub(super) fn read(message: &'a [u8], budget: &mut Budget) -> Result<Self, ProtobufError> {
        let mut metric = Metric::default();
        let values = &mut metric.values;
        for field in fields(message) {
            match field? {
                (field::metric::TIMESTAMP_MS, Content::Number(number)) => {
                    metric.timestamp = Some(number.cast_signed());
                }
                (field::metric::LABEL, Content::Bytes(message)) => {
                    budget.spend()?;
                    metric.labels.push(label(message)?);
                }
                (field::metric::GAUGE, Content::Bytes(message)) => {
                    number(message, values.gauge.get_or_insert_default())?;
                }
                (field::metric::UNTYPED, Content::Bytes(message)) => {
                    number(message, values.untyped.get_or_insert_default())?;
                }
                (field::metric::COUNTER, Content::Bytes(message)) => {
                    counter(message, values.counter.get_or_insert_default(), budget)?;
                }
                (field::metric::SUMMARY, Content::Bytes(message)) => {
                    summary(message, values.summary.get_or_insert_default(), budget)?;
                }
                (field::metric::HISTOGRAM, Content::Bytes(message)) => {
                    histogram(message, values.histogram.get_or_insert_default(), budget)?;
                }
                _ => {}
            }
        }
        Ok(metric)
    }
}

impl Values {
    /// The value for a family of `kind`, when there is one, and what else is said about it.
    pub(super) fn of(self, kind: Kind) -> (Option<Value>, Option<Extra>) {
        let (value, extra) = match kind {
            Kind::Gauge => (self.gauge.map(Value::Number), None),
            Kind::Untyped => (self.untyped.map(Value::Number), None),
            Kind::Counter => self.counter.map(|(number, extra)| (Value::Number(number), extra)).unzip(),
            Kind::Summary => self.summary.map(|(summary, extra)| (Value::Summary(summary), extra)).unzip(),
            Kind::Histogram | Kind::GaugeHistogram => {
                let histogram = self.histogram;
                histogram.map(|(draft, extra)| (Value::Histogram(Box::new(draft.finish())), extra)).unzip()
            }
        };
        (value, extra.filter(|extra| *extra != Extra::default()))
    }
}

impl Draft {
    fn finish(self) -> Histogram {
        let native = self.native.map(|native| Native { zero_count: count(self.zero_count), ..*native });
        Histogram { count: count(self.count), native, ..self.histogram }
    }
}

/// The floating point number counts when it is above 0, or the only one.
fn count((whole, float): (Option<u64>, Option<f64>)) -> Count {
    match (whole, float) {
        (None, Some(float)) => Count::Float(float),
        (Some(_), Some(float)) if float > 0.0 => Count::Float(float),
        (whole, _) => Count::Whole(whole.unwrap_or_default()),
    }
}

fn label(message: &[u8]) -> Result<(&[u8], &[u8]), ProtobufError> {
    let (mut name, mut value) = (&b""[..], &b""[..]);
    for field in fields(message) {
        match field? {
            (field::label::NAME, Content::Bytes(bytes)) => name = bytes,
            (field::label::VALUE, Content::Bytes(bytes)) => value = bytes,
            _ => {}
        }
    }
    Ok((name, value))
}

fn number(message: &[u8], value: &mut f64) -> Outcome {
    for field in fields(message) {
        if let (field::number::VALUE, Content::Bits(bits)) = field? {
            *value = f64::from_bits(bits);
        }
    }
    Ok(())
}

fn counter(message: &[u8], (value, extra): &mut (f64, Extra), budget: &mut Budget) -> Outcome {
    for field in fields(message) {
        match field? {
            (field::number::VALUE, Content::Bits(bits)) => *value = f64::from_bits(bits),
            (field::number::EXEMPLAR, Content::Bytes(message)) => {
                exemplar(message, extra.exemplar.get_or_insert_with(no_exemplar), budget)?;
            }
            (field::number::CREATED, Content::Bytes(message)) => {
                moment(message, extra.created.get_or_insert_default())?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn summary(message: &[u8], (summary, extra): &mut (Box<Summary>, Extra), budget: &mut Budget) -> Outcome {
    for field in fields(message) {
        match field? {
            (field::summary::COUNT, Content::Number(number)) => summary.count = number,
            (field::summary::SUM, Content::Bits(bits)) => summary.sum = f64::from_bits(bits),
            (field::summary::QUANTILE, Content::Bytes(message)) => {
                budget.spend()?;
                let mut quantile = Quantile { quantile: 0.0, value: 0.0 };
                for field in fields(message) {
                    match field? {
                        (field::quantile::QUANTILE, Content::Bits(bits)) => {
                            quantile.quantile = f64::from_bits(bits);
                        }
                        (field::quantile::VALUE, Content::Bits(bits)) => {
                            quantile.value = f64::from_bits(bits);
                        }
                        _ => {}
                    }
                }
                summary.quantiles.push(quantile);
            }
            (field::summary::CREATED, Content::Bytes(message)) => {
                moment(message, extra.created.get_or_insert_default())?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn histogram(message: &[u8], (draft, extra): &mut (Box<Draft>, Extra), budget: &mut Budget) -> Outcome {
    use field::histogram as at;
    let Draft { histogram, count, native, zero_count } = &mut **draft;
    for field in fields(message) {
        let (number, content) = field?;
        match (number, content) {
            (at::COUNT, Content::Number(number)) => count.0 = Some(number),
            (at::COUNT_FLOAT, Content::Bits(bits)) => count.1 = Some(f64::from_bits(bits)),
            (at::SUM, Content::Bits(bits)) => histogram.sum = f64::from_bits(bits),
            (at::BUCKET, Content::Bytes(message)) => {
                budget.spend()?;
                histogram.buckets.push(bucket(message, budget)?);
            }
            (at::CREATED, Content::Bytes(message)) => {
                moment(message, extra.created.get_or_insert_default())?;
            }
            (at::SCHEMA..=at::POSITIVE_COUNT | at::EXEMPLAR, content) => {
                let native = native.get_or_insert_default();
                match (number, content) {
                    (at::SCHEMA, Content::Number(number)) => native.schema = signed(number) as i32,
                    (at::ZERO_THRESHOLD, Content::Bits(bits)) => {
                        native.zero_threshold = f64::from_bits(bits);
                    }
                    (at::ZERO_COUNT, Content::Number(number)) => zero_count.0 = Some(number),
                    (at::ZERO_COUNT_FLOAT, Content::Bits(bits)) => zero_count.1 = Some(f64::from_bits(bits)),
                    (at::EXEMPLAR, Content::Bytes(message)) => {
                        budget.spend()?;
                        let mut read = no_exemplar();
                        exemplar(message, &mut read, budget)?;
                        native.exemplars.push(read);
                    }
                    (at::NEGATIVE_SPAN..=at::NEGATIVE_COUNT, content) => {
                        native_buckets(&mut native.negative, number - at::NEGATIVE_SPAN, content, budget)?;
                    }
                    (at::POSITIVE_SPAN..=at::POSITIVE_COUNT, content) => {
                        native_buckets(&mut native.positive, number - at::POSITIVE_SPAN, content, budget)?;
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// `part`: 0 a span, 1 a delta, 2 a count; both sides of a histogram have them in this order.
fn native_buckets(side: &mut NativeBuckets, part: u32, content: Content<'_>, budget: &mut Budget) -> Outcome {
    match (part, content) {
        (0, Content::Bytes(message)) => {
            budget.spend()?;
            let mut span = Span::default();
            for field in fields(message) {
                match field? {
                    (field::span::OFFSET, Content::Number(number)) => span.offset = signed(number) as i32,
                    (field::span::LENGTH, Content::Number(number)) => span.length = number as u32,
                    _ => {}
                }
            }
            side.spans.push(span);
            Ok(())
        }
        (1, content) => each_number(content, |number| {
            side.deltas.push(signed(number));
            budget.spend()
        }),
        (2, content) => each_float(content, |number| {
            side.counts.push(number);
            budget.spend()
        }),
        _ => Ok(()),
    }
}

fn bucket(message: &[u8], budget: &mut Budget) -> Result<Bucket, ProtobufError> {
    let mut bucket = Bucket { upper_bound: 0.0, cumulative_count: Count::default(), exemplar: None };
    let mut counts = (None, None);
    for field in fields(message) {
        match field? {
            (field::bucket::CUMULATIVE_COUNT, Content::Number(number)) => counts.0 = Some(number),
            (field::bucket::CUMULATIVE_COUNT_FLOAT, Content::Bits(bits)) => {
                counts.1 = Some(f64::from_bits(bits));
            }
            (field::bucket::UPPER_BOUND, Content::Bits(bits)) => bucket.upper_bound = f64::from_bits(bits),
            (field::bucket::EXEMPLAR, Content::Bytes(message)) => {
                let read = bucket.exemplar.get_or_insert_with(|| Box::new(no_exemplar()));
                exemplar(message, read, budget)?;
            }
            _ => {}
        }
    }
    bucket.cumulative_count = count(counts);
    Ok(bucket)
}

fn no_exemplar() -> Exemplar {
    Exemplar { labels: Default::default(), value: 0.0, timestamp: None }
}

fn exemplar(message: &[u8], exemplar: &mut Exemplar, budget: &mut Budget) -> Outcome {
    for field in fields(message) {
        match field? {
            (field::exemplar::LABEL, Content::Bytes(message)) => {
                budget.spend()?;
                let (name, value) = label(message)?;
                exemplar.labels.insert(lossy(name), lossy(value));
            }
            (field::exemplar::VALUE, Content::Bits(bits)) => exemplar.value = f64::from_bits(bits),
            (field::exemplar::TIMESTAMP, Content::Bytes(message)) => {
                moment(message, exemplar.timestamp.get_or_insert_default())?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn moment(message: &[u8], moment: &mut Moment) -> Outcome {
    for field in fields(message) {
        match field? {
            (field::moment::SECONDS, Content::Number(number)) => moment.seconds = number.cast_signed(),
            (field::moment::NANOS, Content::Number(number)) => moment.nanos = number as i32,
            _ => {}
        }
    }
    Ok(())
}
