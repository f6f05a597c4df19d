//! Lines of the text format, gathered into families: histograms and summaries become one sample per label set.

use std::collections::HashMap;

use crate::family::{Bucket, Count, Family, Histogram, Kind, Labels, Quantile, Sample, Summary, Value};
use crate::number;

/// One sample line, without its name.
pub(super) struct Line {
    pub(super) labels: Labels,
    pub(super) value: f64,
    pub(super) timestamp: Option<i64>,
}

#[derive(Default)]
pub(super) struct Assembly {
    families: Vec<Draft>,
    by_name: HashMap<String, usize>,
}

#[derive(Default)]
pub(super) struct Draft {
    name: String,
    pub(super) help: Option<String>,
    pub(super) kind: Option<Kind>,
    samples: Vec<Sample>,
    /// Of histograms and summaries: where the sample of a label set is.
    by_labels: HashMap<Labels, usize>,
}

/// The family a name belongs to, and which part of its samples the name means.
pub(super) struct Target<'a> {
    pub(super) family: &'a mut Draft,
    part: Part,
}

#[derive(Clone, Copy, PartialEq)]
enum Part {
    /// The number itself, a quantile or a bucket.
    Value,
    Sum,
    Count,
}

impl Assembly {
    /// The family that the lines of `name` belong to: its own, the summary or histogram it is a part of, or a new
    /// one.
    pub(super) fn family(&mut self, name: &str) -> Target<'_> {
        let (index, part) = self.find(name).unwrap_or_else(|| {
            self.families.push(Draft { name: name.to_owned(), ..Draft::default() });
            self.by_name.insert(name.to_owned(), self.families.len() - 1);
            (self.families.len() - 1, Part::Value)
        });
        // The index was looked up or made above.
        #[allow(clippy::indexing_slicing)]
        Target { family: &mut self.families[index], part }
    }

    fn find(&self, name: &str) -> Option<(usize, Part)> {
        if let Some(index) = self.by_name.get(name) {
            return Some((*index, Part::Value));
        }
        for (suffix, part) in [("_count", Part::Count), ("_sum", Part::Sum), ("_bucket", Part::Value)] {
            let Some(index) = name.strip_suffix(suffix).and_then(|base| self.by_name.get(base)) else {
                continue;
            };
            match self.families.get(*index)?.kind {
                Some(Kind::Histogram | Kind::GaugeHistogram) => return Some((*index, part)),
                Some(Kind::Summary) if suffix != "_bucket" => return Some((*index, part)),
                _ => {}
            }
        }
        None
    }

    /// Adds the sample line of `name`.
    pub(super) fn add(&mut self, name: &str, line: Line) -> Result<(), String> {
        let Target { family, part } = self.family(name);
        let Line { labels, value, timestamp } = line;
        match *family.kind.get_or_insert(Kind::Untyped) {
            Kind::Counter | Kind::Gauge | Kind::Untyped => {
                family.samples.push(Sample { labels, value: Value::Number(value), timestamp, extra: None });
            }
            Kind::Summary => {
                let (quantile, sample) = family.member(labels, "quantile", empty_summary)?;
                sample.timestamp = timestamp.or(sample.timestamp);
                if let Value::Summary(summary) = &mut sample.value {
                    let Summary { quantiles, sum, count } = &mut **summary;
                    match (part, quantile) {
                        (Part::Sum, _) => *sum = value,
                        (Part::Count, _) => *count = whole(value),
                        (Part::Value, Some(quantile)) => quantiles.push(Quantile { quantile, value }),
                        (Part::Value, None) => {}
                    }
                }
            }
            Kind::Histogram | Kind::GaugeHistogram => {
                let (bound, sample) = family.member(labels, "le", empty_histogram)?;
                sample.timestamp = timestamp.or(sample.timestamp);
                let is_count = part == Part::Count || (part == Part::Value && bound.is_some());
                if is_count && value < 0.0 {
                    return Err(format!("negative count in histogram {name:?}: {}", number::format(value)));
                }
                if let Value::Histogram(histogram) = &mut sample.value {
                    let Histogram { buckets, sum, count, .. } = &mut **histogram;
                    match (part, bound) {
                        (Part::Sum, _) => *sum = value,
                        (Part::Count, _) => *count = counted(value),
                        (Part::Value, Some(upper_bound)) => {
                            let cumulative_count = counted(value);
                            buckets.push(Bucket { upper_bound, cumulative_count, exemplar: None });
                        }
                        (Part::Value, None) => {}
                    }
                }
            }
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Vec<Family> {
        let with_samples = self.families.into_iter().filter(|draft| !draft.samples.is_empty());
        with_samples
            .map(|draft| Family {
                name: draft.name,
                help: draft.help.unwrap_or_default(),
                kind: draft.kind.unwrap_or_default(),
                samples: draft.samples,
            })
            .collect()
    }
}

fn empty_summary() -> Value {
    Value::Summary(Box::default())
}

fn empty_histogram() -> Value {
    Value::Histogram(Box::default())
}

/// The count of a histogram: whole when it can be.
fn counted(value: f64) -> Count {
    const TWO_TO_64: f64 = 18_446_744_073_709_551_616.0;
    if value.fract() == 0.0 && (0.0..TWO_TO_64).contains(&value) {
        Count::Whole(value as u64)
    } else {
        Count::Float(value)
    }
}

impl Draft {
    /// The sample that a line with these labels is a part of, and the number in its label `own` (`le`, `quantile`),
    /// when it has one that is not NaN.
    fn member(
        &mut self,
        mut labels: Labels,
        own: &str,
        empty: fn() -> Value,
    ) -> Result<(Option<f64>, &mut Sample), String> {
        let number = match labels.remove(own) {
            None => None,
            Some(text) => Some(
                number::parse(&text)
                    .ok_or_else(|| format!("expected float as value for '{own}' label, got {text:?}"))?,
            ),
        };
        let index = *self.by_labels.entry(labels).or_insert_with_key(|labels| {
            self.samples.push(Sample {
                labels: labels.clone(),
                value: empty(),
                timestamp: None,
                extra: None,
            });
            self.samples.len() - 1
        });
        // The index was looked up or made above.
        #[allow(clippy::indexing_slicing)]
        Ok((number.filter(|number| !number.is_nan()), &mut self.samples[index]))
    }
}

/// The count of a summary as the reference implementation cuts it: fractions are dropped, negative numbers wrap, and
/// what does not fit is 2^63.
fn whole(value: f64) -> u64 {
    const OUT_OF_RANGE: u64 = 1 << 63;
    if value >= 0.0 && value < u64::MAX as f64 {
        value as u64
    } else if value < 0.0 && value >= i64::MIN as f64 {
        (value as i64).cast_unsigned()
    } else {
        OUT_OF_RANGE
    }
}
