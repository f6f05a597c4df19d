//! What a client sees of a gateway, without what must differ between two: times, the gateway's own metrics, and what
//! is in no order.

use std::io::Read;

use exposition::{Family, Sample, Value, protobuf};

use crate::server::Answer;

/// Names of families a gateway has about itself start with these.
const OWN: [&str; 3] = ["pushgateway_", "process_", "go_"];

/// Headers that are compared.
const HEADERS: [&str; 12] = [
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "access-control-expose-headers",
    "allow",
    "cache-control",
    "content-encoding",
    "content-type",
    "location",
    "retry-after",
    "www-authenticate",
    "x-content-type-options",
];

/// The code and headers of an answer.
pub(super) fn head(answer: &Answer) -> Vec<String> {
    let header = |name: &&str| Some(format!("{name}: {}", answer.header(name)?));
    // Ours answers HEAD, which is a difference of its own.
    let headers = HEADERS.iter().filter_map(header).map(|header| header.replace("HEAD, ", ""));
    std::iter::once(answer.code.to_string()).chain(headers).collect()
}

/// An answer whose body is no exposition.
pub(super) fn answer(answer: &Answer) -> Vec<String> {
    let mut lines = head(answer);
    // What they say of themselves differs.
    let is_own = ["application/json", "text/plain; version="];
    if !is_own.iter().any(|start| answer.header("content-type").is_some_and(|kind| kind.starts_with(start))) {
        lines.push(reasons(&answer.body));
    }
    lines
}

/// The text of a refusal: labels of a sample are shown in a form that is not promised, and several reasons come in no
/// order.
fn reasons(body: &str) -> String {
    // Go's protobuf library writes one or the other, so that nobody relies on its messages.
    let mut body = body.replace('\u{a0}', " ");
    // Which job it is that is no base64 the original does not say.
    if let Some((start, rest)) = body.split_once("in job name \"")
        && let Some((_, end)) = rest.split_once("\": ")
    {
        body = format!("{start}in job name …: {end}");
    }
    let shown = |line: &str| match (line.find("\" {"), line.rfind("} ")) {
        (Some(from), Some(to)) if from < to && line.contains("collected metric \"") => {
            format!("{}{{…}}{}", &line[..from + 2], &line[to + 1..])
        }
        _ => line.to_owned(),
    };
    let mut lines: Vec<String> = body.lines().map(shown).map(|line| either_side(&line)).collect();
    // The original finds as many reasons as a family has samples, ours one.
    if lines.iter().any(|line| line.contains("differs in type")) {
        lines = lines.iter().filter_map(|line| Some(line[line.find("family \"")?..].to_owned())).collect();
    }
    if lines.len() > 1 {
        lines[1..].sort();
    }
    lines.dedup();
    lines.join("\n")
}

/// Where two families collide or differ in type, the original blames the one that it happens to look at later.
fn either_side(line: &str) -> String {
    let names: Vec<&str> = line.split('"').skip(1).step_by(2).collect();
    match names.as_slice() {
        [first, second] if line.contains("collides with previously collected") => {
            let mut names = [first, second];
            names.sort();
            let start = line.find("collected").unwrap_or_default();
            format!("{}{names:?} collide", &line[..start])
        }
        [name] if line.contains("\" {…} is not a ") || line.contains("\" is not a ") => {
            let start = line.find("collected").unwrap_or_default();
            format!("{}family {name:?} differs in type", &line[..start])
        }
        _ => line.to_owned(),
    }
}

/// Lines of the text format about what was pushed; push times are 0 or 1 for never or ever.
pub(super) fn text(body: &str) -> Vec<String> {
    let is_own = |line: &str| {
        let name = line.trim_start_matches("# HELP ").trim_start_matches("# TYPE ").trim_start_matches('{');
        OWN.iter().any(|own| name.trim_start_matches('"').starts_with(own)) && !line.contains("job=\"")
    };
    let timeless = |line: &str| match line.rsplit_once(' ') {
        Some((series, value)) if line.starts_with("push_") => {
            format!("{series} {}", u8::from(value != "0"))
        }
        _ => line.to_owned(),
    };
    body.lines().filter(|line| !is_own(line)).map(timeless).collect()
}

/// What a scrape shows, in whatever format it is.
pub(super) fn exposition(answer: &Answer) -> Vec<String> {
    let mut bytes = answer.bytes.clone();
    if answer.header("content-encoding") == Some("gzip") {
        bytes.clear();
        flate2::read::GzDecoder::new(&answer.bytes[..]).read_to_end(&mut bytes).unwrap();
    }
    let content_type = answer.header("content-type").unwrap();
    if content_type.contains("encoding=delimited") {
        return delimited(&bytes);
    }
    let body = String::from_utf8(bytes).unwrap();
    match content_type {
        _ if content_type.starts_with("text/plain") => text(&body),
        _ if content_type.contains("encoding=compact-text") => body.lines().filter_map(prototext).collect(),
        _ => body.split("\n\n").filter_map(prototext).collect(),
    }
}

/// A message as text, with no blanks, since the original's are arbitrary; `None` when it is an own one.
fn prototext(message: &str) -> Option<String> {
    let mut dense: String = message.chars().filter(|c| !c.is_whitespace()).collect();
    let is_own = OWN.iter().any(|own| dense.starts_with(&format!("name:\"{own}")));
    if dense.is_empty() || is_own {
        return None;
    }
    dense = dense.replace("value:\"\"", "").replace("type:COUNTER", "");
    // Whether a number that is 0 was said to be so is not kept.
    for zero in [
        "sample_count:0",
        "sample_sum:0",
        "cumulative_count:0",
        "upper_bound:0",
        "value:0",
        "quantile:0",
        "zero_count:0",
        "zero_threshold:0",
        "schema:0",
    ] {
        for end in ["}", "s", "b", "v", "u", "q", "z", "n", "p", "c", "e"] {
            dense = dense.replace(&format!("{zero}{end}"), end);
        }
    }
    if dense.starts_with("name:\"push_") {
        let values = dense.split("gauge:{value:").map(|part| match part.split_once('}') {
            Some((value, rest)) if value.parse::<f64>().is_ok() => {
                format!("{}}}{rest}", u8::from(value != "0"))
            }
            _ => part.to_owned(),
        });
        dense = values.collect::<Vec<_>>().join("gauge:{value:");
    }
    Some(dense)
}

fn delimited(body: &[u8]) -> Vec<String> {
    let decoded = protobuf::decode(body, protobuf::Limits::default()).unwrap();
    assert_eq!(decoded.problems, [""; 0]);
    let of_jobs = |family: Family| {
        let is_pushed = |sample: &Sample| sample.labels.contains_key("job");
        let samples = family.samples.into_iter().filter(is_pushed);
        let is_time = family.name.starts_with("push_");
        let timeless = |sample: Sample| match sample.value {
            Value::Number(value) if is_time => {
                Sample { value: Value::Number(f64::from(u8::from(value != 0.0))), ..sample }
            }
            _ => sample,
        };
        let samples: Vec<Sample> = samples.map(timeless).collect();
        Family { samples, ..family }
    };
    let families = decoded.families.into_iter().map(of_jobs).filter(|family| !family.samples.is_empty());
    // Printed, since NaN differs from itself.
    families.map(|family| format!("{family:?}")).collect()
}

/// The groups of the API by their labels, a line for each member, push times and time stamps as ever or never.
pub(super) fn groups(answer: &Answer) -> Vec<String> {
    answer.is(200);
    let json = answer.json();
    assert_eq!(json["status"], "success");
    let mut lines = Vec::new();
    for group in json["data"].as_array().unwrap() {
        for (name, member) in group.as_object().unwrap() {
            lines.push(format!("{} {name}: {}", sorted(&group["labels"]), sorted(&timeless(name, member))));
        }
    }
    lines.sort();
    lines
}

fn timeless(name: &str, member: &serde_json::Value) -> serde_json::Value {
    let mut member = member.clone();
    // Ours has samples in the order of an exposition, the original in that of the push.
    if let Some(metrics) = member.get_mut("metrics").and_then(|metrics| metrics.as_array_mut()) {
        metrics.sort_by_key(sorted);
    }
    let Some(family) = member.as_object_mut().filter(|family| family.contains_key("metrics")) else {
        return member;
    };
    let stamp: jiff::Timestamp = family["time_stamp"].as_str().unwrap().parse().unwrap();
    assert!(stamp > jiff::Timestamp::UNIX_EPOCH);
    family.insert("time_stamp".to_owned(), "ever".into());
    if name.starts_with("push_") {
        for metric in family["metrics"].as_array_mut().unwrap() {
            let ever = if metric["value"] == "0" { "never" } else { "ever" };
            metric["value"] = ever.into();
        }
    }
    // Bounds of native buckets: theirs are from a table whose last digit is off here and there.
    for metric in family["metrics"].as_array_mut().into_iter().flatten() {
        for bound in
            metric["buckets"].as_array_mut().into_iter().flatten().filter_map(|bucket| bucket.as_array_mut())
        {
            for bound in bound.iter_mut().skip(1).take(2) {
                let number: f64 = bound.as_str().unwrap().parse().unwrap();
                *bound = format!("{number:.12e}").into();
            }
        }
    }
    member
}

/// With the keys of all objects sorted: their order says nothing.
fn sorted(json: &serde_json::Value) -> String {
    use serde_json::Value::{Array, Object};
    match json {
        Object(members) => {
            let mut members: Vec<String> =
                members.iter().map(|(name, value)| format!("{name:?}:{}", sorted(value))).collect();
            members.sort();
            format!("{{{}}}", members.join(","))
        }
        Array(items) => format!("[{}]", items.iter().map(sorted).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}
