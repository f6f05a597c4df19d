//! Texts that are none are refused with the line and the reason.

use exposition::parse;
use proptest::prelude::*;

fn refusal(text: &str) -> String {
    parse(text).unwrap_err().to_string().replace("text format parsing error in line ", "")
}

#[test]
fn the_error_names_the_line() {
    let error = parse("# fine\n\na 1\nb x\n").unwrap_err();
    assert_eq!(error.line, 4);
    assert_eq!(error.to_string(), "text format parsing error in line 4: expected float as value, got \"x\"");
}

#[test]
fn every_line_needs_its_line_feed() {
    for text in [
        "a 1",
        "a",
        "a{",
        "a{x",
        "a{x=",
        "a{x=\"1",
        "a{x=\"1\"",
        "a{x=\"1\"}",
        "a 1 5",
        "# foo",
        "#",
        "# TYPE a gauge",
        "# HELP a b",
        "# HELP a b\\",
    ] {
        assert_eq!(refusal(text), "1: unexpected end of input stream", "{text:?}");
    }
    assert_eq!(refusal("a 1\nb 2"), "2: unexpected end of input stream");
    // A fault before the end is the reason, not the end.
    assert_eq!(refusal("a{x=1"), "1: expected '\"' at start of label value, found '1'");
}

#[test]
fn carriage_returns_are_ordinary_characters() {
    assert_eq!(refusal("a 1\r\n"), r#"1: expected float as value, got "1\r""#);
    assert_eq!(refusal("# TYPE a gauge\r\n"), r#"1: unknown metric type "gauge\r""#);
    assert_eq!(refusal("\r\n"), "1: invalid metric name");
}

#[test]
fn values_and_timestamps_are_checked() {
    assert_eq!(refusal("a\n"), r#"1: expected float as value, got """#);
    assert_eq!(refusal("a 1e309\n"), r#"1: expected float as value, got "1e309""#);
    assert_eq!(refusal("a 0x1\n"), r#"1: expected float as value, got "0x1""#);
    assert_eq!(refusal("a-b 1\n"), r#"1: expected float as value, got "-b""#);
    assert_eq!(refusal("a 1 \n"), r#"1: expected integer as timestamp, got """#);
    assert_eq!(refusal("a 1 1.5\n"), r#"1: expected integer as timestamp, got "1.5""#);
    assert_eq!(
        refusal("a 1 9223372036854775808\n"),
        r#"1: expected integer as timestamp, got "9223372036854775808""#
    );
    assert_eq!(refusal("a 1 2 3\n"), r#"1: spurious string after timestamp: " 3""#);
    assert_eq!(refusal("a 1 # {x=\"1\"} 2\n"), r##"1: expected integer as timestamp, got "#""##);
}

#[test]
fn help_and_type_come_once_and_type_comes_first() {
    assert_eq!(refusal("# HELP a x\n# HELP a x\n"), r#"2: second HELP line for metric name "a""#);
    let late = r#"2: second TYPE line for metric name "a", or TYPE reported after samples"#;
    assert_eq!(refusal("# TYPE a gauge\n# TYPE a gauge\n"), late);
    assert_eq!(refusal("a 1\n# TYPE a gauge\n"), late);
    for word in ["unknown", "info", "stateset", "gauge ", "x"] {
        assert_eq!(refusal(&format!("# TYPE a {word}\n")), format!("1: unknown metric type {word:?}"));
    }
    assert_eq!(refusal("# HELP a \\t\n"), r"1: invalid escape sequence '\t'");
    assert_eq!(refusal("# TYPE a-b gauge\n"), "1: invalid metric name in comment");
}

#[test]
fn names_and_labels_are_checked() {
    assert_eq!(refusal("1a 1\n"), "1: invalid metric name");
    assert_eq!(refusal("é 1\n"), "1: invalid metric name");
    assert_eq!(refusal("{} 1\n"), "1: invalid metric name");
    assert_eq!(refusal("{x=\"1\"} 1\n"), "1: invalid metric name");
    assert_eq!(refusal("{\"a.b\"} 1\n"), r#"1: invalid metric name "a.b""#);
    assert_eq!(refusal("a{,} 1\n"), r#"1: invalid label name for metric "a""#);
    assert_eq!(refusal("a{x=\"1\",,} 1\n"), r#"1: invalid label name for metric "a""#);
    assert_eq!(refusal("a{x:y=\"1\"} 1\n"), "1: expected '=' after label name, found ':'");
    assert_eq!(refusal("a{\"x.y\"=\"1\"} 1\n"), r#"1: invalid label name "x.y""#);
    assert_eq!(refusal("a{x=1} 1\n"), "1: expected '\"' at start of label value, found '1'");
    assert_eq!(refusal("a{x=\"1\n\"} 1\n"), r#"1: label value "1" contains unescaped new-line"#);
    assert_eq!(refusal("a{x=\"\\t\"} 1\n"), r"1: invalid escape sequence '\t'");
    assert_eq!(refusal("a{x=\"1\",x=\"1\"} 1\n"), r#"1: duplicate label names for metric "a""#);
    assert_eq!(refusal("a{__name__=\"b\"} 1\n"), r#"1: label name "__name__" is reserved"#);
    assert_eq!(refusal("a{x=\"1\"y=\"2\"} 1\n"), r#"1: unexpected end of label value "1""#);
    let error = parse(b"a{x=\"\xff\"} 1\n").unwrap_err();
    assert_eq!((error.line, error.reason.as_str()), (1, r#"invalid label value "\xff""#));
}

#[test]
fn bounds_quantiles_and_counts_are_numbers() {
    assert_eq!(
        refusal("# TYPE h histogram\nh_bucket{le=\"x\"} 1\n"),
        r#"2: expected float as value for 'le' label, got "x""#
    );
    assert_eq!(
        refusal("# TYPE s summary\ns{quantile=\"x\"} 1\n"),
        r#"2: expected float as value for 'quantile' label, got "x""#
    );
    assert_eq!(refusal("# TYPE h histogram\nh_count -1\n"), r#"2: negative count for histogram "h""#);
}

proptest! {
    #[test]
    fn any_bytes_get_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(bytes);
    }

    #[test]
    fn anything_that_looks_like_the_format_gets_an_answer(text in "([a-c{}=\", #\n0-9.-]|_sum|_bucket|le|TYPE a histogram\n|HELP ){0,60}") {
        let _ = parse(text);
    }
}
