//! What is written is read back as it was.

use std::collections::BTreeSet;

use exposition::{
    Bucket, Count, Family, Histogram, Kind, Labels, Quantile, Sample, Summary, Value, encode, parse,
};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;

/// Numbers that equal themselves; NaN is checked by its text below.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>().prop_filter("NaN", |n| !n.is_nan()),
        Just(f64::INFINITY),
        (-1000i32..1000).prop_map(f64::from)
    ]
}

fn label_sets() -> impl Strategy<Value = BTreeSet<Labels>> {
    let name = "[a-zA-Z_][a-zA-Z0-9_]{0,8}"
        .prop_filter("kept for others", |name| name != "le" && name != "quantile");
    btree_set(btree_map(name, ".{0,10}|[\\\\\"\n ]{0,4}", 0..4), 1..4)
}

fn value(kind: Kind) -> BoxedStrategy<Value> {
    match kind {
        Kind::Summary => {
            let quantiles = vec((0.0..1.0, number()), 0..4);
            // The text carries a 64 bit float, so that larger counts would lose digits.
            (quantiles, number(), 0..(1u64 << 53))
                .prop_map(|(quantiles, sum, count)| {
                    let quantile = |(quantile, value)| Quantile { quantile, value };
                    let quantiles = quantiles.into_iter().map(quantile).collect();
                    Value::Summary(Box::new(Summary { quantiles, sum, count }))
                })
                .boxed()
        }
        Kind::Histogram | Kind::GaugeHistogram => {
            // One that is not whole, so that it reads back as what it is.
            let count = || {
                prop_oneof![
                    (0..(1u64 << 53)).prop_map(Count::Whole),
                    (0.0..1.0).prop_filter_map("not whole", |n: f64| (n != 0.0).then_some(Count::Float(n)))
                ]
            };
            (vec((-1e9..1e9, count()), 0..4), number(), count())
                .prop_map(|(buckets, sum, count)| {
                    let bucket = |(upper_bound, cumulative_count)| Bucket {
                        upper_bound,
                        cumulative_count,
                        exemplar: None,
                    };
                    let mut buckets: Vec<_> = buckets.into_iter().map(bucket).collect();
                    // It would be written anyway.
                    buckets.push(Bucket {
                        upper_bound: f64::INFINITY,
                        cumulative_count: count,
                        exemplar: None,
                    });
                    Value::Histogram(Box::new(Histogram { buckets, sum, count, native: None }))
                })
                .boxed()
        }
        Kind::Counter | Kind::Gauge | Kind::Untyped => number().prop_map(Value::Number).boxed(),
    }
}

fn family() -> impl Strategy<Value = Family> {
    let kinds = [Kind::Counter, Kind::Gauge, Kind::Summary, Kind::Histogram, Kind::Untyped];
    (
        prop::sample::select(kinds.to_vec()),
        "[a-zA-Z_:][a-zA-Z0-9_:]{0,10}",
        "(\\PC|[\\\\\"\n]){0,12}",
        label_sets(),
    )
        .prop_flat_map(|(kind, name, help, label_sets)| {
            let samples: Vec<_> = label_sets
                .into_iter()
                .map(|labels| {
                    (value(kind), any::<Option<i64>>()).prop_map(move |(value, timestamp)| Sample {
                        labels: labels.clone(),
                        value,
                        timestamp,
                        extra: None,
                    })
                })
                .collect();
            // Blanks in front of a help text are not part of it.
            let help = help.trim_start_matches([' ', '\t']).to_owned();
            samples.prop_map(move |samples| Family { name: name.clone(), help: help.clone(), kind, samples })
        })
}

/// Families none of which could be taken for a part of another.
fn families() -> impl Strategy<Value = Vec<Family>> {
    vec(family(), 0..5).prop_map(|families| {
        let numbered = families.into_iter().enumerate();
        numbered.map(|(n, family)| Family { name: format!("{}_{n}", family.name), ..family }).collect()
    })
}

proptest! {
    #[test]
    fn families_come_back_from_their_text(families in families()) {
        prop_assert_eq!(parse(encode(&families)), Ok(families));
    }

    #[test]
    fn any_number_comes_back_from_its_text(bits in any::<u64>()) {
        let value = f64::from_bits(bits);
        let text = exposition::number::format(value);
        let back = exposition::number::parse(&text).unwrap();
        prop_assert!(back == value || (back.is_nan() && value.is_nan()), "{}", text);
        prop_assert_eq!(exposition::number::format(back), text);
    }
}
