//! Counter, gauge, summary, histogram, untyped, as plain values.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The labels of one sample, name → value, sorted by name.
pub type Labels = BTreeMap<String, String>;

/// What a family measures: the word behind `# TYPE`.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub enum Kind {
    /// A number that only grows, until its process starts anew.
    Counter,
    /// A number that goes up and down.
    Gauge,
    /// Quantiles computed where they were measured, with sum and count.
    Summary,
    /// Cumulative buckets, with sum and count.
    Histogram,
    /// A histogram whose counts may fall. The text format has no word for it: it is written as `histogram`.
    GaugeHistogram,
    /// A number nobody said anything about.
    #[default]
    Untyped,
}

impl Kind {
    /// The word behind `# TYPE`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Summary => "summary",
            Kind::Histogram | Kind::GaugeHistogram => "histogram",
            Kind::Untyped => "untyped",
        }
    }

    /// The name of the type in protobuf, which is also how messages and the gateway's API call it.
    #[must_use]
    pub fn as_protobuf(self) -> &'static str {
        match self {
            Kind::Counter => "COUNTER",
            Kind::Gauge => "GAUGE",
            Kind::Summary => "SUMMARY",
            Kind::Untyped => "UNTYPED",
            Kind::Histogram => "HISTOGRAM",
            Kind::GaugeHistogram => "GAUGE_HISTOGRAM",
        }
    }

    /// Whether samples of this kind hold values such as `value`.
    #[must_use]
    pub fn accepts(self, value: &Value) -> bool {
        match value {
            Value::Number(_) => matches!(self, Kind::Counter | Kind::Gauge | Kind::Untyped),
            Value::Summary(_) => self == Kind::Summary,
            Value::Histogram(_) => matches!(self, Kind::Histogram | Kind::GaugeHistogram),
        }
    }
}

/// All samples of one name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Family {
    /// The name, as [`crate::names::is_metric_name`] allows it. Of a histogram the base: `x`, not `x_bucket`.
    pub name: String,
    /// What it says, for people; may be empty.
    pub help: String,
    /// What it measures.
    pub kind: Kind,
    /// The samples, in no particular order.
    pub samples: Vec<Sample>,
}

/// One measured value.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// What tells it from the other samples of its family. Without `le` and `quantile`: these are in the value.
    pub labels: Labels,
    /// What was measured.
    pub value: Value,
    /// When, in milliseconds since 1970; `None` (the default) means: when it is scraped.
    pub timestamp: Option<i64>,
    /// What only some formats can say about it; boxed, since few samples have it.
    pub extra: Option<Box<Extra>>,
}

/// What the text format 0.0.4 has no words for. Never empty: a sample without any of it has no `Extra`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Extra {
    /// Since when a counter, summary or histogram counts.
    pub created: Option<Moment>,
    /// Of a counter: one observation as an example.
    pub exemplar: Option<Exemplar>,
}

/// A point in time, as protobuf writes it.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Moment {
    /// Seconds since 1970, before it negative.
    pub seconds: i64,
    /// Nanoseconds that are added; 0 to 999,999,999 in a well-formed one.
    pub nanos: i32,
}

/// One observation behind a counter or bucket, with a reference to where it came from.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Exemplar {
    /// The reference, usually a `trace_id`.
    pub labels: Labels,
    /// What was observed.
    pub value: f64,
    /// When.
    pub timestamp: Option<Moment>,
}

/// The value of one sample.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub enum Value {
    /// Of a counter, gauge or untyped family.
    Number(f64),
    /// Of a summary.
    Summary(Box<Summary>),
    /// Of a histogram.
    Histogram(Box<Histogram>),
}

/// Quantiles with sum and count.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Summary {
    /// The quantiles, as given.
    pub quantiles: Vec<Quantile>,
    /// Sum of all observations, in the unit of the family.
    pub sum: f64,
    /// Number of observations.
    pub count: u64,
}

/// Buckets with sum and count: classic, native, or both beside each other.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Histogram {
    /// The classic buckets, as given; when none has the bound `+Inf`, it is written with `count`.
    pub buckets: Vec<Bucket>,
    /// Sum of all observations, in the unit of the family.
    pub sum: f64,
    /// Number of observations.
    pub count: Count,
    /// The exponential buckets, when it is a native histogram. The text format cannot show them.
    pub native: Option<Native>,
}

/// A number of observations.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub enum Count {
    /// As counted.
    Whole(u64),
    /// In a float histogram: the outcome of a calculation, so not always whole.
    Float(f64),
}

/// One quantile of a summary.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Quantile {
    /// Which one, 0 to 1.
    pub quantile: f64,
    /// The value at it.
    pub value: f64,
}

/// One classic bucket of a histogram.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Bucket {
    /// Its upper bound, inclusive: the label `le`.
    pub upper_bound: f64,
    /// Observations up to the bound, those of lower buckets included.
    pub cumulative_count: Count,
    /// One of them as an example.
    pub exemplar: Option<Box<Exemplar>>,
}

/// The exponential buckets of a native histogram, as `io.prometheus.client.Histogram` has them.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Native {
    /// Resolution: bucket bounds grow by the factor `2^(2^-schema)`; -4 to 8.
    pub schema: i32,
    /// Observations of at most this size are in the zero bucket.
    pub zero_threshold: f64,
    /// Observations in the zero bucket.
    pub zero_count: Count,
    /// Buckets of negative observations.
    pub negative: NativeBuckets,
    /// Buckets of positive observations.
    pub positive: NativeBuckets,
    /// Observations as examples.
    pub exemplars: Vec<Exemplar>,
}

/// One side of a native histogram. Either `deltas` (of whole counts) or `counts` (of a float histogram) has one entry
/// per bucket in `spans`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct NativeBuckets {
    /// Runs of buckets without a gap.
    pub spans: Vec<Span>,
    /// The count of each bucket as the difference to the one before; the first is the count itself.
    pub deltas: Vec<i64>,
    /// The count of each bucket.
    pub counts: Vec<f64>,
}

/// A run of native buckets.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Span {
    /// Buckets left out before it; of the first span, the index of its first bucket.
    pub offset: i32,
    /// How many buckets it has.
    pub length: u32,
}

impl Default for Count {
    fn default() -> Self {
        Count::Whole(0)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Value::Number(number)
    }
}

impl Count {
    /// The number, rounded when it is above 2^53.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        match self {
            Count::Whole(count) => count as f64,
            Count::Float(count) => count,
        }
    }
}

impl Family {
    /// A family without samples.
    #[must_use]
    pub fn new(name: impl Into<String>, help: impl Into<String>, kind: Kind) -> Self {
        Self { name: name.into(), help: help.into(), kind, samples: Vec::new() }
    }

    /// A gauge without samples; add them by [`Family::with`].
    #[must_use]
    pub fn gauge(name: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(name, help, Kind::Gauge)
    }

    /// A counter without samples; add them by [`Family::with`].
    #[must_use]
    pub fn counter(name: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(name, help, Kind::Counter)
    }

    /// The family and one more sample.
    #[must_use]
    pub fn with(
        mut self,
        labels: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>,
        value: f64,
    ) -> Self {
        self.samples.push(Sample::new(labels, Value::Number(value)));
        self
    }
}

impl Sample {
    /// A sample without timestamp.
    #[must_use]
    pub fn new(
        labels: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>,
        value: Value,
    ) -> Self {
        let labels = labels.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { labels, value, timestamp: None, extra: None }
    }
}
