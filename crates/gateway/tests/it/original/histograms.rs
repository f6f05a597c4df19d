//! Histograms of every kind, and summaries, in messages: each is taken or refused alike, and shown alike.

use super::messages::{HISTOGRAM, SUMMARY, alike, exemplar, labelled, moment, summary};
use super::pair::Pair;
use crate::proto::{Bucket, BucketSpan, Histogram, Metric, MetricFamily, Quantile, Summary, body, family};

pub(super) fn histogram(histogram: Histogram) -> Metric {
    Metric { histogram: Some(histogram), ..Default::default() }
}

fn bucket(upper_bound: f64, count: u64) -> Bucket {
    Bucket { cumulative_count: Some(count), upper_bound: Some(upper_bound), ..Default::default() }
}

fn float_bucket(upper_bound: f64, count: f64) -> Bucket {
    Bucket { cumulative_count_float: Some(count), upper_bound: Some(upper_bound), ..Default::default() }
}

fn spans(spans: &[(i32, u32)]) -> Vec<BucketSpan> {
    spans.iter().map(|(offset, length)| BucketSpan { offset: Some(*offset), length: Some(*length) }).collect()
}

/// A native histogram of whole counts.
pub(super) fn native(schema: i32) -> Histogram {
    Histogram {
        sample_count: Some(12),
        sample_sum: Some(18.5),
        schema: Some(schema),
        zero_threshold: Some(0.001),
        zero_count: Some(2),
        negative_span: spans(&[(0, 1), (2, 1)]),
        negative_delta: vec![1, 0],
        positive_span: spans(&[(-2, 2), (1, 2)]),
        positive_delta: vec![1, 1, -1, 3],
        ..Default::default()
    }
}

/// A native histogram of float counts.
fn float_native() -> Histogram {
    Histogram {
        sample_count: None,
        sample_count_float: Some(12.5),
        zero_count: None,
        zero_count_float: Some(2.5),
        negative_delta: vec![],
        negative_count: vec![1.5, 1.0],
        positive_delta: vec![],
        positive_count: vec![1.0, 2.0, 1.5, 3.0],
        ..native(1)
    }
}

fn classic() -> Vec<MetricFamily> {
    let of = |value: Histogram| family("h", HISTOGRAM, [histogram(value)]);
    let quantile = |quantile, value| Quantile { quantile: Some(quantile), value: Some(value) };
    let whole = Histogram {
        sample_count: Some(4),
        sample_sum: Some(7.5),
        bucket: vec![bucket(0.5, 1), bucket(2.0, 3)],
        ..Default::default()
    };
    vec![
        of(Histogram::default()),
        of(whole.clone()),
        of(Histogram { bucket: vec![bucket(f64::INFINITY, 4), bucket(1.0, 2)], ..whole.clone() }),
        of(Histogram { bucket: vec![bucket(2.0, 1), bucket(1.0, 2)], ..whole.clone() }),
        of(Histogram { bucket: vec![bucket(-0.0, 1), bucket(1e6, 2), bucket(1e-7, 2)], ..whole.clone() }),
        of(Histogram { bucket: vec![bucket(f64::NAN, 1)], ..whole.clone() }),
        of(Histogram { bucket: vec![Bucket::default()], ..whole.clone() }),
        of(Histogram { sample_sum: Some(f64::NAN), sample_count: Some(u64::MAX), ..whole.clone() }),
        of(Histogram { sample_sum: None, sample_count: None, ..whole.clone() }),
        of(Histogram { created_timestamp: moment(), ..whole.clone() }),
        of(Histogram {
            bucket: vec![
                Bucket { exemplar: Some(exemplar(moment())), ..bucket(1.0, 2) },
                Bucket { exemplar: Some(exemplar(None)), ..bucket(2.0, 2) },
            ],
            ..whole.clone()
        }),
        // Of float counts.
        of(Histogram {
            sample_count: None,
            sample_count_float: Some(2.5),
            bucket: vec![float_bucket(1.0, 1.5)],
            ..whole.clone()
        }),
        of(Histogram { sample_count: None, sample_count_float: Some(0.0), ..whole.clone() }),
        family("h", HISTOGRAM, [histogram(whole.clone()), labelled(histogram(whole.clone()), &[("x", "1")])]),
        family("h.x", HISTOGRAM, [histogram(whole)]),
        // Summaries.
        family("s", SUMMARY, [summary(Summary::default())]),
        family(
            "s",
            SUMMARY,
            [summary(Summary {
                sample_count: Some(u64::MAX),
                sample_sum: Some(-0.0),
                quantile: vec![quantile(0.9, f64::NAN), quantile(0.5, 1.0), Quantile::default()],
                created_timestamp: moment(),
            })],
        ),
        family(
            "s",
            SUMMARY,
            [summary(Summary {
                quantile: vec![quantile(f64::NAN, 1.0), quantile(7.0, 1.0)],
                ..Default::default()
            })],
        ),
        family(
            "s.x",
            SUMMARY,
            [summary(Summary { quantile: vec![quantile(0.5, 1.0)], ..Default::default() })],
        ),
    ]
}

fn natives() -> Vec<MetricFamily> {
    let of = |value: Histogram| family("n", HISTOGRAM, [histogram(value)]);
    let one = |schema: i32, offset: i32| Histogram {
        sample_count: Some(1),
        negative_span: vec![],
        negative_delta: vec![],
        zero_count: None,
        positive_span: spans(&[(offset, 1)]),
        positive_delta: vec![1],
        ..native(schema)
    };
    let mut families: Vec<MetricFamily> = (-4..=8).map(|schema| of(native(schema))).collect();
    // Bounds at the ends of what there is.
    for (schema, offset) in [
        (0, 1024),
        (0, 1025),
        (0, -1073),
        (0, -1080),
        (-4, 64),
        (-4, 65),
        (8, 1 << 18),
        (8, -275_000),
        (3, 8192),
        (3, 8193),
    ] {
        families.push(of(one(schema, offset)));
    }
    families.extend([
        of(float_native()),
        of(Histogram {
            created_timestamp: moment(),
            exemplars: vec![exemplar(moment()), exemplar(None)],
            ..native(0)
        }),
        // With classic buckets beside the native ones.
        of(Histogram { bucket: vec![bucket(1.0, 5), bucket(f64::INFINITY, 12)], ..native(0) }),
        // Without any observation, as libraries mark them.
        of(Histogram {
            schema: Some(3),
            zero_threshold: Some(1e-128),
            sample_count: Some(0),
            sample_sum: Some(0.0),
            positive_span: spans(&[(0, 0)]),
            ..Default::default()
        }),
        of(Histogram {
            schema: Some(3),
            zero_threshold: Some(1e-128),
            sample_count: Some(0),
            ..Default::default()
        }),
        of(Histogram {
            sample_count: Some(2),
            zero_count: Some(2),
            positive_span: spans(&[(0, 0)]),
            ..Default::default()
        }),
        // Observations that are not a number are in no bucket.
        of(Histogram { sample_count: Some(13), sample_sum: Some(f64::NAN), ..native(0) }),
        // Empty buckets in between.
        of(Histogram { positive_span: spans(&[(0, 4)]), positive_delta: vec![4, -4, 0, 4], ..native(0) }),
        of(Histogram { zero_threshold: Some(0.0), ..native(0) }),
        of(Histogram { positive_span: spans(&[(0, 2), (0, 0), (3, 2)]), ..native(5) }),
    ]);
    families
}

#[tokio::test]
async fn classic_histograms_and_summaries_are_taken_and_shown_as_by_the_original() {
    alike(&Pair::start().await, classic()).await;
}

/// Which of the two counts is kept beside the one that matters is not looked at.
#[tokio::test]
async fn of_a_whole_and_a_float_count_the_same_one_counts() {
    let pair = Pair::start().await;
    let both = |whole: u64, float: f64| Bucket { cumulative_count: Some(whole), ..float_bucket(1.0, float) };
    for (float, bucket) in
        [(2.5, bucket(1.0, 2)), (0.0, bucket(1.0, 2)), (2.5, both(3, 1.5)), (0.0, both(3, 0.0))]
    {
        let value = Histogram {
            sample_count: Some(3),
            sample_count_float: Some(float),
            bucket: vec![bucket],
            ..Default::default()
        };
        assert_eq!(
            pair.messages("PUT", "/metrics/job/m", &body([&family("h", HISTOGRAM, [histogram(value)])]))
                .await,
            200
        );
        let delimited =
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";
        pair.scrape_alike(&format!("Accept: {delimited}\r\n")).await;
    }
}

#[tokio::test]
async fn native_histograms_are_taken_and_shown_as_by_the_original() {
    alike(&Pair::start().await, natives()).await;
}
