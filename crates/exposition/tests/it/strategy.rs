//! Families as they come, for property tests.

use std::collections::BTreeSet;

use exposition::{
    Bucket, Count, Exemplar, Extra, Family, Histogram, Kind, Labels, Moment, Native, NativeBuckets, Quantile,
    Sample, Span, Summary, Value,
};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;

/// What a format can carry.
#[derive(Clone, Copy)]
pub(crate) struct Carries {
    /// Names of any characters.
    pub(crate) utf8: bool,
    /// Exemplars and created timestamps.
    pub(crate) extras: bool,
    /// Native histograms, sums and counts without a `+Inf` bucket.
    pub(crate) messages: bool,
}

/// Numbers that equal themselves; NaN is checked by its text elsewhere.
pub(crate) fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>().prop_filter("NaN", |n| !n.is_nan()),
        Just(f64::INFINITY),
        (-1000i32..1000).prop_map(f64::from)
    ]
}

fn label_name(carries: Carries) -> BoxedStrategy<String> {
    let classic = "[a-zA-Z_][a-zA-Z0-9_]{0,8}"
        .prop_filter("kept for others", |name| !["le", "quantile", "__name__"].contains(&name.as_str()));
    if carries.utf8 { prop_oneof![classic, "(\\PC|[\\\\\"\n ]){1,6}"].boxed() } else { classic.boxed() }
}

fn label_sets(carries: Carries) -> impl Strategy<Value = BTreeSet<Labels>> {
    btree_set(btree_map(label_name(carries), ".{0,10}|[\\\\\"\n ]{0,4}", 0..4), 1..4)
}

fn moment() -> impl Strategy<Value = Moment> {
    (any::<i32>(), 0..1_000_000_000).prop_map(|(seconds, nanos)| Moment { seconds: seconds.into(), nanos })
}

fn exemplar() -> impl Strategy<Value = Exemplar> {
    (btree_map("[a-z]{1,3}", ".{0,5}", 0..2), number(), option::of(moment()))
        .prop_map(|(labels, value, timestamp)| Exemplar { labels, value, timestamp })
}

/// An exemplar sometimes, when the format has them.
fn exemplar_of(carries: Carries) -> impl Strategy<Value = Option<Exemplar>> {
    option::of(exemplar()).prop_map(move |exemplar| exemplar.filter(|_| carries.extras))
}

fn classic_histogram(carries: Carries, count: BoxedStrategy<Count>) -> impl Strategy<Value = Value> {
    let bucket = (-1e9..1e9, count.clone(), exemplar_of(carries)).prop_map(
        |(upper_bound, cumulative_count, exemplar)| Bucket {
            upper_bound,
            cumulative_count,
            exemplar: exemplar.map(Box::new),
        },
    );
    (vec(bucket, 0..4), number(), count).prop_map(move |(mut buckets, sum, count)| {
        if !carries.messages {
            // It would be written anyway.
            buckets.push(Bucket { upper_bound: f64::INFINITY, cumulative_count: count, exemplar: None });
        }
        Value::Histogram(Box::new(Histogram { buckets, sum, count, native: None }))
    })
}

fn side() -> impl Strategy<Value = NativeBuckets> {
    vec((0i32..5, vec(0i64..50, 0..4)), 0..3).prop_map(|runs| {
        let mut side = NativeBuckets::default();
        let mut last = 0;
        for (offset, counts) in runs {
            side.spans.push(Span { offset, length: counts.len() as u32 });
            for count in counts {
                side.deltas.push(count - last);
                last = count;
            }
        }
        side
    })
}

fn total(side: &NativeBuckets) -> u64 {
    let mut count = 0;
    side.deltas
        .iter()
        .map(|delta| {
            count += delta;
            count as u64
        })
        .sum()
}

fn native() -> impl Strategy<Value = (Native, Count)> {
    (-4..=8, number(), 0u64..9, side(), side(), vec(exemplar(), 0..2), any::<bool>()).prop_map(
        |(schema, zero_threshold, zeros, mut negative, mut positive, exemplars, whole)| {
            let all = zeros + total(&negative) + total(&positive);
            let (mut zero_count, mut count) = (Count::Whole(zeros), Count::Whole(all));
            if !whole {
                for side in [&mut negative, &mut positive] {
                    let counts = std::mem::take(&mut side.deltas);
                    side.counts = counts.into_iter().map(|count| count.unsigned_abs() as f64 / 2.0).collect();
                }
                (zero_count, count) = (Count::Float(zeros as f64), Count::Float(all as f64 + 0.5));
            }
            (Native { schema, zero_threshold, zero_count, negative, positive, exemplars }, count)
        },
    )
}

fn histogram(carries: Carries) -> BoxedStrategy<Value> {
    // A text carries 64 bit floats, so that larger counts would lose digits.
    let whole = (0..(1u64 << 53)).prop_map(Count::Whole).boxed();
    // Some that are not whole, so that they read back as what they are; one of them makes all of them floats.
    let float = (0..1000u32).prop_map(|count| Count::Float(f64::from(count) + 0.5)).boxed();
    let classic = prop_oneof![classic_histogram(carries, whole), classic_histogram(carries, float)];
    if !carries.messages {
        return classic.boxed();
    }
    let native = (native(), number()).prop_map(|((native, count), sum)| {
        Value::Histogram(Box::new(Histogram { buckets: vec![], sum, count, native: Some(native) }))
    });
    prop_oneof![classic, native].boxed()
}

fn value(kind: Kind, carries: Carries) -> BoxedStrategy<Value> {
    match kind {
        Kind::Summary => (vec((0.0..1.0, number()), 0..4), number(), 0..(1u64 << 53))
            .prop_map(|(quantiles, sum, count)| {
                let quantile = |(quantile, value)| Quantile { quantile, value };
                let quantiles = quantiles.into_iter().map(quantile).collect();
                Value::Summary(Box::new(Summary { quantiles, sum, count }))
            })
            .boxed(),
        Kind::Histogram | Kind::GaugeHistogram => histogram(carries),
        Kind::Counter | Kind::Gauge | Kind::Untyped => number().prop_map(Value::Number).boxed(),
    }
}

fn extra(kind: Kind, carries: Carries) -> impl Strategy<Value = Option<Box<Extra>>> {
    (option::of(moment()), exemplar_of(carries)).prop_map(move |(created, exemplar)| {
        // OpenMetrics has none of a histogram whose counts may fall.
        let counts = matches!(kind, Kind::Counter | Kind::Summary | Kind::Histogram);
        let extra = Extra {
            created: created.filter(|_| counts && carries.extras),
            exemplar: exemplar.filter(|_| kind == Kind::Counter),
        };
        (extra != Extra::default()).then(|| Box::new(extra))
    })
}

fn family(kinds: Vec<Kind>, carries: Carries) -> impl Strategy<Value = Family> {
    let name = if carries.utf8 {
        "[a-zA-Z_:][a-zA-Z0-9_:]{0,10}|(\\PC|[\\\\\"\n ]){1,8}"
    } else {
        "[a-zA-Z_:][a-zA-Z0-9_:]{0,10}"
    };
    (prop::sample::select(kinds), name, "(\\PC|[\\\\\"\n]){0,12}", label_sets(carries)).prop_flat_map(
        move |(kind, name, help, label_sets)| {
            let samples: Vec<_> = label_sets
                .into_iter()
                .map(|labels| {
                    // Seconds of 64 bits do not all fit a float, which other readers take them for.
                    let timestamp = option::of(-(1i64 << 52)..(1 << 52));
                    (value(kind, carries), timestamp, extra(kind, carries)).prop_map(
                        move |(value, timestamp, extra)| Sample {
                            labels: labels.clone(),
                            value,
                            timestamp,
                            extra,
                        },
                    )
                })
                .collect();
            // Blanks in front of a help text are not part of it.
            let help = help.trim_start_matches([' ', '\t']).to_owned();
            samples.prop_map(move |samples| Family { name: name.clone(), help: help.clone(), kind, samples })
        },
    )
}

/// Families none of which could be taken for a part of another.
pub(crate) fn families(kinds: &[Kind], carries: Carries) -> impl Strategy<Value = Vec<Family>> + use<> {
    vec(family(kinds.to_vec(), carries), 0..5).prop_map(|families| {
        let numbered = families.into_iter().enumerate();
        numbered.map(|(n, family)| Family { name: format!("{}_{n}", family.name), ..family }).collect()
    })
}

pub(crate) const KINDS: [Kind; 6] =
    [Kind::Counter, Kind::Gauge, Kind::Summary, Kind::Histogram, Kind::GaugeHistogram, Kind::Untyped];
