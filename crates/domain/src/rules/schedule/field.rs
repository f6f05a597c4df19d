//! One field of a cron schedule: a set of small numbers, read from lists, ranges, steps and names.

use super::error::{FieldProblem, ScheduleError};

/// What a field is called and which values it can have.
#[derive(Debug)]
pub(super) struct Bounds {
    pub(super) name: &'static str,
    pub(super) min: u8,
    pub(super) max: u8,
    /// Names of the values, from `min` on.
    names: &'static [&'static str],
    /// Ends the message about a value out of range.
    hint: &'static str,
}

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// The six fields, in their order.
pub(super) const FIELDS: [Bounds; 6] = [
    Bounds { name: "the seconds", min: 0, max: 59, names: &[], hint: "" },
    Bounds { name: "the minute", min: 0, max: 59, names: &[], hint: "" },
    Bounds { name: "the hour", min: 0, max: 23, names: &[], hint: "" },
    Bounds { name: "the day of month", min: 1, max: 31, names: &[], hint: "" },
    Bounds { name: "the month", min: 1, max: 12, names: &MONTHS, hint: ", or JAN to DEC" },
    Bounds {
        name: "the day of week",
        min: 0,
        max: 6,
        names: &WEEKDAYS,
        hint: ", or SUN to SAT (Sunday is 0, never 7)",
    },
];

/// The values of a field, never none.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Field {
    /// As it was written.
    pub(super) text: String,
    /// Bit n stands for the value n.
    bits: u64,
    /// A `*` or `?` occurs in it, with or without a step.
    pub(super) star: bool,
    /// Every value of its bounds is there.
    pub(super) full: bool,
}

impl Field {
    pub(super) fn parse(text: &str, bounds: &Bounds) -> Result<Field, ScheduleError> {
        let fail = |problem| ScheduleError::Field { field: bounds.name, value: text.to_owned(), problem };
        let mut field = Field { text: text.to_owned(), bits: 0, star: false, full: false };
        // Empty parts of a list, as in "1,,2", have always been ignored.
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let (bits, star) = part_bits(part, bounds).map_err(fail)?;
            field.bits |= bits;
            field.star |= star;
        }
        if field.bits == 0 {
            return Err(fail(FieldProblem::Empty));
        }
        field.full = (bounds.min..=bounds.max).all(|value| field.has(value));
        Ok(field)
    }

    pub(super) fn has(&self, value: u8) -> bool {
        self.at_or_after(value) == Some(value)
    }

    /// The smallest value that is not below `floor`.
    pub(super) fn at_or_after(&self, floor: u8) -> Option<u8> {
        let rest = self.bits & u64::MAX.checked_shl(u32::from(floor)).unwrap_or(0);
        // The number of trailing zeros of a non-zero u64 is below 64.
        (rest != 0).then(|| u8::try_from(rest.trailing_zeros()).unwrap_or(u8::MAX))
    }
}

/// One part of the list: `*`, `n` or `a-b`, each with an optional step. Also says whether it has a star.
fn part_bits(part: &str, bounds: &Bounds) -> Result<(u64, bool), FieldProblem> {
    let (range, step) = match part.split_once('/') {
        None => (part, None),
        Some((_, step)) if step.contains('/') => {
            return Err(FieldProblem::TooManySlashes { part: part.to_owned() });
        }
        Some((range, step)) => (range, Some(step)),
    };
    let star = matches!(range, "*" | "?");
    let (first, last) = if star {
        (bounds.min, bounds.max)
    } else {
        match range.split_once('-') {
            // A negative number is read as a whole, so that the message speaks of it.
            Some((first, last)) if !first.is_empty() => {
                if last.contains('-') {
                    return Err(FieldProblem::TooManyHyphens { part: part.to_owned() });
                }
                if [first, last].iter().any(|end| matches!(*end, "*" | "?")) {
                    return Err(FieldProblem::StarInRange { part: part.to_owned() });
                }
                (value(first, bounds)?, value(last, bounds)?)
            }
            _ => {
                let first = value(range, bounds)?;
                (first, if step.is_some() { bounds.max } else { first })
            }
        }
    };
    if first > last {
        return Err(FieldProblem::Backwards { part: part.to_owned() });
    }
    let step = match step {
        None => 1,
        Some(step) => number(step, "no step: write a whole number from 1 on")?,
    };
    if step == 0 {
        return Err(FieldProblem::ZeroStep { part: part.to_owned() });
    }
    // A step beyond the field's end leaves only the first value.
    let step = usize::try_from(step).unwrap_or(usize::MAX);
    Ok(((first..=last).step_by(step).fold(0, |bits, value| bits | 1 << value), star))
}

fn value(text: &str, bounds: &Bounds) -> Result<u8, FieldProblem> {
    let named = bounds.names.iter().position(|name| name.eq_ignore_ascii_case(text));
    let value = match named.and_then(|index| u8::try_from(index).ok()) {
        Some(index) => return Ok(bounds.min + index),
        None if bounds.names.is_empty() => number(text, "not a number")?,
        None => number(text, "neither a number nor a name of three letters")?,
    };
    u8::try_from(value).ok().filter(|value| (bounds.min..=bounds.max).contains(value)).ok_or_else(|| {
        FieldProblem::OutOfRange {
            part: text.to_owned(),
            min: bounds.min,
            max: bounds.max,
            hint: bounds.hint,
        }
    })
}

fn number(text: &str, expected: &'static str) -> Result<u64, FieldProblem> {
    text.parse().map_err(|_| FieldProblem::NotANumber { part: text.to_owned(), expected })
}
