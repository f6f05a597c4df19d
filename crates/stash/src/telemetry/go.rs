//! Log lines as Prometheus' servers write them, for whoever reads those already: `ts`, `level`, `caller`, `msg`, then
//! the rest.

use std::fmt::{self, Write};

use jiff::Timestamp;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// The form of a line.
#[derive(Clone, Copy, Debug)]
pub(super) enum GoFormat {
    Logfmt,
    Json,
}

impl<S, N> FormatEvent<S, N> for GoFormat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let metadata = event.metadata();
        let level = match *metadata.level() {
            Level::ERROR => "error",
            Level::WARN => "warn",
            Level::INFO => "info",
            Level::DEBUG | Level::TRACE => "debug",
        };
        let file = metadata.file().and_then(|path| path.rsplit(['/', '\\']).next());
        let caller = match (file, metadata.line()) {
            (Some(file), Some(line)) => format!("{file}:{line}"),
            _ => metadata.target().to_owned(),
        };
        let now = format!("{:.3}", Timestamp::now());
        let first = [("ts", now), ("level", level.to_owned()), ("caller", caller), ("msg", fields.message)];
        let first = first.into_iter().map(|(key, value)| (key.to_owned(), Value::String(value)));
        self.write(out, first.chain(fields.rest))
    }
}

impl GoFormat {
    fn write(self, mut out: impl Write, fields: impl Iterator<Item = (String, Value)>) -> fmt::Result {
        match self {
            GoFormat::Json => writeln!(out, "{}", Value::Object(fields.collect::<Map<_, _>>())),
            GoFormat::Logfmt => {
                for (n, (key, value)) in fields.enumerate() {
                    let separator = if n == 0 { "" } else { " " };
                    let value = match value {
                        Value::String(text) => text,
                        other => other.to_string(),
                    };
                    write!(out, "{separator}{key}={}", quoted(&value))?;
                }
                writeln!(out)
            }
        }
    }
}

/// A value of logfmt: quoted when it would not be read back otherwise. The quotes are those of JSON.
fn quoted(value: &str) -> String {
    let is_plain = |c: char| !(c <= ' ' || c == '"' || c == '=' || c == '\u{7f}' || c == '\u{fffd}');
    if !value.is_empty() && value.chars().all(is_plain) {
        return value.to_owned();
    }
    Value::from(value).to_string()
}

/// What an event says.
#[derive(Default)]
struct Fields {
    message: String,
    rest: Vec<(String, Value)>,
}

impl Fields {
    fn set(&mut self, field: &Field, value: Value) {
        match field.name() {
            "message" => {
                self.message = match value {
                    Value::String(text) => text,
                    other => other.to_string(),
                }
            }
            name => self.rest.push((name.to_owned(), value)),
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field, format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, value.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(format: GoFormat, fields: &[(&str, Value)]) -> String {
        let mut out = String::new();
        let fields = fields.iter().map(|(key, value)| ((*key).to_owned(), value.clone()));
        format.write(&mut out, fields).unwrap();
        out
    }

    #[test]
    fn values_are_quoted_when_they_have_to_be() {
        let fields = [
            ("msg", Value::from("Listening on")),
            ("address", "[::]:9091".into()),
            ("tls", false.into()),
            ("n", 3.into()),
            ("empty", "".into()),
            ("odd", "a=\"b\"\n".into()),
        ];
        let logfmt =
            "msg=\"Listening on\" address=[::]:9091 tls=false n=3 empty=\"\" odd=\"a=\\\"b\\\"\\n\"\n";
        assert_eq!(line(GoFormat::Logfmt, &fields), logfmt);
        let json = "{\"msg\":\"Listening on\",\"address\":\"[::]:9091\",\"tls\":false,\"n\":3,\"empty\":\"\",\
                    \"odd\":\"a=\\\"b\\\"\\n\"}\n";
        assert_eq!(line(GoFormat::Json, &fields), json);
    }
}
