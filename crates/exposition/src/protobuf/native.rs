//! Whether a native histogram is one. A scraper refuses a whole exposition because of one that is not.
//!
//! The rules are those of `Histogram.Validate` in Prometheus, but for custom bucket bounds, which the message cannot
//! carry.

use crate::family::{Count, Histogram, Native, NativeBuckets};

pub(super) fn check(histogram: &Histogram) -> Result<(), String> {
    let Some(native) = &histogram.native else { return Ok(()) };
    let Native { schema, zero_count, negative, positive, .. } = native;
    if !(-4..=8).contains(schema) {
        return Err(format!("the schema is {schema}, only -4 to 8 are known"));
    }
    // This is how a reader tells the two.
    let is_float = [histogram.count, *zero_count]
        .iter()
        .any(|count| matches!(count, Count::Float(count) if *count > 0.0));
    let mut total = match zero_count {
        Count::Whole(count) => u128::from(*count),
        Count::Float(_) => 0,
    };
    for (side, buckets) in [("negative", negative), ("positive", positive)] {
        spans(buckets, is_float).map_err(|reason| format!("the {side} {reason}"))?;
        let counted = if is_float { float_counts(buckets) } else { whole_counts(buckets) };
        total += counted.ok_or_else(|| format!("a {side} bucket has a count below 0"))?;
    }
    let below_zero = |count: &Count| matches!(count, Count::Float(count) if *count < 0.0);
    if [histogram.count, *zero_count].iter().any(below_zero) {
        return Err("a count is below 0".to_owned());
    }
    match histogram.count {
        // An observation that is not a number is counted, and is in no bucket.
        Count::Whole(count) if !is_float && histogram.sum.is_nan() && total > u128::from(count) => {
            Err(format!("{total} observations in the buckets, but only {count} in all"))
        }
        Count::Whole(count) if !is_float && !histogram.sum.is_nan() && total != u128::from(count) => {
            Err(format!("{total} observations in the buckets, but {count} in all"))
        }
        _ => Ok(()),
    }
}

fn spans(buckets: &NativeBuckets, is_float: bool) -> Result<(), String> {
    let NativeBuckets { spans, deltas, counts } = buckets;
    let expected: u64 = spans.iter().map(|span| u64::from(span.length)).sum();
    let (there, others) = if is_float { (counts.len(), deltas.len()) } else { (deltas.len(), counts.len()) };
    if expected != there as u64 || others > 0 {
        let kind = if is_float { "counts" } else { "deltas" };
        return Err(format!("spans have {expected} buckets, but there are {there} {kind}"));
    }
    if spans.iter().skip(1).any(|span| span.offset < 0) {
        return Err("spans overlap".to_owned());
    }
    Ok(())
}

/// The sum of all counts; `None` when one is below 0 or has more than 63 bits.
fn whole_counts(buckets: &NativeBuckets) -> Option<u128> {
    let mut current = 0i64;
    let mut total = 0;
    for delta in &buckets.deltas {
        current = current.checked_add(*delta)?;
        total += u128::try_from(current).ok()?;
    }
    Some(total)
}

/// 0, since counts that are not whole need not add up; `None` when one is below 0.
fn float_counts(buckets: &NativeBuckets) -> Option<u128> {
    (!buckets.counts.iter().any(|count| *count < 0.0)).then_some(0)
}
