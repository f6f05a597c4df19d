//! Families are written as Prometheus reads them.

use exposition::{Bucket, Count, Family, Histogram, Kind, Quantile, Sample, Summary, Value, encode};

const NONE: [(&str, &str); 0] = [];

#[test]
fn a_gauge_has_help_type_and_sorted_escaped_labels() {
    let family = Family::gauge("size_bytes", "A \\ and\na \"quote\".")
        .with([("b", "two\nlines"), ("a", "q\"\\")], 1e6)
        .with(NONE, f64::NAN);
    let text = "# HELP size_bytes A \\\\ and\\na \"quote\".\n\
                # TYPE size_bytes gauge\n\
                size_bytes{a=\"q\\\"\\\\\",b=\"two\\nlines\"} 1e+06\n\
                size_bytes NaN\n";
    assert_eq!(encode(&[family]), text);
}

#[test]
fn families_without_help_or_samples_have_no_line_for_them() {
    let families =
        [Family::counter("empty", "Nothing."), Family::new("x", "", Kind::Untyped).with(NONE, 1.0)];
    assert_eq!(encode(&families), "# TYPE x untyped\nx 1\n");
}

#[test]
fn a_histogram_ends_in_an_infinite_bucket_sum_and_count() {
    let value = Value::Histogram(Box::new(Histogram {
        buckets: vec![Bucket { upper_bound: 0.5, cumulative_count: Count::Whole(2), exemplar: None }],
        sum: 1.5,
        count: Count::Whole(3),
        native: None,
    }));
    let mut family = Family::new("h", "", Kind::Histogram);
    family.samples.push(Sample::new([("z", "1")], value));
    let text = "# TYPE h histogram\nh_bucket{z=\"1\",le=\"0.5\"} 2\nh_bucket{z=\"1\",le=\"+Inf\"} 3\n\
                h_sum{z=\"1\"} 1.5\nh_count{z=\"1\"} 3\n";
    assert_eq!(encode(&[family]), text);
}

#[test]
fn a_summary_ends_in_sum_and_count() {
    let quantiles = vec![Quantile { quantile: 0.99, value: 7.0 }];
    let value = Value::Summary(Box::new(Summary { quantiles, sum: 10.0, count: 2 }));
    let mut family = Family::new("s", "", Kind::Summary);
    family.samples.push(Sample { timestamp: Some(-5), ..Sample::new(NONE, value) });
    let text = "# TYPE s summary\ns{quantile=\"0.99\"} 7 -5\ns_sum 10 -5\ns_count 2 -5\n";
    assert_eq!(encode(&[family]), text);
}
