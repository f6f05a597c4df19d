//! Durations as Go writes them, because objects of earlier releases hold them (`@every 1h30m`, `duration: 3.02s`).
//!
//! Grammar and spelling are those of Go's `time.ParseDuration` and `time.Duration.String`, limits included: a
//! duration is at most 2^63-1 nanoseconds (about 292 years).

use std::time::Duration;

const NANOSECOND: u64 = 1;
const MICROSECOND: u64 = 1_000 * NANOSECOND;
const MILLISECOND: u64 = 1_000 * MICROSECOND;
const SECOND: u64 = 1_000 * MILLISECOND;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;

/// The longest duration that Go can hold, in nanoseconds.
const LONGEST: u64 = i64::MAX as u64;

/// Why a text is no duration.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Error {
    /// It does not follow the grammar.
    #[error(
        "{text:?} is not a duration: write numbers with units, for example \"1h30m\", \"15s\" or \"500ms\""
    )]
    Syntax { text: String },
    /// A number stands without its unit.
    #[error("the duration {text:?} lacks a unit after {number:?}: add one of h, m, s, ms, us, ns")]
    MissingUnit { text: String, number: String },
    /// The unit is not one of Go's; days and weeks are not, since they have no fixed length.
    #[error("the duration {text:?} has the unknown unit {unit:?}: use h, m, s, ms, us or ns (a day is 24h)")]
    UnknownUnit { text: String, unit: String },
    /// Go knows negative durations; nothing here does.
    #[error("the duration {text:?} is negative: leave out the \"-\"")]
    Negative { text: String },
    /// More than 2^63-1 nanoseconds.
    #[error("the duration {text:?} is too long: at most 2562047h (292 years) can be held")]
    TooLong { text: String },
}

/// Reads a duration: an optional sign, then numbers with optional fractions, each with a unit, or a bare `0`.
///
/// What is below a nanosecond is cut off, with the same floating-point arithmetic as in Go, so that the value is
/// the same to the nanosecond.
///
/// # Errors
///
/// When the text does not follow the grammar, or the value is negative or too long.
pub fn parse(text: &str) -> Result<Duration, Error> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if unsigned.is_empty() {
        return Err(Error::Syntax { text: text.to_owned() });
    }
    if unsigned == "0" {
        return Ok(Duration::ZERO);
    }
    let mut rest = unsigned;
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (nanoseconds, remaining) = component(text, rest)?;
        total = total
            .checked_add(nanoseconds)
            .filter(|sum| *sum <= LONGEST)
            .ok_or_else(|| Error::TooLong { text: text.to_owned() })?;
        rest = remaining;
    }
    if negative && total > 0 {
        return Err(Error::Negative { text: text.to_owned() });
    }
    Ok(Duration::from_nanos(total))
}

/// Reads one number with its unit from the front of `rest`; gives nanoseconds and what follows.
fn component<'a>(text: &str, rest: &'a str) -> Result<(u64, &'a str), Error> {
    let (whole, after_whole) = split_digits(rest);
    let (fraction, after_number) = match after_whole.strip_prefix('.') {
        Some(after_point) => split_digits(after_point),
        None => ("", after_whole),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err(Error::Syntax { text: text.to_owned() });
    }
    let unit_end = after_number.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after_number.len());
    let (unit, remaining) = after_number.split_at(unit_end);
    let scale = match unit {
        "ns" => NANOSECOND,
        // The micro sign and the Greek letter look alike and are both written.
        "us" | "\u{b5}s" | "\u{3bc}s" => MICROSECOND,
        "ms" => MILLISECOND,
        "s" => SECOND,
        "m" => MINUTE,
        "h" => HOUR,
        "" => {
            let number = rest.strip_suffix(after_number).unwrap_or(rest).to_owned();
            return Err(Error::MissingUnit { text: text.to_owned(), number });
        }
        unit => return Err(Error::UnknownUnit { text: text.to_owned(), unit: unit.to_owned() }),
    };
    let too_long = || Error::TooLong { text: text.to_owned() };
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| too_long())? };
    let nanoseconds = whole.checked_mul(scale).ok_or_else(too_long)?;
    let nanoseconds = nanoseconds.checked_add(fraction_of(fraction, scale)).ok_or_else(too_long)?;
    Ok((nanoseconds, remaining))
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

/// The part of `unit` nanoseconds that the digits after a decimal point stand for. Digits beyond what fits are
/// without weight.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn fraction_of(digits: &str, unit: u64) -> u64 {
    let mut value: u64 = 0;
    let mut scale = 1.0_f64;
    for digit in digits.bytes().map(|b| u64::from(b - b'0')) {
        let Some(next) = value.checked_mul(10).and_then(|v| v.checked_add(digit)).filter(|v| *v <= LONGEST)
        else {
            break;
        };
        value = next;
        scale *= 10.0;
    }
    (value as f64 * (unit as f64 / scale)) as u64
}

/// Writes a duration the way Go does: `1h2m3s`, `3.02s`, `150ms`, `1.5µs`, `0s`. [`parse`] reads it back to the
/// same value, up to Go's limit.
#[must_use]
pub fn format(duration: Duration) -> String {
    let nanoseconds = duration.as_nanos();
    let in_unit = |unit: u64, name: &str| decimal(nanoseconds, u128::from(unit)) + name;
    if nanoseconds == 0 {
        "0s".to_owned()
    } else if nanoseconds < u128::from(MICROSECOND) {
        in_unit(NANOSECOND, "ns")
    } else if nanoseconds < u128::from(MILLISECOND) {
        in_unit(MICROSECOND, "\u{b5}s")
    } else if nanoseconds < u128::from(SECOND) {
        in_unit(MILLISECOND, "ms")
    } else {
        let hours = nanoseconds / u128::from(HOUR);
        let minutes = nanoseconds % u128::from(HOUR) / u128::from(MINUTE);
        let seconds = decimal(nanoseconds % u128::from(MINUTE), u128::from(SECOND));
        match (hours, minutes) {
            (0, 0) => format!("{seconds}s"),
            (0, _) => format!("{minutes}m{seconds}s"),
            _ => format!("{hours}h{minutes}m{seconds}s"),
        }
    }
}

/// `value / unit` with exactly the decimals it needs; `unit` is a power of ten.
fn decimal(value: u128, unit: u128) -> String {
    let (whole, part) = (value / unit, value % unit);
    if part == 0 {
        return whole.to_string();
    }
    let width = unit.ilog10() as usize;
    let digits = format!("{part:0width$}");
    format!("{whole}.{}", digits.trim_end_matches('0'))
}
