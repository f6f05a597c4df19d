//! The header `Accept`, read as the reference implementation reads it (Go's `goautoneg`), which is not quite as HTTP
//! has it: no comma or semicolon is quoted, `*/*` fits nothing, and a clause that cannot be read is skipped.

use super::{Format, OpenMetricsVersion};
use crate::escape::Escaping;

/// Clauses that are looked at. Prometheus sends four.
const MOST_CLAUSES: usize = 64;

pub(super) fn negotiate(accept: &str, openmetrics: bool) -> Format {
    let mut clauses: Vec<Clause<'_>> = accept.split(',').filter_map(clause).take(MOST_CLAUSES).collect();
    sort(&mut clauses);
    let mut escaping = Escaping::default();
    for clause in &clauses {
        let named = clause.parameter("escaping");
        escaping = Escaping::ALL.into_iter().find(|scheme| Some(scheme.as_str()) == named).unwrap_or(escaping);
        if let Some(format) = clause.format(escaping, openmetrics) {
            return format;
        }
    }
    Format::Text { escaping }
}

struct Clause<'a> {
    kind: &'a str,
    subtype: &'a str,
    quality: f64,
    parameters: &'a str,
}

fn clause(text: &str) -> Option<Clause<'_>> {
    let text = text.trim_matches(' ');
    let (media_type, parameters) = text.split_once(';').unwrap_or((text, ""));
    let (kind, subtype) = match media_type.split_once('/') {
        Some((kind, subtype)) if !subtype.is_empty() => (kind.trim_matches(' '), subtype),
        _ if media_type.trim_end_matches('/').trim_matches(' ') == "*" => ("*", "*"),
        _ => return None,
    };
    let (subtype, behind) = subtype.split_once('/').unwrap_or((subtype, ""));
    if !behind.is_empty() {
        return None;
    }
    let mut clause = Clause { kind, subtype: subtype.trim_matches(' '), quality: 1.0, parameters };
    if let Some(quality) = clause.parameters().filter(|(name, _)| *name == "q").map(|(_, value)| value).last() {
        clause.quality = quality.parse().unwrap_or(0.0);
    }
    Some(clause)
}

impl<'a> Clause<'a> {
    /// The parameters with one `=`, values as they are.
    fn parameters(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        self.parameters.split(';').filter_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            let value = value.strip_suffix('=').unwrap_or(value);
            (!value.is_empty() && !value.contains('=')).then_some((name.trim_matches(' '), value))
        })
    }

    fn parameter(&self, name: &str) -> Option<&'a str> {
        self.parameters().filter(|(known, _)| *known == name).map(|(_, value)| value.trim_matches(' ')).last()
    }

    fn format(&self, escaping: Escaping, openmetrics: bool) -> Option<Format> {
        let version = self.parameter("version");
        match (self.kind, self.subtype) {
            ("text", "plain") if matches!(version, None | Some("0.0.4" | "")) => Some(Format::Text { escaping }),
            ("application", "vnd.google.protobuf")
                if self.parameter("proto") == Some("io.prometheus.client.MetricFamily") =>
            {
                match self.parameter("encoding") {
                    Some("delimited") => Some(Format::ProtobufDelimited { escaping }),
                    Some("text") => Some(Format::ProtobufText { escaping }),
                    Some("compact-text") => Some(Format::ProtobufCompact { escaping }),
                    _ => None,
                }
            }
            ("application", "openmetrics-text") if openmetrics => {
                let version = match version {
                    None | Some("0.0.1" | "") => OpenMetricsVersion::V0_0_1,
                    Some("1.0.0") => OpenMetricsVersion::V1_0_0,
                    _ => return None,
                };
                Some(Format::OpenMetrics { version, escaping })
            }
            _ => None,
        }
    }
}

/// Sorts as the reference implementation does, whose order is no strict one: clauses with `*` go behind others
/// whatever their quality is, but only past their neighbours.
fn sort(clauses: &mut [Clause<'_>]) {
    let precedes = |a: &Clause<'_>, b: &Clause<'_>| {
        a.quality > b.quality || (a.kind != "*" && b.kind == "*") || (a.subtype != "*" && b.subtype == "*")
    };
    for start in 1..clauses.len() {
        let mut at = start;
        while let Some([before, moved]) = clauses.get(at.wrapping_sub(1)..=at)
            && precedes(moved, before)
        {
            clauses.swap(at - 1, at);
            at -= 1;
        }
    }
}
