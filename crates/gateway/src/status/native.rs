//! The buckets of a native histogram with their bounds, in ascending order, as the API of Prometheus shows them.

use exposition::{Count, Native, NativeBuckets};

/// One bucket that is not empty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bucket {
    pub(crate) bounds: Bounds,
    pub(crate) lower: f64,
    pub(crate) upper: f64,
    pub(crate) count: Count,
}

/// Which of its bounds a bucket includes; the numbers are those of the API.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Bounds {
    Upper = 0,
    Lower = 1,
    None = 2,
    Both = 3,
}

impl Bucket {
    /// A bucket that is not the one of zero includes the bound that is farther from zero, if it is not zero itself.
    fn between(lower: f64, upper: f64, count: Count) -> Self {
        let bounds = match (lower < 0.0, upper > 0.0) {
            (true, true) => Bounds::Both,
            (true, false) => Bounds::Lower,
            (false, true) => Bounds::Upper,
            (false, false) => Bounds::None,
        };
        Self { bounds, lower, upper, count }
    }
}

pub(crate) fn has_spans(native: &Native) -> bool {
    !native.positive.spans.is_empty() || !native.negative.spans.is_empty()
}

pub(crate) fn buckets(native: &Native) -> impl Iterator<Item = Bucket> {
    let Native { schema, zero_threshold, zero_count, .. } = *native;
    let mut negative: Vec<Bucket> = side(&native.negative)
        .map(|(index, count)| Bucket::between(-bound(index, schema), -bound(index - 1, schema), count))
        .collect();
    negative.reverse();
    let zero =
        Bucket { bounds: Bounds::Both, lower: -zero_threshold, upper: zero_threshold, count: zero_count };
    let positive = side(&native.positive)
        .map(move |(index, count)| Bucket::between(bound(index - 1, schema), bound(index, schema), count));
    negative.into_iter().chain([zero]).chain(positive).filter(|bucket| bucket.count.as_f64() != 0.0)
}

/// Index and count of each bucket of one side.
fn side(buckets: &NativeBuckets) -> impl Iterator<Item = (i64, Count)> {
    let mut next = 0;
    let indexes = buckets.spans.iter().flat_map(move |span| {
        let first = next + i64::from(span.offset);
        next = first + i64::from(span.length);
        first..next
    });
    let mut current = 0i64;
    let whole = buckets.deltas.iter().map(move |delta| {
        current = current.saturating_add(*delta);
        Count::Whole(u64::try_from(current).unwrap_or_default())
    });
    let counts = whole.chain(buckets.counts.iter().copied().map(Count::Float));
    indexes.zip(counts)
}

/// The upper bound of a bucket of positive observations: `2^(index * 2^-schema)`.
///
/// The bucket that would end at 2^1024 ends at the largest number instead: the one behind it is for infinity.
fn bound(index: i64, schema: i32) -> f64 {
    let (exponent, fraction) = if schema <= 0 {
        (index.saturating_mul(1 << schema.unsigned_abs().min(32)), 1.0)
    } else {
        let per_power = 1i64 << schema.min(32);
        (index.div_euclid(per_power), (index.rem_euclid(per_power) as f64 / per_power as f64).exp2())
    };
    if exponent == 1024 && fraction == 1.0 {
        return f64::MAX;
    }
    // Clamped to where it is infinite or 0 already.
    let exponent = exponent.clamp(-1200, 1200) as i32;
    // In two steps, so that the smallest numbers are reached: 2^1075 is infinite, and its inverse would be 0.
    fraction * 2f64.powi(exponent / 2) * 2f64.powi(exponent - exponent / 2)
}
