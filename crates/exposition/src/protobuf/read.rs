//! Messages → families, and what speaks against them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::metric::Metric;
use super::{Decoded, Limits, ProtobufError, field, wire};
use crate::family::{Family, Kind, Labels, Sample, Value};
use crate::quote::quoted;

/// Problems that are reported of one family, and of a body; a client that makes one makes thousands.
const MOST_PROBLEMS: usize = 10;
/// Bytes of a sample's labels that a problem shows.
const LONGEST_LABELS: usize = 500;

/// Counts the parts of a body.
pub(super) struct Budget {
    limit: usize,
    left: usize,
}

impl Budget {
    pub(super) fn spend(&mut self) -> Result<(), ProtobufError> {
        self.left = self.left.checked_sub(1).ok_or(ProtobufError::TooManyParts { limit: self.limit })?;
        Ok(())
    }
}

pub(super) fn decode(body: &[u8], limits: Limits) -> Result<Decoded, ProtobufError> {
    let mut budget = Budget { limit: limits.parts, left: limits.parts };
    let mut found: Vec<(Family, Vec<String>)> = Vec::new();
    let mut by_name: HashMap<String, usize> = HashMap::new();
    let mut rest = body;
    while !rest.is_empty() {
        let length = wire::varint(&mut rest)?;
        let message = wire::take(&mut rest, length).ok_or(ProtobufError::UnexpectedEof)?;
        budget.spend()?;
        let decoded = family(message, &mut budget)?;
        match by_name.entry(decoded.0.name.clone()) {
            Entry::Occupied(known) => {
                if let Some(earlier) = found.get_mut(*known.get()) {
                    *earlier = decoded;
                }
            }
            Entry::Vacant(place) => {
                place.insert(found.len());
                found.push(decoded);
            }
        }
    }
    let mut decoded = Decoded::default();
    for (family, problems) in found {
        decoded.families.push(family);
        let room = MOST_PROBLEMS.saturating_sub(decoded.problems.len());
        decoded.problems.extend(problems.into_iter().take(room));
    }
    Ok(decoded)
}

fn family(message: &[u8], budget: &mut Budget) -> Result<(Family, Vec<String>), ProtobufError> {
    let (mut name, mut help, mut kind) = (&b""[..], &b""[..], 0);
    // The type may stand behind the samples that it is about.
    for field in wire::fields(message) {
        let (number, content) = field?;
        match number {
            field::family::NAME => name = content.bytes().unwrap_or(name),
            field::family::HELP => help = content.bytes().unwrap_or(help),
            field::family::TYPE => kind = content.number().unwrap_or(kind),
            _ => {}
        }
    }
    let mut reading = Reading { name: lossy(name), kind: kind_of(kind), problems: Vec::new() };
    if name.is_empty() {
        reading.problem(|_| "a metric family has no name".to_owned());
    } else if std::str::from_utf8(name).is_err() {
        reading.problem(|name| format!("the metric family name {name:?} is not utf8"));
    }
    if reading.kind.is_none() {
        // An enumeration has 32 bits; others are cut.
        reading.problem(|name| format!("metric family {name:?} has the unknown type {}", kind as i32));
    }
    let mut samples = Vec::new();
    for field in wire::fields(message) {
        if let (field::family::METRIC, wire::Content::Bytes(message)) = field? {
            budget.spend()?;
            let metric = Metric::read(message, budget)?;
            samples.push(reading.sample(metric));
        }
    }
    let kind = reading.kind.unwrap_or_default();
    Ok((Family { name: reading.name, help: lossy(help), kind, samples }, reading.problems))
}

/// `None` is a type nobody knows.
fn kind_of(number: u64) -> Option<Kind> {
    Some(match number as i32 {
        0 => Kind::Counter,
        1 => Kind::Gauge,
        2 => Kind::Summary,
        3 => Kind::Untyped,
        4 => Kind::Histogram,
        5 => Kind::GaugeHistogram,
        _ => return None,
    })
}

/// One family while its samples are read.
struct Reading {
    name: String,
    kind: Option<Kind>,
    problems: Vec<String>,
}

impl Reading {
    fn problem(&mut self, say: impl FnOnce(&str) -> String) {
        if self.problems.len() < MOST_PROBLEMS {
            self.problems.push(say(&self.name));
        }
    }

    /// The problem of one sample, behind its name and labels.
    fn fault(&mut self, labels: &[(&[u8], &[u8])], fault: impl FnOnce() -> String) {
        self.problem(|name| format!("collected metric {name:?} {} {}", shown(labels), fault()));
    }

    fn sample(&mut self, metric: Metric<'_>) -> Sample {
        let Metric { labels: pairs, timestamp, .. } = &metric;
        let timestamp = *timestamp;
        let mut labels = Labels::new();
        for (name, value) in pairs {
            let shown_name = || String::from_utf8_lossy(name);
            let (Ok(label), Ok(text)) = (std::str::from_utf8(name), std::str::from_utf8(value)) else {
                self.fault(pairs, || match std::str::from_utf8(name) {
                    Err(_) => format!("has a label with an invalid name: {}", shown_name()),
                    Ok(name) => format!(
                        "has a label named {} whose value is not utf8: {}",
                        quoted(name),
                        quoted(value)
                    ),
                });
                continue;
            };
            if label.is_empty() || labels.contains_key(label) {
                self.fault(pairs, || format!("has two or more labels with the same name: {}", shown_name()));
                continue;
            }
            labels.insert(label.to_owned(), text.to_owned());
        }
        let pairs = metric.labels;
        let (value, extra) = match self.kind {
            None => (None, None),
            Some(kind) => metric.values.of(kind),
        };
        if let (None, Some(kind)) = (&value, self.kind) {
            self.fault(&pairs, || format!("is not a {}", kind.as_protobuf()));
        }
        if let Some(Value::Histogram(histogram)) = &value
            && let Err(reason) = super::native::check(histogram)
        {
            self.fault(&pairs, || format!("is no native histogram: {reason}"));
        }
        Sample { labels, value: value.unwrap_or(Value::Number(0.0)), timestamp, extra: extra.map(Box::new) }
    }
}

fn shown(labels: &[(&[u8], &[u8])]) -> String {
    let mut text = String::from("{");
    for (name, value) in labels {
        if text.len() > 1 {
            text.push(',');
        }
        let (name, value) = (String::from_utf8_lossy(name), String::from_utf8_lossy(value));
        text.push_str(&format!("{name}={value:?}"));
        if text.len() > LONGEST_LABELS {
            text.truncate(text.floor_char_boundary(LONGEST_LABELS));
            text.push('…');
            break;
        }
    }
    text.push('}');
    text
}

pub(super) fn lossy(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}
