//! One group as a line of the persistence file.

use std::borrow::Cow;

use exposition::{
    Bucket, Count, Family, GroupingKey, Histogram, Kind, Labels, Quantile, Sample, Summary, Value, number,
};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::store::{Group, PUSH_FAILURE_TIME, PUSH_TIME, Store, Times};

#[derive(Deserialize, Serialize)]
pub(super) struct GroupRecord {
    labels: Labels,
    pushed: Option<Timestamp>,
    failed: Option<Timestamp>,
    families: Vec<FamilyRecord>,
}

#[derive(Deserialize, Serialize)]
struct FamilyRecord {
    name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    help: String,
    kind: KindRecord,
    time: Timestamp,
    samples: Vec<SampleRecord>,
}

#[derive(Deserialize, Serialize)]
#[serde(remote = "Kind", rename_all = "snake_case")]
enum KindName {
    Counter,
    Gauge,
    Summary,
    Histogram,
    GaugeHistogram,
    Untyped,
}

#[derive(Deserialize, Serialize)]
struct KindRecord(#[serde(with = "KindName")] Kind);

#[derive(Deserialize, Serialize)]
struct SampleRecord {
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    labels: Labels,
    #[serde(flatten)]
    value: ValueRecord,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum ValueRecord {
    Value(Number),
    Summary { quantiles: Vec<(Number, Number)>, sum: Number, count: u64 },
    Histogram { buckets: Vec<(Number, Number)>, sum: Number, count: Number },
}

/// A number as the text format writes it.
struct Number(f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&number::format(self.0))
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        let number = number::parse(&text).ok_or_else(|| {
            serde::de::Error::invalid_value(serde::de::Unexpected::Str(&text), &"a number of the text format")
        })?;
        Ok(Self(number))
    }
}

impl GroupRecord {
    pub(super) fn new(key: &GroupingKey, group: &Group) -> Self {
        let families = group
            .families
            .iter()
            .filter(|(name, _)| ![PUSH_TIME, PUSH_FAILURE_TIME].contains(&&***name))
            .map(|(name, held)| FamilyRecord {
                name: name.to_string(),
                help: held.help.to_string(),
                kind: KindRecord(held.kind),
                time: held.time,
                samples: held
                    .series
                    .iter()
                    .map(|series| SampleRecord {
                        labels: series
                            .labels
                            .iter()
                            .filter(|(name, _)| !key.labels().contains_key(*name))
                            .map(|(name, value)| (name.to_owned(), value.to_owned()))
                            .collect(),
                        value: ValueRecord::new(&series.value),
                    })
                    .collect(),
            })
            .collect();
        let Times { pushed, failed } = group.times;
        Self { labels: key.labels().clone(), pushed, failed, families }
    }

    /// Puts the group into `store`. A group that does not fit is left out with a log line: that takes a file made
    /// by hand.
    pub(super) fn restore(self, store: &mut Store) {
        let job = self.labels.get("job").cloned().unwrap_or_default();
        let key = match GroupingKey::new(job, self.labels) {
            Ok(key) => key,
            Err(error) => return tracing::error!("a group of the persistence file is left out: {error}"),
        };
        let families = self.families.into_iter().map(|record| (record.time, record.into_family())).collect();
        let times = Times { pushed: self.pushed, failed: self.failed };
        if let Err(error) = store.restore(&key, times, families) {
            tracing::error!(group = key.to_path(), "a group of the persistence file is left out: {error}");
        }
    }
}

impl FamilyRecord {
    fn into_family(self) -> Family {
        let samples = self
            .samples
            .into_iter()
            .map(|SampleRecord { labels, value }| Sample {
                labels,
                value: value.into_value(),
                timestamp: None,
                extra: None,
            })
            .collect();
        Family { name: self.name, help: self.help, kind: self.kind.0, samples }
    }
}

impl ValueRecord {
    fn new(value: &Value) -> Self {
        match value {
            Value::Number(number) => Self::Value(Number(*number)),
            Value::Summary(summary) => Self::Summary {
                quantiles: summary.quantiles.iter().map(|q| (Number(q.quantile), Number(q.value))).collect(),
                sum: Number(summary.sum),
                count: summary.count,
            },
            Value::Histogram(histogram) => Self::Histogram {
                buckets: histogram
                    .buckets
                    .iter()
                    .map(|b| (Number(b.upper_bound), Number(b.cumulative_count.as_f64())))
                    .collect(),
                sum: Number(histogram.sum),
                count: Number(histogram.count.as_f64()),
            },
        }
    }

    fn into_value(self) -> Value {
        match self {
            Self::Value(number) => Value::Number(number.0),
            Self::Summary { quantiles, sum, count } => {
                let quantile =
                    |(quantile, value): (Number, Number)| Quantile { quantile: quantile.0, value: value.0 };
                let quantiles = quantiles.into_iter().map(quantile).collect();
                Value::Summary(Box::new(Summary { quantiles, sum: sum.0, count }))
            }
            Self::Histogram { buckets, sum, count } => {
                let bucket = |(bound, count): (Number, Number)| Bucket {
                    upper_bound: bound.0,
                    cumulative_count: Count::Float(count.0),
                    exemplar: None,
                };
                let buckets = buckets.into_iter().map(bucket).collect();
                Value::Histogram(Box::new(Histogram {
                    buckets,
                    sum: sum.0,
                    count: Count::Float(count.0),
                    native: None,
                }))
            }
        }
    }
}
