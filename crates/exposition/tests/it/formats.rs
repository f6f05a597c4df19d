//! Families in every format, as the original writes them.

use exposition::{
    Bucket, Count, Escaping, Exemplar, Extra, Family, Format, Histogram, Kind, Labels, Moment,
    OpenMetricsVersion, Quantile, Sample, Summary, Value,
};

fn text(escaping: Escaping) -> Format {
    Format::Text { escaping }
}

fn openmetrics() -> Format {
    Format::OpenMetrics { version: OpenMetricsVersion::V1_0_0, escaping: Escaping::AllowUtf8 }
}

fn written(format: Format, families: &[Family]) -> String {
    String::from_utf8(format.encode(families)).unwrap()
}

fn exemplar() -> Exemplar {
    let labels = Labels::from([("trace_id".to_owned(), "a\"b".to_owned())]);
    Exemplar { labels, value: 1.0, timestamp: Some(Moment { seconds: -2, nanos: 500_000_000 }) }
}

fn counter(name: &str) -> Family {
    let extra = Extra { created: Some(Moment { seconds: 5, nanos: 7 }), exemplar: Some(exemplar()) };
    let sample = Sample::new([("x", "1")], Value::Number(3.0));
    let sample = Sample { extra: Some(Box::new(extra)), timestamp: Some(-1500), ..sample };
    Family { samples: vec![sample], ..Family::counter(name, "a \"b\"\n\\") }
}

fn histogram(kind: Kind) -> Family {
    let bucket = Bucket {
        upper_bound: 0.5,
        cumulative_count: Count::Whole(2),
        exemplar: Some(Box::new(Exemplar { labels: Labels::new(), value: 0.25, timestamp: None })),
    };
    let histogram =
        Histogram { buckets: vec![bucket], sum: 1.5, count: Count::Whole(1_000_000), native: None };
    let labels: [(&str, &str); 0] = [];
    let sample = Sample::new(labels, Value::Histogram(Box::new(histogram)));
    Family { samples: vec![sample], ..Family::new("h", "", kind) }
}

fn summary() -> Family {
    let quantiles = vec![Quantile { quantile: 1.0, value: f64::NAN }];
    let summary = Summary { quantiles, sum: -0.0, count: 3 };
    let sample = Sample::new([("x", "1")], Value::Summary(Box::new(summary)));
    Family { samples: vec![sample], ..Family::new("s", "", Kind::Summary) }
}

/// Names that only UTF-8 readers take.
fn foreign() -> Family {
    Family::gauge("a.b\"", "").with([("job", "j"), ("x.y", "1"), ("z:", "2")], 1.0)
}

#[test]
fn names_are_shown_as_the_reader_wants_them() {
    for (escaping, expected) in [
        (
            Escaping::AllowUtf8,
            "# TYPE \"a.b\\\"\" gauge\n{\"a.b\\\"\",job=\"j\",\"x.y\"=\"1\",\"z:\"=\"2\"} 1\n",
        ),
        (Escaping::Underscores, "# TYPE a_b_ gauge\na_b_{job=\"j\",x_y=\"1\",z_=\"2\"} 1\n"),
        (Escaping::Dots, "# TYPE a_dot_b__ gauge\na_dot_b__{job=\"j\",x_dot_y=\"1\",z__=\"2\"} 1\n"),
        (
            Escaping::Values,
            "# TYPE U__a_2e_b_22_ gauge\nU__a_2e_b_22_{job=\"j\",U__x_2e_y=\"1\",U__z_3a_=\"2\"} 1\n",
        ),
    ] {
        assert_eq!(written(text(escaping), &[foreign()]), expected);
    }
}

#[test]
fn a_part_of_a_family_with_a_foreign_name_is_quoted_as_a_whole() {
    let family = Family { name: "h.x".to_owned(), ..histogram(Kind::Histogram) };
    let text = written(text(Escaping::AllowUtf8), &[family]);
    assert!(text.starts_with("# TYPE \"h.x\" histogram\n{\"h.x_bucket\",le=\"0.5\"} 2\n"), "{text}");
    assert!(text.ends_with("{\"h.x_sum\"} 1.5\n{\"h.x_count\"} 1e+06\n"), "{text}");
}

#[test]
fn zero_has_no_sign_in_the_text() {
    assert_eq!(
        written(text(Escaping::default()), &[Family::gauge("a", "").with([("x", "")], -0.0)]),
        "# TYPE a gauge\na{x=\"\"} 0\n"
    );
}

#[test]
fn messages_as_text_are_those_of_the_original() {
    let lines = written(Format::ProtobufText { escaping: Escaping::Underscores }, &[foreign(), summary()]);
    let metric = "metric: {\n  label: {\n    name: \"job\"\n    value: \"j\"\n  }\n  label: {\n    name: \"x_y\"\n    \
                  value: \"1\"\n  }\n  label: {\n    name: \"z_\"\n    value: \"2\"\n  }\n  gauge: {\n    value: 1\n  \
                  }\n}\n\n";
    assert!(lines.starts_with(&format!("name: \"a_b_\"\ntype: GAUGE\n{metric}name: \"s\"\n")), "{lines}");
    assert!(lines.ends_with("      quantile: 1\n      value: nan\n    }\n  }\n}\n\n"), "{lines}");

    let compact = Format::ProtobufCompact { escaping: Escaping::AllowUtf8 };
    let stamped = counter("c");
    assert_eq!(
        written(compact, &[stamped, histogram(Kind::GaugeHistogram)]),
        "name:\"c\" help:\"a \\\"b\\\"\\n\\\\\" type:COUNTER metric:{label:{name:\"x\" value:\"1\"} counter:{value:3 \
         exemplar:{label:{name:\"trace_id\" value:\"a\\\"b\"} value:1 timestamp:{seconds:-2 nanos:500000000}} \
         created_timestamp:{seconds:5 nanos:7}} timestamp_ms:-1500}\n\
         name:\"h\" type:GAUGE_HISTOGRAM metric:{histogram:{sample_count:1000000 sample_sum:1.5 \
         bucket:{cumulative_count:2 upper_bound:0.5 exemplar:{value:0.25}}}}\n"
    );
}

#[test]
fn openmetrics_has_exemplars_created_times_and_an_end() {
    assert_eq!(
        written(openmetrics(), &[counter("c_total"), histogram(Kind::Histogram), summary()]),
        "# HELP c a \\\"b\\\"\\n\\\\\n# TYPE c counter\n\
         c_total{x=\"1\"} 3.0 -1.500 # {trace_id=\"a\\\"b\"} 1.0 -1.500000000\n\
         c_created{x=\"1\"} 5.000000007\n\
         # TYPE h histogram\n\
         h_bucket{le=\"0.5\"} 2 # {} 0.25\n\
         h_bucket{le=\"+Inf\"} 1000000\n\
         h_sum 1.5\n\
         h_count 1000000\n\
         # TYPE s summary\n\
         s{x=\"1\",quantile=\"1.0\"} NaN\n\
         s_sum{x=\"1\"} -0.0\n\
         s_count{x=\"1\"} 3\n\
         # EOF\n"
    );
    assert_eq!(written(openmetrics(), &[]), "# EOF\n");
}

#[test]
fn openmetrics_has_no_counter_without_total() {
    assert_eq!(
        written(openmetrics(), &[counter("c")]),
        "# HELP c a \\\"b\\\"\\n\\\\\n# TYPE c unknown\nc{x=\"1\"} 3.0 -1.500\n# EOF\n"
    );
    let gauge_histogram = written(openmetrics(), &[histogram(Kind::GaugeHistogram)]);
    assert!(gauge_histogram.starts_with("# TYPE h gaugehistogram\n"), "{gauge_histogram}");
    assert!(gauge_histogram.contains("h_gsum 1.5\nh_gcount 1000000\n"), "{gauge_histogram}");
}

#[test]
fn media_types_are_those_of_the_original() {
    let escaping = Escaping::Values;
    for (format, expected) in [
        (Format::Text { escaping }, "text/plain; version=0.0.4; charset=utf-8; escaping=values"),
        (
            Format::ProtobufDelimited { escaping },
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; \
             escaping=values",
        ),
        (openmetrics(), "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8"),
    ] {
        assert_eq!(format.content_type(), expected);
    }
}

#[test]
fn the_length_in_front_counts_what_is_written_not_what_was_given() {
    for escaping in [Escaping::AllowUtf8, Escaping::Underscores, Escaping::Dots, Escaping::Values] {
        let families = [foreign(), counter("ä"), histogram(Kind::Histogram)];
        let body = Format::ProtobufDelimited { escaping }.encode(&families);
        let mut rest = &body[..];
        let mut names = Vec::new();
        while !rest.is_empty() {
            let family: crate::proto::MetricFamily =
                prost::Message::decode_length_delimited(&mut rest).unwrap();
            names.push(String::from_utf8(family.name.unwrap_or_default()).unwrap());
        }
        assert_eq!(names, [&escaping.metric_name("a.b\"")[..], &escaping.metric_name("ä"), "h"]);
    }
}
