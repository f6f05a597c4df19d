//! Lines of the text format, gathered into families: histograms and summaries become one sample per label set.

use std::collections::HashMap;

use crate::family::{Bucket, Count, Family, Histogram, Kind, Labels, Quantile, Sample, Summary, Value};
use crate::quote::quoted;

/// One sample line, without its name.
pub(super) struct Line {
    /// Without the one that a summary or histogram has for itself.
    pub(super) labels: Labels,
    /// The value of that one.
    pub(super) own: Option<f64>,
    pub(super) value: f64,
    pub(super) timestamp: Option<i64>,
}

#[derive(Default)]
pub(super) struct Assembly {
    families: Vec<Draft>,
    by_name: HashMap<String, usize>,
    last: Option<usize>,
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
        self.last = Some(index);
        // The index was looked up or made above.
        #[allow(clippy::indexing_slicing)]
        Target { family: &mut self.families[index], part }
    }

    /// The name of the family that the lines of `name` belong to, for messages; without a name that of the last family
    /// that a line belonged to, as in the original.
    pub(super) fn family_name<'a>(&'a self, name: Option<&'a str>) -> &'a str {
        let index = name.map_or(self.last, |name| self.find(name).map(|(index, _)| index));
        let family = index.and_then(|index| self.families.get(index));
        family.map_or(name.unwrap_or_default(), |family| &family.name)
    }

    /// The label that lines of `name` have for themselves.
    pub(super) fn own_label(&self, name: &str) -> Option<&'static str> {
        let (index, _) = self.find(name)?;
        match self.families.get(index)?.kind? {
            Kind::Summary => Some("quantile"),
            Kind::Histogram | Kind::GaugeHistogram => Some("le"),
            Kind::Counter | Kind::Gauge | Kind::Untyped => None,
        }
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
        let Line { labels, own, value, timestamp } = line;
        match *family.kind.get_or_insert(Kind::Untyped) {
            Kind::Counter | Kind::Gauge | Kind::Untyped => {
                family.samples.push(Sample { labels, value: Value::Number(value), timestamp, extra: None });
            }
            Kind::Summary => {
                let quantile = own.filter(|quantile| !quantile.is_nan());
                let sample = family.member(labels, empty_summary);
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
                let bound = own.filter(|bound| !bound.is_nan());
                let is_count = part == Part::Count || (part == Part::Value && bound.is_some());
                if is_count && value < 0.0 {
                    let what = if part == Part::Count { "count" } else { "bucket population" };
                    return Err(format!("negative {what} for histogram {}", quoted(&family.name)));
                }
                let sample = family.member(labels, empty_histogram);
                sample.timestamp = timestamp.or(sample.timestamp);
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
            .map(|mut draft| {
                draft.normalise();
                draft
            })
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
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The sample that a line with these labels is a part of.
    fn member(&mut self, labels: Labels, empty: fn() -> Value) -> &mut Sample {
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
        &mut self.samples[index]
    }

    /// A histogram of which one count is not whole is a float histogram.
    fn normalise(&mut self) {
        for sample in &mut self.samples {
            let Value::Histogram(histogram) = &mut sample.value else { return };
            let Histogram { buckets, count, .. } = &mut **histogram;
            let mut counts: Vec<_> = buckets.iter_mut().map(|bucket| &mut bucket.cumulative_count).collect();
            counts.push(count);
            if counts.iter().any(|count| matches!(count, Count::Float(_))) {
                for count in &mut counts {
                    **count = Count::Float(count.as_f64());
                }
            }
        }
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
