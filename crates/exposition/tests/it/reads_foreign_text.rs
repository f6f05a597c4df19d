//! What others write is read as the reference implementation reads it.

use exposition::{Count, Family, Kind, Sample, Summary, Value, encode, parse};

/// Parses and writes again: short, and it shows all there is.
fn again(text: &str) -> String {
    encode(&parse(text).unwrap())
}

fn single(text: &str) -> (Family, Sample) {
    let families = parse(text).unwrap();
    let [family] = families.as_slice() else { panic!("one family expected: {families:?}") };
    let [sample] = family.samples.as_slice() else { panic!("one sample expected: {family:?}") };
    (family.clone(), sample.clone())
}

#[test]
fn texts_without_samples_are_empty() {
    for text in [
        "",
        "\n",
        "\n \t\n",
        "#\n",
        "# just words\n",
        "# EOF\n",
        "# UNIT a seconds\n",
        "# HELP a\n# HELP a \n",
        "# TYPE a\n",
        "# TYPE a gauge\n# HELP a b\n",
        "   ",
    ] {
        assert_eq!(parse(text), Ok(vec![]), "{text:?}");
    }
}

#[test]
fn blanks_may_stand_around_every_token() {
    let plain = "# TYPE a untyped\na{x=\"1\",y=\"2\"} 3\n";
    for text in [
        "a{x=\"1\",y=\"2\"} 3\n",
        " \ta { x = \"1\" , y = \"2\" } 3\n",
        "a{x=\"1\",y=\"2\",}3\n",
        "a{y=\"2\",x=\"1\"}\t3\n",
        "\"a\"{x=\"1\",\"y\"=\"2\"} 3\n",
        "{\"a\",x=\"1\",y=\"2\"} 3\n",
        "{ \"a\" , x=\"1\",y=\"2\" } 3\n",
    ] {
        assert_eq!(again(text), plain, "{text:?}");
    }
    assert_eq!(again("a{} 3\n{\"b\"} 4\n"), "# TYPE a untyped\na 3\n# TYPE b untyped\nb 4\n");
    assert_eq!(again("a+1\n"), "# TYPE a untyped\na 1\n");
}

#[test]
fn help_keeps_its_blanks_and_loses_its_escapes() {
    let (family, _) = single("#   HELP   a   x\\\\\\n\\\"y  \na 1\n");
    assert_eq!(family.help, "x\\\n\"y  ");
    let (family, _) = single("a 1\n# HELP a later\n");
    assert_eq!(family.help, "later");
    let families = parse(b"a 1\n# HELP a \xff\n").unwrap();
    assert_eq!(families[0].help, "\u{fffd}");
}

#[test]
fn type_words_are_read_in_any_case() {
    let kinds = [
        ("counter", Kind::Counter),
        ("GAUGE", Kind::Gauge),
        ("Summary", Kind::Summary),
        ("untyped", Kind::Untyped),
        ("hIstogram", Kind::Histogram),
        ("gaugehistogram", Kind::GaugeHistogram),
        ("gauge_histogram", Kind::GaugeHistogram),
    ];
    for (word, kind) in kinds {
        assert_eq!(single(&format!("# TYPE a {word}\na 1\n")).0.kind, kind);
    }
}

#[test]
fn comments_need_no_blank_behind_the_hash() {
    assert_eq!(again("#TYPE a gauge\n#HELP a Help.\na 1\n"), "# HELP a Help.\n# TYPE a gauge\na 1\n");
}

#[test]
fn interleaved_families_are_gathered() {
    assert_eq!(
        again("a 1\nb 2\na{x=\"1\"} 3\n"),
        "# TYPE a untyped\na 1\na{x=\"1\"} 3\n# TYPE b untyped\nb 2\n"
    );
}

#[test]
fn label_values_are_unescaped() {
    let (_, sample) = single("a{x=\"\\\\ \\n \\\" é\",y=\"\"} 1\n");
    assert_eq!(sample.labels["x"], "\\ \n \" é");
    assert_eq!(sample.labels["y"], "");
}

#[test]
fn timestamps_are_read() {
    assert_eq!(single("a 1 -5\n").1.timestamp, Some(-5));
    assert_eq!(single("a 1\t0\n").1.timestamp, Some(0));
    assert_eq!(single("# TYPE h histogram\nh_sum 1 7\nh_count 1\n").1.timestamp, Some(7));
}

#[test]
fn histograms_are_gathered_unchecked_and_unsorted() {
    let text = "# TYPE h histogram\n\
                h_bucket{le=\"1e1\",x=\"1\"} 3\nh_bucket{x=\"1\",le=\"1.0\"} 5\nh_count{x=\"1\"} 1\nh_count{x=\"1\"} 7\n\
                h_bucket{x=\"1\"} 9\nh{x=\"1\"} 9\nh_sum{x=\"2\"} 2\n";
    let shown = "# TYPE h histogram\n\
                 h_bucket{x=\"1\",le=\"10\"} 3\nh_bucket{x=\"1\",le=\"1\"} 5\nh_bucket{x=\"1\",le=\"+Inf\"} 7\n\
                 h_sum{x=\"1\"} 0\nh_count{x=\"1\"} 7\n\
                 h_bucket{x=\"2\",le=\"+Inf\"} 0\nh_sum{x=\"2\"} 2\nh_count{x=\"2\"} 0\n";
    assert_eq!(again(text), shown);
}

#[test]
fn fractional_counts_of_histograms_stay() {
    let (_, sample) = single("# TYPE h histogram\nh_bucket{le=\"Inf\"} 1.5\nh_count NaN\n");
    let Value::Histogram(histogram) = sample.value else { panic!("a histogram expected") };
    let bucket = &histogram.buckets[0];
    assert_eq!((bucket.upper_bound, bucket.cumulative_count), (f64::INFINITY, Count::Float(1.5)));
    assert!(histogram.count.as_f64().is_nan());
}

#[test]
fn counts_of_summaries_are_cut() {
    for (written, read) in
        [("4.9", 4), ("-4", 18_446_744_073_709_551_612), ("NaN", 1 << 63), ("1e300", 1 << 63)]
    {
        let (_, sample) = single(&format!("# TYPE s summary\ns_count {written}\n"));
        assert_eq!(
            sample.value,
            Value::Summary(Box::new(Summary { count: read, ..Summary::default() })),
            "{written}"
        );
    }
}

#[test]
fn parts_are_their_own_families_without_a_base() {
    assert_eq!(
        again("x_count 1\n# TYPE x summary\nx_count 2\nx_sum 3\nx_bucket 4\n"),
        "# TYPE x_count untyped\nx_count 1\nx_count 2\n# TYPE x summary\nx_sum 3\nx_count 0\n# TYPE x_bucket untyped\nx_bucket 4\n"
    );
}

#[test]
fn openmetrics_counters_come_without_type() {
    assert_eq!(
        again("# TYPE foo counter\nfoo_total 17\n# EOF\n"),
        "# TYPE foo_total untyped\nfoo_total 17\n"
    );
}

#[test]
fn gauge_histograms_keep_their_buckets() {
    assert_eq!(
        again("# TYPE g gaugehistogram\ng_bucket{le=\"+Inf\"} 2\ng_gsum 3\ng_gcount 2\n"),
        "# TYPE g histogram\ng_bucket{le=\"+Inf\"} 2\ng_sum 0\ng_count 0\n# TYPE g_gsum untyped\ng_gsum 3\n# TYPE g_gcount untyped\ng_gcount 2\n"
    );
}
