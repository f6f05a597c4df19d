//! Protobuf bodies are read as the original reads them, and never believed.

use exposition::protobuf::{Decoded, Limits, ProtobufError, decode};
use exposition::{Count, Kind, Moment, Value};
use proptest::prelude::*;

use crate::proto::{self, body, family, gauge, labels};

const GAUGE: i32 = 1;
const HISTOGRAM: i32 = 4;

fn read(body: &[u8]) -> Result<Decoded, ProtobufError> {
    decode(body, Limits::default())
}

/// The problems of one family.
fn problems(family: &proto::MetricFamily) -> Vec<String> {
    read(&body([family])).unwrap().problems
}

fn native(
    schema: i32,
    positive_span: &[(i32, u32)],
    positive_delta: &[i64],
    count: u64,
) -> proto::MetricFamily {
    let span =
        |(offset, length): &(i32, u32)| proto::BucketSpan { offset: Some(*offset), length: Some(*length) };
    let histogram = proto::Histogram {
        sample_count: Some(count),
        schema: Some(schema),
        positive_span: positive_span.iter().map(span).collect(),
        positive_delta: positive_delta.to_vec(),
        ..Default::default()
    };
    family("n", HISTOGRAM, [proto::Metric { histogram: Some(histogram), ..Default::default() }])
}

#[test]
fn an_empty_body_is_an_empty_push() {
    assert_eq!(read(b""), Ok(Decoded::default()));
}

#[test]
fn a_family_without_type_is_a_counter_and_may_be_without_samples() {
    let family = proto::MetricFamily { name: Some("c".into()), help: Some("h".into()), ..Default::default() };
    let decoded = read(&body([&family])).unwrap();
    assert_eq!(decoded.problems, [""; 0]);
    let [family] = &decoded.families[..] else { panic!("{decoded:?}") };
    assert_eq!((family.name.as_str(), family.help.as_str(), family.kind), ("c", "h", Kind::Counter));
    assert!(family.samples.is_empty());
}

#[test]
fn of_two_messages_of_one_name_the_last_counts() {
    let bad = family("a", 9, [gauge(1.0)]);
    let decoded =
        read(&body([&bad, &family("b", GAUGE, [gauge(2.0)]), &family("a", GAUGE, [gauge(3.0)])])).unwrap();
    assert_eq!(decoded.problems, [""; 0], "those of the replaced message are gone");
    let names: Vec<_> = decoded.families.iter().map(|family| family.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(decoded.families[0].samples[0].value, Value::Number(3.0));
}

#[test]
fn a_timestamp_is_one_even_when_it_is_0() {
    for (written, read_back) in [(None, None), (Some(0), Some(0)), (Some(-5), Some(-5))] {
        let metric = proto::Metric { timestamp_ms: written, ..gauge(1.0) };
        let decoded = read(&body([&family("a", GAUGE, [metric])])).unwrap();
        assert_eq!(decoded.families[0].samples[0].timestamp, read_back);
    }
}

#[test]
fn a_timestamp_stays_on_a_sample_with_a_problem() {
    let metric = proto::Metric { timestamp_ms: Some(1), ..Default::default() };
    let decoded = read(&body([&family("a", GAUGE, [metric])])).unwrap();
    assert_eq!(decoded.families[0].samples[0].timestamp, Some(1));
    assert_eq!(decoded.problems.len(), 1);
}

#[test]
fn any_prefix_of_a_body_is_cut_or_whole() {
    let families = [family("a", GAUGE, [gauge(1.0)]), native(3, &[(0, 2)], &[1, 1], 3)];
    let whole = body(&families);
    let first = body(&families[..1]).len();
    for end in 0..=whole.len() {
        let expected = [0, first, whole.len()].contains(&end);
        let read = read(&whole[..end]);
        if expected {
            read.unwrap();
        } else {
            assert_eq!(read, Err(ProtobufError::UnexpectedEof), "{end}");
            assert_eq!(read.unwrap_err().to_string(), "unexpected EOF");
        }
    }
}

#[test]
fn a_length_is_not_believed() {
    // 4 TiB, 2^63, 2^64 - 1.
    for length in [1u64 << 42, 1 << 63, u64::MAX] {
        let mut body = Vec::new();
        prost::encoding::encode_varint(length, &mut body);
        body.push(0);
        assert_eq!(read(&body), Err(ProtobufError::UnexpectedEof));
    }
    assert_eq!(read(&[0xff; 11]), Err(ProtobufError::Overflow));
    // The length of a field inside of a message.
    assert_eq!(read(&[3, 0x0a, 0xff, 0x7f]), Err(ProtobufError::Malformed));
}

#[test]
fn bad_wire_data_is_refused_in_the_words_of_the_original() {
    let bad: [&[u8]; 8] = [
        &[1, 0x07],             // wire type 7
        &[1, 0x06],             // wire type 6
        &[2, 0x00, 0x00],       // field 0
        &[1, 0x0c],             // the end of a group that did not begin
        &[2, 0x0b, 0x14],       // a group that ends with another number
        &[1, 0x0b],             // a group without end
        &[2, 0x09, 0x00],       // a cut 64 bit number
        &[3, 0x22, 0x01, 0x07], // wire type 7 inside of a metric
    ];
    for body in bad {
        let error = read(body).unwrap_err();
        assert_eq!(error, ProtobufError::Malformed, "{body:?}");
        assert!(error.to_string().starts_with("proto:"));
    }
}

#[test]
fn unknown_fields_are_dropped_and_so_are_known_ones_of_another_wire_type() {
    let mut message = prost::Message::encode_to_vec(&family("a", GAUGE, [gauge(1.0)]));
    // Field 99: a number, 64 bits, bytes, a group with a field, 32 bits; field 1 as a number.
    message.extend([0x98, 6, 1]);
    message.extend([0x99, 6, 1, 2, 3, 4, 5, 6, 7, 8]);
    message.extend([0x9a, 6, 1, 1]);
    message.extend([0x9b, 6, 0x08, 1, 0x9c, 6]);
    message.extend([0x9d, 6, 1, 2, 3, 4]);
    message.extend([0x08, 1]);
    let mut body = vec![message.len() as u8];
    body.extend(message);
    let decoded = read(&body).unwrap();
    assert_eq!((decoded.families[0].name.as_str(), decoded.problems.len()), ("a", 0));
}

#[test]
fn what_the_consistency_check_refuses_is_a_problem() {
    let with = |pairs: &[(&[u8], &[u8])]| {
        family("a", GAUGE, [proto::Metric { label: labels(pairs.iter().copied()), ..gauge(1.0) }])
    };
    assert_eq!(
        problems(&with(&[(b"x", b"1"), (b"y", b""), (b"x", b"2")])),
        [r#"collected metric "a" {x="1",y="",x="2"} has two or more labels with the same name: x"#]
    );
    assert_eq!(
        problems(&with(&[(b"", b"1")])),
        [r#"collected metric "a" {="1"} has two or more labels with the same name: "#]
    );
    assert_eq!(
        problems(&with(&[(b"\xff", b"1")])),
        ["collected metric \"a\" {\u{fffd}=\"1\"} has a label with an invalid name: \u{fffd}"]
    );
    assert_eq!(
        problems(&with(&[(b"x", b"\xff")])),
        [
            "collected metric \"a\" {x=\"\u{fffd}\"} has a label named \"x\" whose value is not utf8: \"\\xff\""
        ]
    );
    assert_eq!(problems(&family("a", 0, [gauge(1.0)])), [r#"collected metric "a" {} is not a COUNTER"#]);
    assert_eq!(problems(&family("a", 9, [gauge(1.0)])), [r#"metric family "a" has the unknown type 9"#]);
    assert_eq!(problems(&family("", GAUGE, [gauge(1.0)])), ["a metric family has no name"]);
    let nameless = proto::MetricFamily { name: Some(vec![0xff]), ..Default::default() };
    assert_eq!(problems(&nameless), ["the metric family name \"\u{fffd}\" is not utf8"]);
}

#[test]
fn native_histograms_that_would_break_a_scraper_are_problems() {
    assert_eq!(problems(&native(3, &[(-2, 2), (1, 1)], &[2, -1, 3], 7)), [""; 0]);
    let refused = |family: &proto::MetricFamily, reason: &str| {
        let expected = format!("collected metric \"n\" {{}} is no native histogram: {reason}");
        assert_eq!(problems(family), [expected]);
    };
    refused(&native(9, &[], &[], 0), "the schema is 9, only -4 to 8 are known");
    refused(&native(-53, &[], &[], 0), "the schema is -53, only -4 to 8 are known");
    refused(&native(0, &[(0, 2)], &[1], 1), "the positive spans have 2 buckets, but there are 1 deltas");
    refused(
        &native(0, &[(0, u32::MAX); 3], &[1], 1),
        "the positive spans have 12884901885 buckets, but there are 1 deltas",
    );
    refused(&native(0, &[(0, 1), (-1, 1)], &[1, 0], 2), "the positive spans overlap");
    refused(&native(0, &[(0, 2)], &[1, -2], 0), "a positive bucket has a count below 0");
    refused(&native(0, &[(0, 2)], &[i64::MAX, 1], 0), "a positive bucket has a count below 0");
    refused(&native(0, &[(0, 1)], &[1], 2), "1 observations in the buckets, but 2 in all");
}

#[test]
fn exemplars_created_timestamps_and_float_counts_are_kept() {
    let exemplar = proto::Exemplar {
        label: labels([(&b"trace_id"[..], &b"1"[..])]),
        value: Some(0.5),
        timestamp: Some(proto::Timestamp { seconds: 7, nanos: 8 }),
    };
    let bucket = proto::Bucket {
        cumulative_count_float: Some(1.5),
        upper_bound: Some(2.0),
        exemplar: Some(exemplar.clone()),
        ..Default::default()
    };
    let histogram = proto::Histogram {
        sample_count_float: Some(2.5),
        sample_sum: Some(3.0),
        bucket: vec![bucket],
        created_timestamp: Some(proto::Timestamp { seconds: 1, nanos: 2 }),
        ..Default::default()
    };
    let metric = proto::Metric { histogram: Some(histogram), ..Default::default() };
    let decoded = read(&body([&family("h", HISTOGRAM, [metric])])).unwrap();
    let sample = &decoded.families[0].samples[0];
    let created = sample.extra.as_ref().and_then(|extra| extra.created);
    assert_eq!(created, Some(Moment { seconds: 1, nanos: 2 }));
    let Value::Histogram(histogram) = &sample.value else { panic!("{sample:?}") };
    assert_eq!((histogram.count, histogram.native.is_some()), (Count::Float(2.5), false));
    assert_eq!(histogram.buckets[0].cumulative_count, Count::Float(1.5));
    let exemplar = histogram.buckets[0].exemplar.as_ref().unwrap();
    assert_eq!((exemplar.value, exemplar.timestamp), (0.5, Some(Moment { seconds: 7, nanos: 8 })));
    assert_eq!(exemplar.labels["trace_id"], "1");
}

#[test]
fn parts_beyond_the_limit_are_refused() {
    let metric = |labelled| proto::Metric { label: labels(labelled), ..gauge(1.0) };
    let family = family("a", GAUGE, [metric(vec![]), metric(vec![(&b"x"[..], &b""[..])])]);
    let body = body([&family]);
    assert!(decode(&body, Limits { parts: 4 }).is_ok());
    assert_eq!(decode(&body, Limits { parts: 3 }), Err(ProtobufError::TooManyParts { limit: 3 }));
    // Deltas in one packed field: a byte each.
    let mut packed = vec![0x3a, 0, 0x6a, 0];
    packed.extend([2; 100]);
    (packed[1], packed[3]) = (102, 100);
    let mut message = vec![0x22, 104];
    message.extend(packed);
    let mut body = vec![106];
    body.extend(message);
    assert_eq!(decode(&body, Limits { parts: 100 }), Err(ProtobufError::TooManyParts { limit: 100 }));
}

#[test]
fn a_thousand_problems_are_reported_by_a_few_words() {
    let pairs = vec![(&b"x"[..], &[b'v'; 1000][..]); 1000];
    let metric = proto::Metric { label: labels(pairs), ..gauge(1.0) };
    let problems = problems(&family("a", GAUGE, vec![metric; 5]));
    assert_eq!(problems.len(), 10);
    assert!(problems.iter().all(|problem| problem.len() < 700));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes);
        let mut framed = vec![bytes.len() as u8 & 0x7f];
        framed.extend(bytes);
        let _ = read(&framed);
    }
}
