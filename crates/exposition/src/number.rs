//! Floating point numbers as Go prints and reads them: the text format is defined by `strconv`.

use std::fmt::Write;

use crate::family::Count;

/// `value` in the shortest form that reads back as the same number, as Go's `FormatFloat(value, 'g', -1, 64)`:
/// `1`, `0.5`, `1e+06`, `1e-05`, `+Inf`, `-Inf`, `NaN`, `-0`.
#[must_use]
pub fn format(value: f64) -> String {
    let mut text = String::new();
    write(&mut text, value);
    text
}

/// Appends [`format()`] of `value` to `out`.
pub fn write(out: &mut impl Write, value: f64) {
    let size = value.abs();
    // Writing into memory cannot fail, and numbers are written into nothing else.
    let _ = if value.is_nan() {
        out.write_str("NaN")
    } else if value.is_infinite() {
        out.write_str(if value > 0.0 { "+Inf" } else { "-Inf" })
    } else if size < 1e6 && value.fract() == 0.0 && size != 0.0 {
        // Most numbers are counts, and these are written faster.
        write!(out, "{}", value as i32)
    } else if size == 0.0 || (1e-4..1e6).contains(&size) {
        write!(out, "{value}")
    } else {
        let mut text = Digits { bytes: [0; 32], used: 0 };
        let _ = write!(text, "{value:e}");
        let text = text.as_str();
        let (digits, exponent) = text.split_once('e').unwrap_or((text, "0"));
        let (sign, exponent) = match exponent.strip_prefix('-') {
            Some(exponent) => ('-', exponent),
            None => ('+', exponent),
        };
        // Go writes at least two digits of the exponent.
        write!(out, "{digits}e{sign}{exponent:0>2}")
    };
}

/// Room for the longest number, `-2.2250738585072014e-308`.
struct Digits {
    bytes: [u8; 32],
    used: usize,
}

impl Digits {
    fn as_str(&self) -> &str {
        self.bytes.get(..self.used).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

impl Write for Digits {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let end = self.used + text.len();
        self.bytes.get_mut(self.used..end).ok_or(std::fmt::Error)?.copy_from_slice(text.as_bytes());
        self.used = end;
        Ok(())
    }
}

/// Appends a count as the reference implementation does: whole counts too are written as floating point numbers.
pub fn write_count(out: &mut impl Write, count: Count) {
    write(out, count.as_f64());
}

/// Reads a number as the text format allows it: decimal with optional sign and exponent, or `inf`, `infinity` (with
/// optional sign) and `nan` in any case. `None` for anything else, also for hexadecimal forms, `_` between digits
/// and numbers too large for 64 bits (`1e309`); numbers too small become 0.
#[must_use]
pub fn parse(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_word = unsigned.starts_with(|first: char| first.is_ascii_alphabetic());
    if is_word && unsigned.len() != text.len() && unsigned.eq_ignore_ascii_case("nan") {
        return None;
    }
    let value: f64 = text.parse().ok()?;
    (is_word || value.is_finite()).then_some(value)
}
