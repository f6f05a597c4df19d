//! One line of the text format.

use super::assemble::{Assembly, Line};
use super::cursor::Cursor;
use crate::family::{Kind, Labels};
use crate::names::Names;
use crate::number;
use crate::quote::{quoted, quoted_byte};

pub(super) const END: &str = "unexpected end of input stream";

/// Reads one line without its LF into `assembly`; `complete` says that there was one.
pub(super) fn read(
    content: &[u8],
    complete: bool,
    names: Names,
    assembly: &mut Assembly,
) -> Result<(), String> {
    let mut cursor = Cursor { rest: content, complete };
    cursor.skip_blanks();
    match cursor.rest.first() {
        None => return Ok(()),
        Some(b'#') => {
            cursor.rest = cursor.rest.get(1..).unwrap_or_default();
            comment(&mut cursor, names, assembly)?;
        }
        Some(_) => sample(&mut cursor, names, assembly)?,
    }
    if complete { Ok(()) } else { Err(END.to_owned()) }
}

fn comment(cursor: &mut Cursor<'_>, names: Names, assembly: &mut Assembly) -> Result<(), String> {
    cursor.skip_blanks();
    let keyword = cursor.token()?;
    if cursor.rest.is_empty() || !matches!(keyword, b"HELP" | b"TYPE") {
        return Ok(());
    }
    cursor.skip_blanks();
    if cursor.rest.is_empty() {
        return Ok(());
    }
    let name = cursor.name("metric name", true)?;
    if cursor.rest.is_empty() {
        return Ok(());
    }
    if !cursor.skip_blanks() {
        return Err("invalid metric name in comment".to_owned());
    }
    let name = metric_name(name, names)?;
    let family = assembly.family(&name).family;
    if cursor.rest.is_empty() {
        return Ok(());
    }
    if keyword == b"HELP" {
        if family.help.is_some() {
            return Err(format!("second HELP line for metric name {}", quoted(family.name())));
        }
        let mut help = cursor.until(|_, byte| byte == b'\\').to_vec();
        while cursor.eat(b'\\') {
            help.push(cursor.escaped()?);
            help.extend_from_slice(cursor.until(|_, byte| byte == b'\\'));
        }
        family.help = Some(String::from_utf8_lossy(&help).into_owned());
    } else {
        if family.kind.is_some() {
            let name = quoted(family.name());
            return Err(format!("second TYPE line for metric name {name}, or TYPE reported after samples"));
        }
        if !cursor.complete {
            return Err(END.to_owned());
        }
        // Backslashes are no escapes here; the original drops them.
        let word: Vec<u8> = cursor.rest.iter().copied().filter(|byte| *byte != b'\\').collect();
        family.kind = Some(match String::from_utf8_lossy(&word).to_ascii_lowercase().as_str() {
            "counter" => Kind::Counter,
            "gauge" => Kind::Gauge,
            "summary" => Kind::Summary,
            "untyped" => Kind::Untyped,
            "histogram" => Kind::Histogram,
            "gaugehistogram" | "gauge_histogram" => Kind::GaugeHistogram,
            _ => return Err(format!("unknown metric type {}", quoted(&word))),
        });
    }
    Ok(())
}

fn sample(cursor: &mut Cursor<'_>, names: Names, assembly: &mut Assembly) -> Result<(), String> {
    let mut name = None;
    if cursor.peek() != b'{' {
        let written = cursor.name("metric name", true)?;
        if written.is_empty() {
            return Err("invalid metric name".to_owned());
        }
        name = Some(metric_name(written, names)?);
        cursor.skip_blanks();
    }
    let mut labels = LabelReader { names, labels: Labels::new(), own_label: None, own: None };
    if cursor.eat(b'{') {
        name = Some(labels.read(cursor, name, assembly)?);
        cursor.skip_blanks();
    }
    let name = name.ok_or("invalid metric name")?;
    let token = cursor.token()?;
    let value = std::str::from_utf8(token)
        .ok()
        .and_then(number::parse)
        .ok_or_else(|| format!("expected float as value, got {}", quoted(token)))?;
    let LabelReader { labels, own, .. } = labels;
    let mut timestamp = None;
    if cursor.skip_blanks() {
        let token = cursor.token()?;
        let parsed = std::str::from_utf8(token).ok().and_then(|token| token.parse().ok());
        timestamp =
            Some(parsed.ok_or_else(|| format!("expected integer as timestamp, got {}", quoted(token)))?);
        if !cursor.rest.is_empty() {
            return Err(format!("spurious string after timestamp: {}", quoted(cursor.rest)));
        }
    }
    assembly.add(&name, Line { labels, own, value, timestamp })
}

struct LabelReader {
    names: Names,
    labels: Labels,
    /// The label that the family of the line has for itself.
    own_label: Option<&'static str>,
    own: Option<f64>,
}

impl LabelReader {
    /// Reads the inside of braces up to and with the closing one. When there was no name in front of them, it is one of
    /// the items.
    fn read(
        &mut self,
        cursor: &mut Cursor<'_>,
        mut name: Option<String>,
        assembly: &Assembly,
    ) -> Result<String, String> {
        let may_be_inside = name.is_none();
        self.own_label = name.as_deref().and_then(|name| assembly.own_label(name));
        loop {
            let metric = || quoted(assembly.family_name(name.as_deref()));
            cursor.skip_blanks();
            if cursor.eat(b'}') {
                break;
            }
            let item = cursor.name("label name", false)?;
            if item.is_empty() {
                return Err(cursor.fault(|| format!("invalid label name for metric {}", metric())));
            }
            cursor.skip_blanks();
            if cursor.eat(b'=') {
                self.label(cursor, item, &metric)?;
            } else if cursor.is_cut() {
                return Err(END.to_owned());
            } else if !may_be_inside {
                let found = quoted_byte(cursor.peek());
                return Err(format!("expected '=' after label name, found {found}"));
            } else if name.is_some() {
                return Err(format!("multiple metric names for metric {}", metric()));
            } else if matches!(cursor.peek(), b',' | b'}') {
                let inside = metric_name(item, self.names)?;
                self.own_label = assembly.own_label(&inside);
                // It may have come before the name.
                if let Some(number) = self.own_label.and_then(|own| self.labels.remove(own)) {
                    self.take_own(&number)?;
                }
                name = Some(inside);
            } else {
                return Err(format!("unexpected end of metric name {}", quoted_byte(cursor.peek())));
            }
            // Otherwise it is a comma: everything else was refused above.
            if cursor.next() == Some(b'}') {
                break;
            }
        }
        name.ok_or_else(|| "invalid metric name".to_owned())
    }

    fn take_own(&mut self, text: &str) -> Result<(), String> {
        let name = self.own_label.unwrap_or_default();
        let number = number::parse(text)
            .ok_or_else(|| format!("expected float as value for '{name}' label, got {}", quoted(text)))?;
        self.own = Some(number);
        Ok(())
    }

    /// Reads what stands behind `name=`, up to the comma or brace that ends it.
    fn label(
        &mut self,
        cursor: &mut Cursor<'_>,
        name: Vec<u8>,
        metric: &impl Fn() -> String,
    ) -> Result<(), String> {
        if name == b"__name__" {
            return Err("label name \"__name__\" is reserved".to_owned());
        }
        let name = String::from_utf8(name)
            .map_err(|name| name.into_bytes())
            .and_then(|name| if self.names.allow_label(&name) { Ok(name) } else { Err(name.into_bytes()) })
            .map_err(|name| format!("invalid label name {}", quoted(name)))?;
        let is_own = self.own_label == Some(name.as_str());
        if !is_own && self.labels.contains_key(&name) {
            return Err(format!("duplicate label names for metric {}", metric()));
        }
        cursor.skip_blanks();
        if !cursor.eat(b'"') {
            return Err(cursor.fault(|| {
                format!("expected '\"' at start of label value, found {}", quoted_byte(cursor.peek()))
            }));
        }
        let mut value = Vec::new();
        cursor.quoted("label value", &mut value)?;
        let value = String::from_utf8(value)
            .map_err(|value| format!("invalid label value {}", quoted(value.as_bytes())))?;
        if is_own {
            self.take_own(&value)?;
        }
        cursor.skip_blanks();
        if !matches!(cursor.peek(), b',' | b'}') {
            return Err(cursor.fault(|| format!("unexpected end of label value {}", quoted(&value))));
        }
        if !is_own {
            self.labels.insert(name, value);
        }
        Ok(())
    }
}

fn metric_name(name: Vec<u8>, names: Names) -> Result<String, String> {
    String::from_utf8(name)
        .map_err(|name| name.into_bytes())
        .and_then(|name| if names.allow_metric(&name) { Ok(name) } else { Err(name.into_bytes()) })
        .map_err(|name| format!("invalid metric name {}", quoted(name)))
}
