//! One line of the text format: its tokens, read from left to right.

use super::assemble::{Assembly, Line};
use crate::family::{Kind, Labels};
use crate::names::{is_label_name, is_metric_name};
use crate::number;

const END: &str = "unexpected end of input stream";

/// Reads one line without its LF into `assembly`; `complete` says that there was one.
pub(super) fn read(content: &[u8], complete: bool, assembly: &mut Assembly) -> Result<(), String> {
    let mut cursor = Cursor { rest: content, complete };
    cursor.skip_blanks();
    match cursor.rest.first() {
        None => return Ok(()),
        Some(b'#') => {
            cursor.rest = cursor.rest.get(1..).unwrap_or_default();
            comment(&mut cursor, assembly)?;
        }
        Some(_) => sample(&mut cursor, assembly)?,
    }
    if complete { Ok(()) } else { Err(END.to_owned()) }
}

fn comment(cursor: &mut Cursor<'_>, assembly: &mut Assembly) -> Result<(), String> {
    cursor.skip_blanks();
    let keyword = cursor.token()?;
    if cursor.rest.is_empty() || !matches!(keyword, b"HELP" | b"TYPE") {
        return Ok(());
    }
    cursor.skip_blanks();
    if cursor.rest.is_empty() {
        return Ok(());
    }
    let name = cursor.name(|byte| byte == b':')?;
    if cursor.rest.is_empty() {
        return Ok(());
    }
    if !cursor.skip_blanks() {
        return Err("invalid metric name in comment".to_owned());
    }
    if !is_metric_name(&name) {
        return Err(format!("invalid metric name {name:?}"));
    }
    let family = assembly.family(&name).family;
    if cursor.rest.is_empty() {
        return Ok(());
    }
    if keyword == b"HELP" {
        if family.help.is_some() {
            return Err(format!("second HELP line for metric name {name:?}"));
        }
        let mut help = Vec::new();
        while let Some(byte) = cursor.next() {
            help.push(if byte == b'\\' { cursor.escaped()? } else { byte });
        }
        family.help = Some(String::from_utf8_lossy(&help).into_owned());
    } else {
        if family.kind.is_some() {
            return Err(format!("second TYPE line for metric name {name:?}, or TYPE reported after samples"));
        }
        if !cursor.complete {
            return Err(END.to_owned());
        }
        let word = String::from_utf8_lossy(cursor.rest);
        family.kind = Some(match word.to_ascii_lowercase().as_str() {
            "counter" => Kind::Counter,
            "gauge" => Kind::Gauge,
            "summary" => Kind::Summary,
            "untyped" => Kind::Untyped,
            "histogram" => Kind::Histogram,
            "gaugehistogram" | "gauge_histogram" => Kind::GaugeHistogram,
            _ => return Err(format!("unknown metric type {word:?}")),
        });
    }
    Ok(())
}

fn sample(cursor: &mut Cursor<'_>, assembly: &mut Assembly) -> Result<(), String> {
    let mut name = None;
    if cursor.rest.first() != Some(&b'{') {
        let written = cursor.name(|byte| byte == b':')?;
        cursor.skip_blanks();
        name = Some(metric_name(written)?);
    }
    let mut labels = Labels::new();
    if cursor.eat(b'{') {
        loop {
            cursor.skip_blanks();
            if cursor.eat(b'}') {
                break;
            }
            let quoted = cursor.rest.first() == Some(&b'"');
            let item = cursor.name(|_| false)?;
            cursor.skip_blanks();
            if quoted && name.is_none() && labels.is_empty() && cursor.rest.first() != Some(&b'=') {
                name = Some(metric_name(item)?);
            } else {
                label(cursor, item, &mut labels, name.as_deref())?;
                cursor.skip_blanks();
            }
            match cursor.next() {
                Some(b',') => {}
                Some(b'}') => break,
                _ => return Err(cursor.fault("expected ',' or '}' after a label")),
            }
        }
        cursor.skip_blanks();
    }
    let name = name.ok_or("invalid metric name")?;
    let token = cursor.token()?;
    let value = std::str::from_utf8(token)
        .ok()
        .and_then(number::parse)
        .ok_or_else(|| format!("expected float as value, got {:?}", String::from_utf8_lossy(token)))?;
    let mut timestamp = None;
    if cursor.skip_blanks() {
        let token = String::from_utf8_lossy(cursor.token()?);
        let parsed = token.parse().map_err(|_| format!("expected integer as timestamp, got {token:?}"))?;
        timestamp = Some(parsed);
        if !cursor.rest.is_empty() {
            let spurious = String::from_utf8_lossy(cursor.rest);
            return Err(format!("spurious string after timestamp: {spurious:?}"));
        }
    }
    assembly.add(&name, Line { labels, value, timestamp })
}

/// Reads what stands behind the name of a label: `="value"`.
fn label(
    cursor: &mut Cursor<'_>,
    name: String,
    labels: &mut Labels,
    metric: Option<&str>,
) -> Result<(), String> {
    let metric = metric.unwrap_or_default();
    if name.is_empty() {
        return Err(cursor.fault(&format!("invalid label name for metric {metric:?}")));
    }
    if !cursor.eat(b'=') {
        return Err(cursor.fault(&format!("expected '=' after label name {name:?}{}", cursor.found())));
    }
    if name == "__name__" {
        return Err(format!("label name {name:?} is reserved"));
    }
    if !is_label_name(&name) {
        return Err(format!("invalid label name {name:?}"));
    }
    cursor.skip_blanks();
    if !cursor.eat(b'"') {
        return Err(cursor.fault(&format!("expected '\"' at start of label value{}", cursor.found())));
    }
    let value = cursor.quoted("label value")?;
    let value = String::from_utf8(value)
        .map_err(|error| format!("invalid label value {:?}", String::from_utf8_lossy(error.as_bytes())))?;
    if labels.contains_key(&name) {
        return Err(format!("duplicate label names for metric {metric:?}"));
    }
    labels.insert(name, value);
    Ok(())
}

fn metric_name(name: String) -> Result<String, String> {
    if is_metric_name(&name) {
        Ok(name)
    } else if name.is_empty() {
        Err("invalid metric name".to_owned())
    } else {
        Err(format!("invalid metric name {name:?}"))
    }
}

struct Cursor<'a> {
    rest: &'a [u8],
    complete: bool,
}

impl<'a> Cursor<'a> {
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn eat(&mut self, byte: u8) -> bool {
        let eaten = self.rest.first() == Some(&byte);
        if eaten {
            self.next();
        }
        eaten
    }

    /// Skips blanks and says whether there were any.
    fn skip_blanks(&mut self) -> bool {
        let before = self.rest.len();
        while matches!(self.rest.first(), Some(b' ' | b'\t')) {
            self.next();
        }
        self.rest.len() != before
    }

    /// Everything up to the next blank or the end of the line. A text that ends inside a token is cut.
    fn token(&mut self) -> Result<&'a [u8], String> {
        let end = self.rest.iter().position(|byte| matches!(byte, b' ' | b'\t'));
        if end.is_none() && !self.complete {
            return Err(END.to_owned());
        }
        let (token, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        Ok(token)
    }

    /// A name, bare (letters, digits, `_` and what `also` allows) or in double quotes (anything).
    fn name(&mut self, also: impl Fn(u8) -> bool) -> Result<String, String> {
        if self.eat(b'"') {
            let name = self.quoted("name")?;
            return Ok(String::from_utf8_lossy(&name).into_owned());
        }
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || also(*byte);
        let end = self.rest.iter().position(|byte| !is_part(byte)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        if name.first().is_some_and(u8::is_ascii_digit) {
            return Ok(String::new());
        }
        self.rest = rest;
        Ok(String::from_utf8_lossy(name).into_owned())
    }

    /// What follows an opening quote, up to and with the closing one.
    fn quoted(&mut self, what: &str) -> Result<Vec<u8>, String> {
        let mut text = Vec::new();
        loop {
            match self.next() {
                Some(b'"') => return Ok(text),
                Some(b'\\') => text.push(self.escaped()?),
                Some(byte) => text.push(byte),
                None => {
                    let text = String::from_utf8_lossy(&text);
                    return Err(self.fault(&format!("{what} {text:?} contains unescaped new-line")));
                }
            }
        }
    }

    /// What follows a backslash.
    fn escaped(&mut self) -> Result<u8, String> {
        match self.next() {
            Some(b'n') => Ok(b'\n'),
            Some(byte @ (b'\\' | b'"')) => Ok(byte),
            Some(byte) => Err(format!("invalid escape sequence '\\{}'", char::from(byte))),
            None => Err(self.fault("invalid escape sequence '\\\n'")),
        }
    }

    /// `reason`, unless the true reason is that the text ends here.
    fn fault(&self, reason: &str) -> String {
        if self.rest.is_empty() && !self.complete { END.to_owned() } else { reason.to_owned() }
    }

    fn found(&self) -> String {
        match self.rest.first() {
            Some(byte) => format!(", found {:?}", char::from(*byte)),
            None => ", found '\\n'".to_owned(),
        }
    }
}
