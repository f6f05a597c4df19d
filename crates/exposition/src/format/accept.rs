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
        escaping =
            Escaping::ALL.into_iter().find(|scheme| Some(scheme.as_str()) == named).unwrap_or(escaping);
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
    if let Some(quality) = clause.parameters().filter(|(name, _)| *name == "q").map(|(_, value)| value).last()
    {
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
            ("text", "plain") if matches!(version, None | Some("0.0.4" | "")) => {
                Some(Format::Text { escaping })
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    const PROTO: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily";
    const OM: &str = "application/openmetrics-text";

    /// What prometheus-pushgateway 1.11.2 answers, shortened.
    const ANSWERS: &[(&str, &str)] = &[
        ("", "plain underscores"),
        ("*/*", "plain underscores"),
        ("text/plain", "plain underscores"),
        ("text/plain;version=0.0.4", "plain underscores"),
        ("text/plain; version=0.0.4; charset=utf-8", "plain underscores"),
        ("text/plain;version=1.0.0", "plain underscores"),
        ("text/html", "plain underscores"),
        ("text/*", "plain underscores"),
        ("nonsense", "plain underscores"),
        ("PROTO;encoding=delimited", "delimited underscores"),
        ("PROTO;encoding=text", "text underscores"),
        ("PROTO;encoding=compact-text", "compact-text underscores"),
        ("PROTO", "plain underscores"),
        ("PROTO;encoding=gzip", "plain underscores"),
        ("application/vnd.google.protobuf", "plain underscores"),
        ("application/vnd.google.protobuf;encoding=delimited", "plain underscores"),
        (
            "APPLICATION/VND.GOOGLE.PROTOBUF;PROTO=IO.PROMETHEUS.CLIENT.METRICFAMILY;encoding=delimited",
            "plain underscores",
        ),
        (
            "application/vnd.google.protobuf;proto=\"io.prometheus.client.MetricFamily\";encoding=delimited",
            "plain underscores",
        ),
        (
            "application/vnd.google.protobuf; proto = io.prometheus.client.MetricFamily ; encoding = delimited",
            "delimited underscores",
        ),
        ("OM", "plain underscores"),
        ("OM;version=1.0.0", "plain underscores"),
        ("OM;version=0.0.1,text/plain;q=0.5", "plain underscores"),
        ("text/plain;escaping=allow-utf-8", "plain allow-utf-8"),
        ("text/plain;escaping=dots", "plain dots"),
        ("text/plain;escaping=values", "plain values"),
        ("text/plain;escaping=underscores", "plain underscores"),
        ("text/plain;escaping=other", "plain underscores"),
        ("text/plain;escaping=ALLOW-UTF-8", "plain underscores"),
        ("*/*;escaping=dots", "plain dots"),
        ("text/html;escaping=values, text/plain", "plain values"),
        (
            "OM;version=1.0.0;escaping=allow-utf-8;q=0.6,OM;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            "plain allow-utf-8",
        ),
        (
            "PROTO;encoding=delimited;q=0.6,OM;version=1.0.0;escaping=allow-utf-8;q=0.5,OM;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
            "delimited underscores",
        ),
        (
            "OM;version=1.0.0,OM;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            "plain underscores",
        ),
        ("PROTO;encoding=delimited;q=0.7,text/plain;version=0.0.4;q=0.3,*/*;q=0.1", "delimited underscores"),
        ("text/plain;q=0.3,PROTO;encoding=delimited;q=0.7", "delimited underscores"),
        ("text/plain;q=0,PROTO;encoding=text;q=0", "plain underscores"),
        ("text/plain;q=x,PROTO;encoding=text;q=0.1", "text underscores"),
        ("PROTO;encoding=text;q=0.1,*/*;q=0.9;escaping=values,text/plain;q=0.2", "plain underscores"),
        ("*/*;q=0.9;escaping=values,text/plain;q=0.2;escaping=dots", "plain dots"),
        ("text/plain;escaping=dots;q=0.1,application/json;escaping=values", "plain dots"),
        ("text/plain;version=", "plain underscores"),
        ("text/plain;version==", "plain underscores"),
        ("text/plain;version=0.0.4=", "plain underscores"),
        ("text/plain/", "plain underscores"),
        ("text/plain/x", "plain underscores"),
        ("text / plain", "plain underscores"),
        ("TEXT/PLAIN", "plain underscores"),
        ("text/plain;version=0.0.4;version=1.0.0,PROTO;encoding=text", "text underscores"),
        ("text/plain;q=0.5;q=0.9,PROTO;encoding=text;q=0.7", "plain underscores"),
        ("text/plain,text/plain;escaping=values", "plain underscores"),
        ("text/plain\t;version=9", "plain underscores"),
        ("a/b;escaping=dots,c/d;escaping=values", "plain values"),
        (",,text/plain;escaping=dots,", "plain dots"),
        ("text/plain;q=0.5,PROTO;encoding=text;q=.5", "plain underscores"),
    ];

    fn shortened(format: Format) -> String {
        let long = format.content_type();
        let short = long
            .replace(
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=",
                "",
            )
            .replace("text/plain; version=0.0.4; charset=utf-8", "plain");
        short.replace("; escaping=", " ")
    }

    fn negotiated(accept: &str, openmetrics: bool) -> Format {
        negotiate(&accept.replace("PROTO", PROTO).replace("OM", OM), openmetrics)
    }

    #[test]
    fn every_header_is_answered_as_the_original_does() {
        for (accept, answer) in ANSWERS {
            assert_eq!(shortened(negotiated(accept, false)), *answer, "{accept}");
        }
        assert_eq!(Format::negotiate(None, false), Format::default());
    }

    #[test]
    fn openmetrics_is_chosen_when_it_is_switched_on() {
        let prometheus_3 =
            "OM;version=1.0.0;escaping=allow-utf-8;q=0.6,OM;version=0.0.1;q=0.5,text/plain;q=0.3";
        for (accept, answer) in [
            (
                prometheus_3,
                "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
            ),
            ("OM", "application/openmetrics-text; version=0.0.1; charset=utf-8; escaping=underscores"),
            ("OM;version=2.0.0,text/plain", "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"),
            ("text/plain,OM", "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"),
        ] {
            assert_eq!(negotiated(accept, true).content_type(), answer, "{accept}");
        }
    }

    #[test]
    fn a_header_of_a_million_clauses_is_not_sorted() {
        let header = "text/html;q=0.1,".repeat(1 << 16) + "text/plain;escaping=values";
        assert_eq!(negotiate(&header, false), Format::default());
    }
}
