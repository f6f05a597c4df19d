//! Durations are read and written as by Go.

use std::time::Duration;

use domain::rules::go_duration::{Error, format, parse};
use proptest::prelude::*;

/// Text, nanoseconds. The last ones are where floating point decides.
const READ: [(&str, u64); 24] = [
    ("0", 0),
    ("+0", 0),
    ("-0", 0),
    ("0s", 0),
    ("-0s", 0),
    ("5s", 5_000_000_000),
    ("+5s", 5_000_000_000),
    ("5.s", 5_000_000_000),
    (".5s", 500_000_000),
    ("1.004s", 1_004_000_000),
    ("1.0040s", 1_004_000_000),
    ("100.00100s", 100_001_000_000),
    ("10ns", 10),
    ("11us", 11_000),
    ("12\u{b5}s", 12_000),
    ("12\u{3bc}s", 12_000),
    ("13ms", 13_000_000),
    ("3h30m", 12_600_000_000_000),
    ("1m1h1m", 3_720_000_000_000),
    ("1h2m3s4ms5us6ns", 3_723_004_005_006),
    ("9223372036854775807ns", i64::MAX as u64),
    ("0.3333333333333333333h", 1_200_000_000_000),
    ("0.830103483285477580700h", 2_988_372_539_827),
    ("0.9ns", 0),
];

#[test]
fn reads_what_go_reads() {
    for (text, nanoseconds) in READ {
        assert_eq!(parse(text), Ok(Duration::from_nanos(nanoseconds)), "{text}");
    }
}

#[test]
fn writes_what_go_writes() {
    let written = [
        (0, "0s"),
        (1, "1ns"),
        (1_500, "1.5µs"),
        (2_000_000, "2ms"),
        (150_000_000, "150ms"),
        (999_999_999, "999.999999ms"),
        (3_020_000_000, "3.02s"),
        (60_000_000_000, "1m0s"),
        (245_000_000_001, "4m5.000000001s"),
        (3_600_000_000_000, "1h0m0s"),
        (3_723_000_000_000, "1h2m3s"),
        (i64::MAX as u64, "2562047h47m16.854775807s"),
    ];
    for (nanoseconds, text) in written {
        assert_eq!(format(Duration::from_nanos(nanoseconds)), text);
    }
}

#[test]
fn refuses_with_a_remedy() {
    let text = || String::from("x");
    let messages = [
        (parse(""), "write numbers with units"),
        (parse("s"), "write numbers with units"),
        (parse("."), "write numbers with units"),
        (parse("-"), "write numbers with units"),
        (parse("1h "), "unknown unit \"h \""),
        (parse(" 1h"), "write numbers with units"),
        (parse("--1h"), "write numbers with units"),
        (parse("15"), "lacks a unit after \"15\""),
        (parse("1h15"), "lacks a unit after \"15\""),
        (parse("00"), "lacks a unit"),
        (parse("1d"), "unknown unit \"d\""),
        (parse("1H"), "unknown unit \"H\""),
        (parse("-5m"), "leave out the \"-\""),
        (parse("9223372036854775808ns"), "too long"),
        (parse("2562048h"), "too long"),
        (parse("99999999999999999999999h"), "too long"),
        (Err(Error::TooLong { text: text() }), "292 years"),
    ];
    for (result, part) in messages {
        let message = result.unwrap_err().to_string();
        assert!(message.contains(part), "{message:?} should say {part:?}");
    }
}

proptest! {
    #[test]
    fn every_duration_survives_writing_and_reading(nanoseconds in 0..=i64::MAX as u64) {
        let duration = Duration::from_nanos(nanoseconds);
        prop_assert_eq!(parse(&format(duration)), Ok(duration));
    }

    #[test]
    fn short_durations_survive_writing_and_reading(nanoseconds in 0..7_200_000_000_000_u64, cut in 0..12_u32) {
        let duration = Duration::from_nanos(nanoseconds / 10_u64.pow(cut) * 10_u64.pow(cut));
        prop_assert_eq!(parse(&format(duration)), Ok(duration));
    }

    #[test]
    fn no_text_is_too_strange(text in ".{0,40}|[-+0-9.hmsunµ]{0,60}") {
        if let Ok(duration) = parse(&text) {
            prop_assert_eq!(parse(&format(duration)), Ok(duration));
        }
    }
}
