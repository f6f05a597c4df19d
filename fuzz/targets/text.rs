//! The text parser: any bytes are families or an error, and families survive their own text.
#![no_main]

use std::collections::BTreeSet;

use exposition::family::{Bucket, Count, Family, Kind, Value};
use exposition::{encode, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(mut families) = parse(data) else { return };
    for family in &families {
        assert!(!family.samples.is_empty(), "{} has no sample", family.name);
        assert!(family.samples.iter().all(|sample| family.kind.accepts(&sample.value)), "{family:?}");
    }
    if overlap(&families) {
        return;
    }
    families.iter_mut().for_each(complete);
    let text = encode(&families);
    match parse(&text) {
        // NaN differs from itself, so what is printed is compared.
        Ok(back) if is_exact(&families) => {
            assert_eq!(format!("{back:?}"), format!("{families:?}"), "{text}");
            assert_eq!(encode(&back), text);
        }
        Ok(_) => {}
        Err(error) => panic!("{error} in what was written:\n{text}"),
    }
});

/// Whether one family is a part of another by its name, as `x_count` is when `x` is a histogram: a valid text says
/// that only by the order of its lines, and the gateway refuses it for that.
fn overlap(families: &[Family]) -> bool {
    let names: BTreeSet<&str> = families.iter().map(|family| family.name.as_str()).collect();
    families.iter().filter(|family| !matches!(family.kind, Kind::Counter | Kind::Gauge | Kind::Untyped)).any(
        |family| {
            ["_count", "_sum", "_bucket"]
                .iter()
                .any(|suffix| names.contains(format!("{}{suffix}", family.name).as_str()))
        },
    )
}

/// Whether all counts are written with all their digits: the text carries 64 bit floats.
fn is_exact(families: &[Family]) -> bool {
    const MOST: u64 = 1 << 53;
    let is_exact = |count: &Count| !matches!(count, Count::Whole(count) if *count > MOST);
    families.iter().flat_map(|family| &family.samples).all(|sample| match &sample.value {
        Value::Number(_) => true,
        Value::Summary(summary) => summary.count <= MOST,
        Value::Histogram(histogram) => {
            is_exact(&histogram.count)
                && histogram.buckets.iter().all(|bucket| is_exact(&bucket.cumulative_count))
        }
    })
}

/// Makes a family what its text says of it: that has no sign of 0, and always a last bucket.
fn complete(family: &mut Family) {
    if family.kind == Kind::GaugeHistogram {
        family.kind = Kind::Histogram;
    }
    // Adding 0 takes the sign of 0 away, and changes nothing else.
    let unsigned = |value: &mut f64| *value += 0.0;
    let unsigned_count = |count: &mut Count| {
        if let Count::Float(count) = count {
            unsigned(count);
        }
    };
    for sample in &mut family.samples {
        match &mut sample.value {
            Value::Number(value) => unsigned(value),
            Value::Summary(summary) => {
                unsigned(&mut summary.sum);
                for quantile in &mut summary.quantiles {
                    unsigned(&mut quantile.quantile);
                    unsigned(&mut quantile.value);
                }
            }
            Value::Histogram(histogram) => {
                unsigned(&mut histogram.sum);
                unsigned_count(&mut histogram.count);
                for bucket in &mut histogram.buckets {
                    unsigned(&mut bucket.upper_bound);
                    unsigned_count(&mut bucket.cumulative_count);
                }
            }
        }
        if let Value::Histogram(histogram) = &mut sample.value
            && !histogram.buckets.iter().any(|bucket| bucket.upper_bound == f64::INFINITY)
        {
            let (upper_bound, cumulative_count) = (f64::INFINITY, histogram.count);
            histogram.buckets.push(Bucket { upper_bound, cumulative_count, exemplar: None });
        }
    }
}
