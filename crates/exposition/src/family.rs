//! Counter, gauge, summary, histogram, untyped, as plain values.

use std::collections::BTreeMap;

/// The labels of one sample, name → value, sorted by name.
pub type Labels = BTreeMap<String, String>;

/// What a family measures: the word behind `# TYPE`.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
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

    /// Whether samples of this kind hold values such as `value`.
    #[must_use]
    pub fn accepts(self, value: &Value) -> bool {
        match value {
            Value::Number(_) => matches!(self, Kind::Counter | Kind::Gauge | Kind::Untyped),
            Value::Summary { .. } => self == Kind::Summary,
            Value::Histogram { .. } => matches!(self, Kind::Histogram | Kind::GaugeHistogram),
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
}

/// The value of one sample.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Of a counter, gauge or untyped family.
    Number(f64),
    /// Of a summary.
    Summary {
        /// The quantiles, as given.
        quantiles: Vec<Quantile>,
        /// Sum of all observations, in the unit of the family.
        sum: f64,
        /// Number of observations.
        count: u64,
    },
    /// Of a histogram.
    Histogram {
        /// The buckets, as given; when none has the bound `+Inf`, it is written with `count`.
        buckets: Vec<Bucket>,
        /// Sum of all observations, in the unit of the family.
        sum: f64,
        /// Number of observations; not whole in a float histogram.
        count: f64,
    },
}

/// One quantile of a summary.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantile {
    /// Which one, 0 to 1.
    pub quantile: f64,
    /// The value at it.
    pub value: f64,
}

/// One bucket of a histogram.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// Its upper bound, inclusive: the label `le`.
    pub upper_bound: f64,
    /// Observations up to the bound, those of lower buckets included; not whole in a float histogram.
    pub cumulative_count: f64,
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
        Self { labels, value, timestamp: None }
    }
}
