//! Five or six fields as a rule, and the search for the next instant that matches it.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone};

use super::error::{KubernetesCronError, ScheduleError};
use super::field::{FIELDS, Field};

/// Where the search ends, in calendar years after the one it begins in.
const YEARS: i16 = 5;

/// The days of each month in a leap year.
const LONGEST_MONTHS: [u8; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Cron {
    second: Field,
    minute: Field,
    hour: Field,
    day_of_month: Field,
    month: Field,
    day_of_week: Field,
}

impl Cron {
    pub(super) fn parse(text: &str) -> Result<Cron, ScheduleError> {
        let mut parts: Vec<&str> = text.split_whitespace().collect();
        if parts.len() == 5 {
            parts.insert(0, "0");
        }
        let &[second, minute, hour, day_of_month, month, day_of_week] = parts.as_slice() else {
            return Err(ScheduleError::FieldCount { found: parts.len() });
        };
        let [seconds, minutes, hours, days_of_month, months, days_of_week] = &FIELDS;
        let cron = Cron {
            second: Field::parse(second, seconds)?,
            minute: Field::parse(minute, minutes)?,
            hour: Field::parse(hour, hours)?,
            day_of_month: Field::parse(day_of_month, days_of_month)?,
            month: Field::parse(month, months)?,
            day_of_week: Field::parse(day_of_week, days_of_week)?,
        };
        if cron.has_a_day() {
            Ok(cron)
        } else {
            Err(ScheduleError::NeverFires { day_of_month: day_of_month.to_owned(), month: month.to_owned() })
        }
    }

    /// Whether some day of some year matches. A date falls on every weekday within 400 years, so that only day
    /// and month decide.
    fn has_a_day(&self) -> bool {
        let first_day = self.day_of_month.at_or_after(1);
        !self.both_days()
            || (1..).zip(LONGEST_MONTHS).any(|(month, days)| {
                self.month.has(month) && first_day.is_some_and(|first_day| first_day <= days)
            })
    }

    /// Whether a day must match day of month *and* day of week.
    fn both_days(&self) -> bool {
        self.day_of_month.star || self.day_of_week.star
    }

    /// Whether it fires again when a local time comes a second time.
    fn repeats(&self) -> bool {
        [&self.minute, &self.hour].iter().any(|field| field.star || field.full)
    }

    /// The first matching instant from `from` on, which is a whole second.
    ///
    /// Between two changes of the zone's offset, local time is plain arithmetic. So the search goes from one such
    /// stretch to the next, and in each from day to day.
    pub(super) fn at_or_after(&self, from: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let last_year = zone.to_datetime(from).year().checked_add(YEARS)?;
        let mut begin = from;
        loop {
            let offset = zone.to_offset(begin);
            let end = zone.following(begin).next().map(|change| change.timestamp());
            let mut earliest = offset.to_datetime(begin);
            if !self.repeats() {
                earliest = earliest.max(end_of_repetition(begin, offset, zone).unwrap_or(earliest));
            }
            // The date of the stretch's end limits the search, so that each day is looked at once.
            let last_date = end.map_or(Date::MAX, |end| offset.to_datetime(end).date());
            if earliest.year() > last_year {
                return None;
            }
            let last_date = last_date.min(Date::new(last_year, 12, 31).unwrap_or(Date::MAX));
            let found =
                self.local_at_or_after(earliest, last_date).and_then(|at| offset.to_timestamp(at).ok());
            match (found, end) {
                (Some(found), Some(end)) if found >= end => begin = end,
                (Some(found), _) => return Some(found),
                (None, end) => begin = end?,
            }
        }
    }

    /// The first matching local time from `earliest` on, on `last_date` at the latest, as if no clock ever changed.
    fn local_at_or_after(&self, earliest: DateTime, last_date: Date) -> Option<DateTime> {
        let mut date = earliest.date();
        if self.on_date(date)
            && let Some(time) = self.time_at_or_after(earliest.time())
        {
            return Some(date.to_datetime(time));
        }
        loop {
            date = if self.month.has(month_of(date)) {
                date.tomorrow().ok()?
            } else {
                date.last_of_month().tomorrow().ok()?
            };
            if date > last_date {
                return None;
            }
            if self.on_date(date) {
                return Some(date.to_datetime(self.time_at_or_after(Time::midnight())?));
            }
        }
    }

    fn on_date(&self, date: Date) -> bool {
        let day_of_month = u8::try_from(date.day()).is_ok_and(|day| self.day_of_month.has(day));
        let weekday = date.weekday().to_sunday_zero_offset();
        let day_of_week = u8::try_from(weekday).is_ok_and(|day| self.day_of_week.has(day));
        let day = if self.both_days() { day_of_month && day_of_week } else { day_of_month || day_of_week };
        day && self.month.has(month_of(date))
    }

    fn time_at_or_after(&self, floor: Time) -> Option<Time> {
        let part = |value: i8| u8::try_from(value).ok();
        let (hour, minute, second) = (part(floor.hour())?, part(floor.minute())?, part(floor.second())?);
        let first_minute = self.minute.at_or_after(0)?;
        let first_second = self.second.at_or_after(0)?;
        let within_minute = || self.second.at_or_after(second).map(|s| (hour, minute, s));
        let within_hour = || self.minute.at_or_after(minute + 1).map(|m| (hour, m, first_second));
        let within_day = || self.hour.at_or_after(hour + 1).map(|h| (h, first_minute, first_second));
        let mut found = None;
        if self.hour.has(hour) {
            if self.minute.has(minute) {
                found = within_minute();
            }
            found = found.or_else(within_hour);
        }
        let (hour, minute, second) = found.or_else(within_day)?;
        Time::new(hour.cast_signed(), minute.cast_signed(), second.cast_signed(), 0).ok()
    }

    /// The five fields as Kubernetes (robfig/cron v3) understands them. There a day must match both day fields
    /// only when one of them is `*` without a step; so a field with all its values is written as `*`.
    pub(super) fn kubernetes(&self) -> Result<String, KubernetesCronError> {
        if self.second.at_or_after(0) != Some(0) || self.second.at_or_after(1).is_some() {
            return Err(KubernetesCronError::Seconds { seconds: self.second.text.clone() });
        }
        let (dom, dow) = (&self.day_of_month, &self.day_of_week);
        let (day_of_month, day_of_week) = match (self.both_days(), dom.full, dow.full) {
            (true, false, false) => {
                return Err(KubernetesCronError::Days {
                    day_of_month: dom.text.clone(),
                    day_of_week: dow.text.clone(),
                });
            }
            // Either is enough, and one is always true.
            (false, true, _) | (false, _, true) | (true, true, true) => ("*", "*"),
            (true, true, false) => ("*", dow.text.as_str()),
            (true, false, true) => (dom.text.as_str(), "*"),
            (false, false, false) => (dom.text.as_str(), dow.text.as_str()),
        };
        Ok([&self.minute.text, &self.hour.text, day_of_month, &self.month.text, day_of_week].join(" "))
    }
}

fn month_of(date: Date) -> u8 {
    date.month().unsigned_abs()
}

/// When clocks were set back at the beginning of the stretch in which `instant` lies: the local time up to which
/// that stretch repeats what was before it.
fn end_of_repetition(instant: Timestamp, offset: Offset, zone: &TimeZone) -> Option<DateTime> {
    let next_second = Timestamp::from_second(instant.as_second().checked_add(1)?).ok()?;
    let change = zone.preceding(next_second).next()?.timestamp();
    let before = zone.to_offset(Timestamp::from_second(change.as_second().checked_sub(1)?).ok()?);
    (before > offset).then(|| before.to_datetime(change))
}
