//! Times, durations and amounts as people read them.

use std::time::Duration;

use jiff::fmt::friendly::{Designator, Direction, FractionalUnit, Spacing, SpanPrinter};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};

/// `2026-11-23 09:12:33 UTC`.
#[must_use]
pub fn absolute(time: Timestamp, zone: &TimeZone) -> String {
    time.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
}

/// `3 minutes ago`, `in 7 seconds`, `now`. Rounded down, at most two units, the second one only where it matters.
#[must_use]
pub fn relative(time: Timestamp, now: Timestamp) -> String {
    let distance = time.duration_since(now);
    let seconds = distance.as_secs();
    if seconds == 0 {
        return if distance.is_negative() { "just now" } else { "now" }.to_owned();
    }
    let printer = SpanPrinter::new()
        .designator(Designator::Verbose)
        .spacing(Spacing::BetweenUnitsAndDesignators)
        .direction(Direction::Suffix);
    let words = printer.span_to_string(&coarse(seconds));
    if seconds > 0 { format!("in {words}") } else { words }
}

/// The largest unit, and the next one below it while the largest is still small.
fn coarse(seconds: i64) -> Span {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    let span = Span::new();
    match seconds.abs() {
        size if size < MINUTE => span.seconds(seconds),
        size if size < HOUR => span.minutes(seconds / MINUTE),
        size if size < 10 * HOUR => span.hours(seconds / HOUR).minutes(seconds % HOUR / MINUTE),
        size if size < 2 * DAY => span.hours(seconds / HOUR),
        size if size < 7 * DAY => span.days(seconds / DAY).hours(seconds % DAY / HOUR),
        _ => span.days(seconds / DAY),
    }
}

/// `340ms`, `1.4s`, `42s`, `3m 12s`, `2h 5m`.
#[must_use]
pub fn duration(duration: Duration) -> String {
    let printer = SpanPrinter::new().designator(Designator::Compact).spacing(Spacing::BetweenUnits);
    let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    match millis {
        0 => "0s".to_owned(),
        1..1_000 => printer.duration_to_string(&SignedDuration::from_millis(millis)),
        1_000..10_000 => printer
            .fractional(Some(FractionalUnit::Second))
            .precision(Some(1))
            .duration_to_string(&SignedDuration::from_millis(millis)),
        10_000..3_600_000 => printer.duration_to_string(&SignedDuration::from_secs(millis / 1_000)),
        _ => printer.duration_to_string(&SignedDuration::from_mins(millis / 60_000)),
    }
}

/// `0 B`, `1023 B`, `1.0 KiB`, `14 MiB`: powers of 1024 (IEC 80000-13), two significant digits at least.
#[must_use]
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64;
    let mut unit = "B";
    for larger in UNITS {
        // What would be shown as 1024 belongs to the next unit.
        if value < 1023.5 {
            break;
        }
        value /= 1024.0;
        unit = larger;
    }
    if value < 9.95 { format!("{value:.1} {unit}") } else { format!("{value:.0} {unit}") }
}

/// `1 file`, `12,345 files`.
#[must_use]
pub fn count(number: u64, singular: &str, plural: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { singular } else { plural })
}

/// `12,345`.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relative_to_zero(seconds: i64) -> String {
        relative(Timestamp::from_second(seconds).unwrap(), Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn relative_times_are_words() {
        for (seconds, words) in [
            (-1, "1 second ago"),
            (-59, "59 seconds ago"),
            (-60, "1 minute ago"),
            (-239, "3 minutes ago"),
            (-3_600, "1 hour ago"),
            (-3_600 - 59 * 60, "1 hour 59 minutes ago"),
            (-11 * 3_600 - 59 * 60, "11 hours ago"),
            (-86_400 * 2 - 3_600, "2 days 1 hour ago"),
            (-86_400 * 400, "400 days ago"),
            (0, "now"),
            (7, "in 7 seconds"),
            (3_661, "in 1 hour 1 minute"),
        ] {
            assert_eq!(relative_to_zero(seconds), words, "{seconds}");
        }
    }

    #[test]
    fn less_than_a_second_is_now() {
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(relative(now + SignedDuration::from_millis(900), now), "now");
        assert_eq!(relative(now - SignedDuration::from_millis(900), now), "just now");
    }

    #[test]
    fn durations_keep_two_units() {
        for (millis, words) in [
            (0, "0s"),
            (7, "7ms"),
            (340, "340ms"),
            (1_449, "1.4s"),
            (42_900, "42s"),
            (192_000, "3m 12s"),
            (3_600_000, "1h"),
            (7_530_000, "2h 5m"),
            (360_000_000, "100h"),
        ] {
            assert_eq!(duration(Duration::from_millis(millis)), words, "{millis}");
        }
        assert!(!duration(Duration::MAX).is_empty());
    }

    #[test]
    fn bytes_are_powers_of_1024() {
        for (number, words) in [
            (0, "0 B"),
            (1_023, "1023 B"),
            (1_024, "1.0 KiB"),
            (1_536, "1.5 KiB"),
            (14 << 20, "14 MiB"),
            ((1 << 20) - 1, "1.0 MiB"),
            (u64::MAX, "16 EiB"),
        ] {
            assert_eq!(bytes(number), words, "{number}");
        }
    }

    #[test]
    fn counts_are_grouped_and_inflected() {
        assert_eq!(count(1, "file", "files"), "1 file");
        assert_eq!(count(0, "file", "files"), "0 files");
        assert_eq!(count(1_234_567, "file", "files"), "1,234,567 files");
    }

    #[test]
    fn absolute_times_name_their_zone() {
        assert_eq!(absolute(Timestamp::UNIX_EPOCH, &TimeZone::UTC), "1970-01-01 00:00:00 UTC");
    }
}
