//! No input makes a reader or writer work more than in proportion to its size.

use exposition::protobuf::{self, Limits};
use exposition::{Escaping, Family, Format, GroupingKey, Names, OpenMetricsVersion, parse_with};

use crate::growth::is_linear;
use crate::proto::{self, body, family, gauge, labels};

const SIZE: usize = 1000;

/// A text of so many equal parts between a start and an end.
fn text(start: &str, part: fn(usize) -> String, end: &str, size: usize) -> String {
    let mut text = start.to_owned();
    text.extend((0..size).map(part));
    text + end
}

type Text = (&'static str, &'static str, fn(usize) -> String, &'static str);

const TEXTS: [Text; 14] = [
    ("samples", "", |n| format!("a{{x=\"{n}\"}} {n}\n"), ""),
    ("equal samples", "", |_| "a 1\n".to_owned(), ""),
    ("families", "", |n| format!("a{n} 1\n"), ""),
    ("families with types and help", "", |n| format!("# TYPE a{n} gauge\n# HELP a{n} Text.\na{n} 1\n"), ""),
    ("families by turns", "", |n| format!("a{} 1\n", n % 100), ""),
    ("labels", "a{", |n| format!("x{n}=\"{n}\","), "} 1\n"),
    ("a label value", "a{x=\"", |_| "\\\\\\n\\\"".to_owned(), "\"} 1\n"),
    ("a help text", "# HELP a ", |_| "\\\\ ".to_owned(), "\na 1\n"),
    ("a name", "", |_| "a_:".to_owned(), " 1\n"),
    ("blanks", "", |_| " \t".to_owned(), "a 1\n"),
    ("comments", "", |_| "# words\n\n".to_owned(), ""),
    ("buckets", "# TYPE h histogram\n", |n| format!("h_bucket{{le=\"{n}\"}} {n}\n"), ""),
    (
        "histograms",
        "# TYPE h histogram\n",
        |n| format!("h_bucket{{le=\"1\",x=\"{n}\"}} 1\nh_count{{x=\"{n}\"}} 1\n"),
        "",
    ),
    ("quantiles", "# TYPE s summary\n", |n| format!("s{{quantile=\"{n}\"}} 1\n"), ""),
];

#[test]
#[should_panic(expected = "pairs: ")]
fn what_grows_with_the_square_is_found() {
    is_linear(
        "pairs",
        SIZE,
        |size| (0..size).collect::<Vec<_>>(),
        |numbers| {
            let equal = numbers.iter().map(|one| numbers.iter().filter(|other| one == *other).count());
            assert_eq!(equal.sum::<usize>(), numbers.len());
        },
    );
}

#[test]
fn texts_are_read_in_proportion_to_their_size() {
    for (what, start, part, end) in TEXTS {
        let make = |size| text(start, part, end, size);
        is_linear(what, SIZE, make, |text| drop(parse_with(text, Names::Utf8)));
        // A text that is refused at its very end.
        is_linear(
            what,
            SIZE,
            |size| make(size) + "}",
            |text| drop(parse_with(text, Names::Legacy).unwrap_err()),
        );
    }
}

fn message(what: &str, size: usize) -> Vec<u8> {
    let numbers: Vec<String> = (0..size).map(|n| format!("x{n}")).collect();
    let pair = |name: &'_ str| (name.as_bytes().to_vec(), b"v".to_vec());
    let with = |pairs: &[(Vec<u8>, Vec<u8>)]| proto::Metric {
        label: labels(pairs.iter().map(|(name, value)| (name.as_slice(), value.as_slice()))),
        ..gauge(1.0)
    };
    let histogram = |histogram| proto::Metric { histogram: Some(histogram), ..Default::default() };
    match what {
        "families" => body(&numbers.iter().map(|name| family(name, 1, [gauge(1.0)])).collect::<Vec<_>>()),
        "one family again and again" => body(&vec![family("a", 1, [gauge(1.0)]); size]),
        "samples" => body([&family("a", 1, numbers.iter().map(|name| with(&[pair(name)])))]),
        "labels" => {
            body([&family("a", 1, [with(&numbers.iter().map(|name| pair(name)).collect::<Vec<_>>())])])
        }
        "doubled labels" => body([&family("a", 1, [with(&vec![pair("x"); size])])]),
        "samples with problems" => body([&family("a", 0, vec![gauge(1.0); size])]),
        "buckets" => {
            let bucket = |n: usize| proto::Bucket { upper_bound: Some(n as f64), ..Default::default() };
            let value = proto::Histogram { bucket: (0..size).map(bucket).collect(), ..Default::default() };
            body([&family("h", 4, [histogram(value)])])
        }
        "native buckets" => {
            let span = proto::BucketSpan { offset: Some(1), length: Some(1) };
            let value = proto::Histogram {
                sample_count: Some(size as u64),
                positive_span: vec![span; size],
                positive_delta: std::iter::once(1).chain(vec![0; size - 1]).collect(),
                ..Default::default()
            };
            body([&family("n", 4, [histogram(value)])])
        }
        "groups" => {
            // Unknown fields: groups beside each other, and as many ends.
            let message: Vec<u8> = std::iter::repeat_n([0x9b, 6, 0x9c, 6], size).flatten().collect();
            let mut body = Vec::new();
            prost::encoding::encode_varint(message.len() as u64, &mut body);
            body.extend(message);
            body
        }
        "a value in pieces" => {
            let mut message = prost::Message::encode_to_vec(&family("h", 4, []));
            let piece = [0x22, 4, 0x3a, 2, 0x08, 4];
            message.extend(std::iter::repeat_n(piece, size).flatten());
            let mut body = Vec::new();
            prost::encoding::encode_varint(message.len() as u64, &mut body);
            body.extend(message);
            body
        }
        other => panic!("{other}"),
    }
}

#[test]
fn messages_are_read_in_proportion_to_their_size() {
    for what in [
        "families",
        "one family again and again",
        "samples",
        "labels",
        "doubled labels",
        "samples with problems",
        "buckets",
        "native buckets",
        "groups",
        "a value in pieces",
    ] {
        is_linear(
            what,
            SIZE,
            |size| message(what, size),
            |body| {
                protobuf::decode(&body, Limits::default()).unwrap();
            },
        );
    }
}

#[test]
fn every_format_is_written_in_proportion_to_what_is_in_it() {
    for escaping in [Escaping::AllowUtf8, Escaping::Underscores] {
        for format in [
            Format::Text { escaping },
            Format::ProtobufDelimited { escaping },
            Format::ProtobufText { escaping },
            Format::OpenMetrics { version: OpenMetricsVersion::V1_0_0, escaping },
        ] {
            let families = |size: usize| -> Vec<Family> {
                (0..size).map(|n| Family::gauge(format!("a.{n}"), "Text.").with([("x", "1")], 1.0)).collect()
            };
            let samples = |size: usize| {
                vec![
                    (0..size)
                        .fold(Family::gauge("a", ""), |family, n| family.with([("x.y", n.to_string())], 1.0)),
                ]
            };
            let labels = |size: usize| {
                let labels = (0..size).map(|n| (format!("x.{n}"), "v"));
                vec![Family::gauge("a", "").with(labels, 1.0)]
            };
            let write = |families: Vec<Family>| drop(format.encode(&families));
            is_linear("families", SIZE, families, write);
            is_linear("samples", SIZE, samples, write);
            is_linear("labels", SIZE, labels, write);
        }
    }
}

#[test]
fn keys_and_headers_are_read_in_proportion_to_their_size() {
    let path = |size| text("/metrics/job/j", |n| format!("/x{n}/{n}"), "", size);
    is_linear("labels", SIZE, path, |path| drop(GroupingKey::from_path(&path).unwrap()));
    let names = |size| text("/metrics/job/j", |n| format!("/x.{n}/{n}"), "", size);
    is_linear("names", SIZE, names, |path| {
        drop(GroupingKey::from_decoded_path_with(path.as_bytes(), Names::Utf8).unwrap());
    });
    let value = |size| text("/metrics/job/j/x@base64/", |_| "YWFh".to_owned(), "", size);
    is_linear("a value", SIZE, value, |path| drop(GroupingKey::from_path(&path).unwrap()));
    let accept = |size| text("", |_| "text/html;q=0.1,".to_owned(), "*/*", size);
    is_linear("clauses", SIZE, accept, |accept| {
        let _ = Format::negotiate(Some(&accept), true);
    });
    let parameters = |size| text("text/plain", |n| format!(";x{n}=1"), "", size);
    is_linear("parameters", SIZE, parameters, |accept| {
        let _ = Format::negotiate(Some(&accept), true);
    });
}
