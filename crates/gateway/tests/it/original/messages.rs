//! Each protobuf body is taken or refused alike, and shown alike.

use gateway::Config;

use super::histograms::{histogram, native};
use super::pair::Pair;
use crate::proto::{
    Counter, Exemplar, Histogram, Metric, MetricFamily, Number, Summary, Timestamp, body, family, gauge,
    labels,
};

const COUNTER: i32 = 0;
const GAUGE: i32 = 1;
pub(super) const SUMMARY: i32 = 2;
const UNTYPED: i32 = 3;
pub(super) const HISTOGRAM: i32 = 4;

pub(super) fn labelled(metric: Metric, pairs: &[(&str, &str)]) -> Metric {
    let pairs = pairs.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    Metric { label: labels(pairs), ..metric }
}

pub(super) fn exemplar(timestamp: Option<Timestamp>) -> Exemplar {
    Exemplar { label: labels([(&b"trace_id"[..], &b"1"[..])]), value: Some(0.25), timestamp }
}

pub(super) fn moment() -> Option<Timestamp> {
    Some(Timestamp { seconds: 1_700_000_000, nanos: 5 })
}

fn counter(value: f64) -> Metric {
    Metric { counter: Some(Counter { value: Some(value), ..Default::default() }), ..Default::default() }
}

pub(super) fn summary(summary: Summary) -> Metric {
    Metric { summary: Some(summary), ..Default::default() }
}

/// Families, alone in a push each.
fn numbers() -> Vec<MetricFamily> {
    vec![
        family("c", COUNTER, [counter(1.0)]),
        family("g", GAUGE, [gauge(f64::NAN), labelled(gauge(-0.0), &[("x", "1")])]),
        family("u", UNTYPED, [Metric { untyped: Some(Number { value: Some(1e-9) }), ..Default::default() }]),
        family("c", COUNTER, [Metric { counter: Some(Counter::default()), ..Default::default() }]),
        family("g", GAUGE, [Metric { gauge: Some(Number::default()), ..Default::default() }]),
        family(
            "c",
            COUNTER,
            [Metric {
                counter: Some(Counter {
                    value: Some(7.0),
                    exemplar: Some(exemplar(moment())),
                    created_timestamp: moment(),
                }),
                ..Default::default()
            }],
        ),
        // Without a type, with a help text, with a unit, without a sample.
        MetricFamily { r#type: None, ..family("n", 0, [counter(3.0)]) },
        MetricFamily { help: Some("Text \\ \n \"é\"".into()), ..family("n", GAUGE, [gauge(3.0)]) },
        MetricFamily { unit: Some("bytes".into()), ..family("n_bytes", GAUGE, [gauge(3.0)]) },
        // Type and value do not match.
        family("n", GAUGE, [counter(1.0)]),
        family("n", COUNTER, [gauge(1.0)]),
        family("n", UNTYPED, [gauge(1.0)]),
        family("n", SUMMARY, [gauge(1.0)]),
        family("n", HISTOGRAM, [gauge(1.0)]),
        family("n", GAUGE, [Metric::default()]),
        family("n", GAUGE, [histogram(native(0))]),
        family("n", GAUGE, [gauge(1.0), Metric::default(), labelled(counter(1.0), &[("x", "1")])]),
        // Timestamps.
        family("n", GAUGE, [Metric { timestamp_ms: Some(0), ..gauge(1.0) }]),
        family("n", GAUGE, [Metric { timestamp_ms: Some(-1), ..gauge(1.0) }]),
        family(
            "n",
            GAUGE,
            [gauge(1.0), Metric { timestamp_ms: Some(1), ..labelled(gauge(1.0), &[("x", "1")]) }],
        ),
        // Names that only UTF-8 has.
        family("a-b", GAUGE, [gauge(1.0)]),
        family("größe.x", GAUGE, [labelled(gauge(1.0), &[("ö.1", "2")])]),
        family("1a", GAUGE, [gauge(1.0)]),
        family(" ", GAUGE, [gauge(1.0)]),
        family("a\"b\\c\nd", GAUGE, [gauge(1.0)]),
        family("a:b", GAUGE, [gauge(1.0)]),
        family("😀", GAUGE, [gauge(1.0)]),
        family("U__a_2e_b", GAUGE, [gauge(1.0)]),
        // Push times.
        family("push_time_seconds", GAUGE, [gauge(1.0)]),
        family("push_time_seconds", COUNTER, [counter(1.0)]),
    ]
}

fn label_sets() -> Vec<MetricFamily> {
    let with = |pairs: &[(&str, &str)]| family("l", GAUGE, [labelled(gauge(1.0), pairs)]);
    let raw = |pairs: &[(&[u8], &[u8])]| {
        family("l", GAUGE, [Metric { label: labels(pairs.iter().copied()), ..gauge(1.0) }])
    };
    let half =
        |label: crate::proto::LabelPair| family("l", GAUGE, [Metric { label: vec![label], ..gauge(1.0) }]);
    vec![
        with(&[]),
        with(&[("x", "1"), ("a", "2")]),
        with(&[("x", ""), ("y", "\n\"\\é")]),
        with(&[("job", "other"), ("instance", "i")]),
        with(&[("instance", "")]),
        with(&[("x", "1"), ("x", "1")]),
        with(&[("x", "1"), ("x", "2")]),
        with(&[("job", "a"), ("job", "b")]),
        with(&[("instance", "a"), ("instance", "b")]),
        with(&[("", "1")]),
        with(&[("__x", "1")]),
        with(&[("__name__", "1")]),
        with(&[("a-b", "1")]),
        with(&[("a b", "1")]),
        with(&[("ä", "1")]),
        with(&[("1", "1")]),
        with(&[("le", "1")]),
        with(&[("quantile", "1")]),
        raw(&[(b"\xff", b"1")]),
        raw(&[(b"x", b"\xff")]),
        half(crate::proto::LabelPair { name: Some(b"x".to_vec()), value: None }),
        half(crate::proto::LabelPair { name: None, value: Some(b"x".to_vec()) }),
        half(crate::proto::LabelPair::default()),
        family("l", GAUGE, [gauge(1.0), gauge(2.0)]),
        family(
            "l",
            GAUGE,
            [
                labelled(gauge(1.0), &[("a", "1"), ("b", "2")]),
                labelled(gauge(1.0), &[("b", "2"), ("a", "1")]),
            ],
        ),
        family("l", SUMMARY, [labelled(summary(Summary::default()), &[("quantile", "1")])]),
        family("l", SUMMARY, [labelled(summary(Summary::default()), &[("le", "1")])]),
    ]
}

/// Each family alone, looked at in each format.
pub(super) async fn alike(pair: &Pair, families: Vec<MetricFamily>) {
    for family in families {
        let code = pair.messages("PUT", "/metrics/job/m", &body([&family])).await;
        if code == 200 {
            pair.look_the_same_in_short().await;
        }
        pair.text("DELETE", "/metrics/job/m", "").await;
    }
}

#[tokio::test]
async fn numbers_are_taken_and_shown_as_by_the_original() {
    alike(&Pair::start().await, numbers()).await;
}

#[tokio::test]
async fn labels_are_taken_and_shown_as_by_the_original() {
    alike(&Pair::start().await, label_sets()).await;
}

#[tokio::test]
async fn names_of_any_kind_make_no_difference_for_messages() {
    let config = Config { enable_utf8_names: true, ..Config::default() };
    let pair = Pair::with(config, &["--push.enable-utf8-names"]).await;
    alike(&pair, numbers().into_iter().chain(label_sets()).collect()).await;
}

#[tokio::test]
async fn several_messages_are_taken_as_by_the_original() {
    let pair = Pair::start().await;
    let (a, b) = (family("a", GAUGE, [gauge(1.0)]), family("b", COUNTER, [counter(1.0)]));
    let bad = family("a", GAUGE, [counter(1.0)]);
    let other = family("a", COUNTER, [counter(2.0)]);
    let empty = family("e", GAUGE, []);
    let h = family("h", HISTOGRAM, [histogram(Histogram::default())]);
    let h_count = family("h_count", GAUGE, [gauge(1.0)]);
    for families in [
        vec![],
        vec![&a, &b],
        vec![&b, &a],
        vec![&a, &a],
        vec![&a, &bad],
        vec![&bad, &a],
        vec![&a, &b, &other],
        vec![&h, &h_count],
        vec![&h_count, &h],
        vec![&a, &empty],
    ] {
        let whole = body(families);
        for method in ["PUT", "POST"] {
            let code = pair.messages(method, "/metrics/job/m/x/1", &whole).await;
            if code == 200 {
                pair.look_the_same_in_short().await;
            }
        }
    }
}

#[tokio::test]
async fn broken_messages_are_refused_in_the_words_of_the_original() {
    let pair = Pair::start().await;
    let whole = body([
        &family("a", GAUGE, [labelled(gauge(1.0), &[("x", "1")])]),
        &family("h", HISTOGRAM, [histogram(native(0))]),
    ]);
    for end in 0..whole.len() {
        pair.messages("PUT", "/metrics/job/m", &whole[..end]).await;
    }
    for bad in [
        &[1, 0x07][..],
        &[1, 0x06],
        &[2, 0x00, 0x00],
        &[1, 0x0c],
        &[2, 0x0b, 0x14],
        &[1, 0x0b],
        &[2, 0x09, 0x00],
        &[3, 0x22, 0x01, 0x07],
        &[0xff; 11],
        &[0x80],
        b"a 1\n",
        // Known fields of another wire type, and unknown ones.
        &[8, 0x0a, 1, b'a', 0x18, 1, 0x08, 1, 0x20][..8],
        &[7, 0x0a, 1, b'a', 0x18, 1, 0x08, 1],
    ] {
        pair.messages("PUT", "/metrics/job/m", bad).await;
    }
}
