//! Tables of every kind of value.

use exposition::{Bucket, Family, Native, NativeBuckets, Quantile, Sample, Span};
use jiff::tz::TimeZone;

use super::*;
use crate::{Config, Gateway, PushMode};

/// Text of the table of one family, one line per row, cells separated by ` | `.
fn rows(family: Family) -> String {
    let gateway = Gateway::open(Config::default()).unwrap();
    let key = GroupingKey::new("j", [("g", "1")]).unwrap();
    let name = family.name.clone();
    gateway.push(key.clone(), vec![family], PushMode::Replace).unwrap();
    let store = gateway.snapshot();
    let held = store.group(&key).unwrap().family(&name).unwrap();
    let clock = Clock { now: Timestamp::from_second(1_800_000_000).unwrap(), zone: &TimeZone::UTC };
    let (table, shown) = table(held, &held.series, &key, &mut Rows(1_000), &clock);
    assert_eq!(shown, held.series.len());
    text(&table.into_string())
}

fn text(html: &str) -> String {
    let html =
        html.replace("</tr>", "\n").replace("</p>", "\n").replace("</td>", " | ").replace("</th>", " | ");
    let mut text = String::new();
    let mut inside = false;
    for letter in html.chars() {
        match letter {
            '<' => inside = true,
            '>' => inside = false,
            letter if !inside => text.push(letter),
            _ => {}
        }
    }
    let lines = text.lines().map(|line| line.trim().trim_end_matches(" |"));
    lines.collect::<Vec<_>>().join("\n").replace("&gt;", ">").replace("&quot;", "\"")
}

fn histogram(name: &str, histogram: Histogram) -> String {
    let mut family = Family::new(name, "", Kind::Histogram);
    let none: [(&str, &str); 0] = [];
    family.samples.push(Sample::new(none, Value::Histogram(Box::new(histogram))));
    rows(family)
}

#[test]
fn labels_beside_those_of_the_group_are_columns() {
    let family = Family::gauge("m", "")
        .with([("a", "1"), ("b", "x")], 1_784_983_921.0)
        .with([("a", "2"), ("b", "")], -0.25)
        .with([("a", "3")], f64::NAN);
    let shown = rows(family);
    assert_eq!(shown, "a | b | Value\n3 | – | NaN\n1 | x | 1784983921\n2 | \"\" | -0.25");
}

#[test]
fn many_labels_share_a_column() {
    let labels = ["a", "b", "c", "d", "e", "f"].map(|name| (name, "1"));
    assert_eq!(
        rows(Family::gauge("m", "").with(labels, 1e300)),
        "Labels | Value\na=1 b=1 c=1 d=1 e=1 f=1  | 1e+300"
    );
}

#[test]
fn numbers_say_what_they_mean() {
    let clock = Clock { now: Timestamp::from_second(1_800_000_000).unwrap(), zone: &TimeZone::UTC };
    for (name, value, meant) in [
        ("session_start_timestamp_seconds", 1_799_999_940.0, "1799999940 1 minute ago"),
        ("push_time_seconds", 0.0, "0"),
        ("push_time_seconds", 1.799_999_940_5e9, "1799999940.5 59 seconds ago"),
        ("x_seconds", 192.0, "192 3m 12s"),
        ("x_seconds_total", 7530.0, "7530 2h 5m"),
        ("x_seconds", 12.5, "12.5"),
        ("x_seconds", f64::INFINITY, "+Inf"),
        ("x_bytes", 1536.0, "1536 1.5 KiB"),
        ("x_bytes", -5.0, "-5"),
        ("x_bytes", f64::NAN, "NaN"),
        ("x", 1e16, "1e+16"),
        ("x", 123_456_789.0, "123456789"),
        ("x", -0.0, "-0"),
    ] {
        assert_eq!(text(&quantity(name, value, &clock).into_string()), meant, "{name} {value}");
    }
}

#[test]
fn a_classic_histogram_shows_each_bucket_by_itself() {
    let bucket =
        |upper_bound, count| Bucket { upper_bound, cumulative_count: Count::Whole(count), exemplar: None };
    let shown = histogram(
        "h",
        Histogram {
            buckets: vec![bucket(0.1, 2), bucket(1.0, 7), bucket(10.0, 7)],
            sum: 20.0,
            count: Count::Whole(8),
            native: None,
        },
    );
    assert_eq!(
        shown,
        "8 observations, sum 20, mean 2.5\nBucket |  | Observations\n≤ 0.1 |  | 2\n(0.1, 1] |  | 5\n(1, 10] |  | 0\n> 10 |  | 1"
    );
}

#[test]
fn a_native_histogram_shows_its_buckets() {
    let side = |offset, deltas: &[i64]| NativeBuckets {
        spans: vec![Span { offset, length: deltas.len() as u32 }],
        deltas: deltas.to_vec(),
        counts: Vec::new(),
    };
    let shown = histogram(
        "h",
        Histogram {
            buckets: Vec::new(),
            sum: 6.0,
            count: Count::Whole(7),
            native: Some(Native {
                schema: 0,
                zero_threshold: 0.001,
                zero_count: Count::Whole(1),
                negative: side(0, &[1]),
                positive: side(1, &[2, 1]),
                exemplars: Vec::new(),
            }),
        },
    );
    assert_eq!(
        shown,
        "native, 7 observations, sum 6, mean 0.8571\nBucket |  | Observations\n[-1, -0.5) |  | 1\n[-0.001, 0.001] |  | 1\n(1, 2] |  | 2\n(2, 4] |  | 3"
    );
}

#[test]
fn a_summary_shows_its_quantiles() {
    let mut family = Family::new("x_bytes", "", Kind::Summary);
    let quantiles =
        vec![Quantile { quantile: 0.5, value: 2048.0 }, Quantile { quantile: 0.99, value: f64::NAN }];
    let summary = Summary { quantiles, sum: 4096.0, count: 1 };
    family.samples.push(Sample::new([("op", "a")], Value::Summary(Box::new(summary))));
    assert_eq!(
        rows(family),
        "op=a\n1 observation, sum 4096 4.0 KiB\nQuantile |  | Value\n0.5 |  | 2048 2.0 KiB\n0.99 |  | NaN"
    );
}

#[test]
fn bars_are_drawn_to_scale() {
    let row = |length| Row { name: "x".into(), number: html! { "n" }, length };
    let drawn =
        bars("a", "b", "m", &[row(4.0), row(1.0), row(0.0), row(f64::INFINITY), row(f64::NAN), row(-1.0)], 0);
    let drawn = drawn.into_string();
    let widths: Vec<&str> =
        drawn.split("width=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(widths, ["100.0", "25.0", "100.0"]);
}

#[test]
fn rows_are_bounded_however_many_there_are() {
    let buckets = (0..5_000).map(|n| Bucket {
        upper_bound: f64::from(n),
        cumulative_count: Count::Whole(1),
        exemplar: None,
    });
    let shown = histogram(
        "h",
        Histogram { buckets: buckets.collect(), sum: 1.0, count: Count::Whole(1), native: None },
    );
    assert!(shown.contains("4,901 more rows"), "{shown}");
    assert!(shown.lines().count() < 110);
}

#[test]
fn one_value_without_labels_needs_no_table() {
    let none: [(&str, &str); 0] = [];
    assert_eq!(rows(Family::gauge("x_bytes", "").with(none, 2048.0)), "Value 2048 2.0 KiB");
}

#[test]
fn a_page_ends_before_the_distribution_that_does_not_fit() {
    let gateway = Gateway::open(Config::default()).unwrap();
    let key = GroupingKey::new("j", [("g", "1")]).unwrap();
    let mut family = Family::new("h", "", Kind::Histogram);
    for number in 0..10 {
        let bucket = Bucket { upper_bound: 1.0, cumulative_count: Count::Whole(1), exemplar: None };
        let histogram = Histogram { buckets: vec![bucket], sum: 1.0, count: Count::Whole(1), native: None };
        let labels = [("n", number.to_string())];
        family.samples.push(Sample::new(labels, Value::Histogram(Box::new(histogram))));
    }
    gateway.push(key.clone(), vec![family], PushMode::Replace).unwrap();
    let store = gateway.snapshot();
    let held = store.group(&key).unwrap().family("h").unwrap();
    let clock = Clock { now: Timestamp::UNIX_EPOCH, zone: &TimeZone::UTC };
    // Three rows each: the heading, the bucket, and the one for infinity.
    let mut rows = Rows(8);
    let (table, shown) = table(held, &held.series, &key, &mut rows, &clock);
    assert_eq!((shown, rows.0), (2, 2));
    assert_eq!(table.into_string().matches("1 observation").count(), 2);
}
