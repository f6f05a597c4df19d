//! Numbers have Go's form.

use exposition::number::{format, parse};

#[test]
fn numbers_are_written_in_the_shortest_form_of_go() {
    let cases = [
        (0.0, "0"),
        (-0.0, "-0"),
        (1.0, "1"),
        (0.5, "0.5"),
        (-1.25, "-1.25"),
        (123_456.0, "123456"),
        (999_999.0, "999999"),
        (999_999.999_999, "999999.999999"),
        (1_000_000.0, "1e+06"),
        (1_234_567.0, "1.234567e+06"),
        (1_763_820_000.123, "1.763820000123e+09"),
        (0.0001, "0.0001"),
        (0.000_099, "9.9e-05"),
        (0.00001, "1e-05"),
        (1e100, "1e+100"),
        (5e-324, "5e-324"),
        (f64::MAX, "1.7976931348623157e+308"),
        (f64::INFINITY, "+Inf"),
        (f64::NEG_INFINITY, "-Inf"),
        (f64::NAN, "NaN"),
    ];
    for (value, text) in cases {
        assert_eq!(format(value), text);
    }
}

#[test]
fn numbers_are_read_as_go_reads_them() {
    let cases = [
        (".5", 0.5),
        ("5.", 5.0),
        ("+5", 5.0),
        ("1E3", 1000.0),
        ("0777", 777.0),
        ("1e-400", 0.0),
        ("inf", f64::INFINITY),
        ("+Infinity", f64::INFINITY),
        ("-iNf", f64::NEG_INFINITY),
    ];
    for (text, value) in cases {
        assert_eq!(parse(text), Some(value), "{text}");
    }
    assert!(parse("nAn").is_some_and(f64::is_nan));
    for text in ["", ".", "e5", "1e309", "-1e309", "0x10", "0b1", "1_000", "1p3", "-NaN", "+nan", "1 ", "١"]
    {
        assert_eq!(parse(text), None, "{text}");
    }
}
