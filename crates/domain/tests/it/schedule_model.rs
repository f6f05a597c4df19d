//! The next firing against a slow, obvious model: every second of some hours, or every day of some years, is
//! looked at. The model shares nothing with the implementation: it never makes a set of values, it never searches,
//! and it works on generated fields instead of their text.

use domain::rules::schedule::{Schedule, ScheduleError};
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::schedule::zone;

/// Where clocks change by an hour at night, by half an hour, by two, at midnight, around Ramadan; where one date
/// was left out; and where nothing changes.
const ZONES: [(&str, i16); 9] = [
    ("Europe/Berlin", 2026),
    ("America/New_York", 2027),
    ("Australia/Lord_Howe", 2026),
    ("Africa/Casablanca", 2026),
    ("Africa/Cairo", 2026),
    ("America/Havana", 2024),
    ("Antarctica/Troll", 2026),
    ("Pacific/Apia", 2011),
    ("UTC", 2026),
];

#[derive(Clone, Debug)]
enum Range {
    Star(char),
    Value(i32),
    FromTo(i32, i32),
}

/// One part of a list: a range and its step.
type Part = (Range, Option<i32>);

#[derive(Clone, Debug)]
struct Field {
    min: i32,
    max: i32,
    parts: Vec<Part>,
}

impl Field {
    fn text(&self) -> String {
        let part = |(range, step): &Part| {
            let range = match range {
                Range::Star(star) => star.to_string(),
                Range::Value(value) => value.to_string(),
                Range::FromTo(first, last) => format!("{first}-{last}"),
            };
            step.map_or(range.clone(), |step| format!("{range}/{step}"))
        };
        self.parts.iter().map(part).collect::<Vec<_>>().join(",")
    }

    fn matches(&self, value: i8) -> bool {
        let value = i32::from(value);
        self.parts.iter().any(|(range, step)| match (range, step) {
            (Range::Value(only), None) => value == *only,
            (Range::Value(first), Some(step)) => value >= *first && (value - first) % step == 0,
            (Range::Star(_), step) => (value - self.min) % step.unwrap_or(1) == 0,
            (Range::FromTo(first, last), step) => {
                (*first..=*last).contains(&value) && (value - first) % step.unwrap_or(1) == 0
            }
        })
    }

    fn star(&self) -> bool {
        self.parts.iter().any(|(range, _)| matches!(range, Range::Star(_)))
    }

    fn matches_all(&self) -> bool {
        (self.min..=self.max).all(|value| self.matches(i8::try_from(value).expect("a small value")))
    }
}

#[derive(Clone, Debug)]
struct Cron {
    second: Field,
    minute: Field,
    hour: Field,
    day_of_month: Field,
    month: Field,
    day_of_week: Field,
}

impl Cron {
    fn text(&self) -> String {
        [&self.second, &self.minute, &self.hour, &self.day_of_month, &self.month, &self.day_of_week]
            .map(Field::text)
            .join(" ")
    }

    fn on_date(&self, date: Date) -> bool {
        let day_of_month = self.day_of_month.matches(date.day());
        let day_of_week = self.day_of_week.matches(date.weekday().to_sunday_zero_offset());
        let both = self.day_of_month.star() || self.day_of_week.star();
        self.month.matches(date.month())
            && if both { day_of_month && day_of_week } else { day_of_month || day_of_week }
    }

    fn at(&self, local: DateTime) -> bool {
        self.second.matches(local.second())
            && self.minute.matches(local.minute())
            && self.hour.matches(local.hour())
            && self.on_date(local.date())
    }

    fn fixed_time(&self) -> bool {
        ![&self.minute, &self.hour].iter().any(|field| field.star() || field.matches_all())
    }

    /// Every firing later than `begin` and not later than `end`.
    fn firings(&self, begin: Timestamp, end: Timestamp, zone: &TimeZone) -> Vec<Timestamp> {
        let mut firings = Vec::new();
        // A local time comes again when a local time that is as late was there before, not long ago.
        let mut latest_local = DateTime::MIN;
        for second in begin.as_second() - 4 * 3600..=end.as_second() {
            let instant = Timestamp::from_second(second).expect("an instant in the calendar");
            let local = zone.to_datetime(instant);
            let again = local <= latest_local;
            latest_local = latest_local.max(local);
            if instant > begin && self.at(local) && !(again && self.fixed_time()) {
                firings.push(instant);
            }
        }
        firings
    }

    /// The first date from `first` on that matches, as far as five years after the year of `first`.
    fn date_from(&self, first: Date) -> Option<Date> {
        first
            .series(1.day())
            .take_while(|date| date.year() <= first.year() + 5)
            .find(|date| self.on_date(*date))
    }
}

/// Fields whose `*`, ranges, values and steps all occur; `star` tells how often a field is nothing but `*`.
fn field(min: i32, max: i32, star: u32) -> impl Strategy<Value = Field> {
    let step = || proptest::option::weighted(0.4, 1..=(max - min + 2));
    let range = prop_oneof![
        1 => prop_oneof![Just(Range::Star('*')), Just(Range::Star('?'))],
        4 => (min..=max).prop_map(Range::Value),
        2 => (min..=max, min..=max).prop_map(|(a, b)| Range::FromTo(a.min(b), a.max(b))),
        1 => Just(Range::FromTo(min, max)),
    ];
    let parts = prop_oneof![
        star => Just(vec![(Range::Star('*'), None)]),
        6 => vec((range, step()), 1..=3),
    ];
    parts.prop_map(move |parts| Field { min, max, parts })
}

/// Schedules that fire often: most leave the day open, and the hours of the night are frequent.
fn often() -> impl Strategy<Value = Cron> {
    // Fixed times of the night meet the changes of clocks.
    let fixed = |max, last| {
        vec(0..=max, 1..=3).prop_map(move |values| Field {
            min: 0,
            max: last,
            parts: values.into_iter().map(|value| (Range::Value(value), None)).collect(),
        })
    };
    let hour = prop_oneof![field(0, 23, 6), fixed(3, 23)];
    let minute = prop_oneof![field(0, 59, 6), fixed(59, 59)];
    let second =
        prop_oneof![Just(Field { min: 0, max: 59, parts: vec![(Range::Value(0), None)] }), field(0, 59, 1)];
    (second, minute, hour, field(1, 31, 40), field(1, 12, 40), field(0, 6, 40)).prop_map(
        |(second, minute, hour, day_of_month, month, day_of_week)| Cron {
            second,
            minute,
            hour,
            day_of_month,
            month,
            day_of_week,
        },
    )
}

/// Schedules at noon of any days.
fn rarely() -> impl Strategy<Value = Cron> {
    (field(1, 31, 3), field(1, 12, 2), field(0, 6, 4)).prop_map(|(day_of_month, month, day_of_week)| {
        let only = |min, max, value| Field { min, max, parts: vec![(Range::Value(value), None)] };
        let (second, minute, hour) = (only(0, 59, 7), only(0, 59, 0), only(0, 23, 12));
        Cron { second, minute, hour, day_of_month, month, day_of_week }
    })
}

/// Some hours, mostly around a change of the zone's clocks.
fn window() -> impl Strategy<Value = (TimeZone, Timestamp, Timestamp)> {
    let shift = prop_oneof![5 => -9_000_i64..4_000, 1 => 0_i64..30_000_000];
    (proptest::sample::select(ZONES.to_vec()), 0..3_usize, shift, 3_600_i64..12_000).prop_map(
        |((name, year), change, shift, length)| {
            let zone = zone(name);
            let new_year = Date::new(year, 1, 1).and_then(|date| date.to_zoned(TimeZone::UTC));
            let new_year = new_year.expect("a year of the calendar").timestamp();
            let change = zone.following(new_year).nth(change).map_or(new_year, |change| change.timestamp());
            let seconds = |count: i64| Span::new().seconds(count);
            let begin = change.checked_add(seconds(shift)).expect("an instant in the calendar");
            (zone, begin, begin.checked_add(seconds(length)).expect("an instant in the calendar"))
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn second_by_second(cron in often(), (zone, begin, end) in window()) {
        let schedule = match Schedule::parse(&cron.text()) {
            Err(ScheduleError::NeverFires { .. }) => return Ok(()),
            parsed => parsed.unwrap(),
        };
        let mut firings = Vec::new();
        let mut at = begin;
        while let Some(next) = schedule.next_after(at, &zone).filter(|next| *next <= end) {
            firings.push(next);
            at = next;
        }
        prop_assert_eq!(firings, cron.firings(begin, end, &zone), "{}", schedule);
    }

    #[test]
    fn day_by_day(cron in rarely(), day in 0..40_000_i64) {
        let first = Date::constant(1995, 1, 1).saturating_add(day.days());
        let expected = cron.date_from(first);
        match Schedule::parse(&cron.text()) {
            Err(ScheduleError::NeverFires { .. }) => prop_assert_eq!(expected, None, "{}", cron.text()),
            parsed => {
                // The second before midnight, so that the search begins in the year of the first day.
                let after = first.to_zoned(TimeZone::UTC).unwrap().timestamp() - 1.second();
                let next = parsed.unwrap().next_after(after, &TimeZone::UTC);
                let noon = Time::constant(12, 0, 7, 0);
                let expected = expected.map(|date| date.to_datetime(noon).to_zoned(TimeZone::UTC).unwrap().timestamp());
                prop_assert_eq!(next, expected, "{}", cron.text());
            }
        }
    }
}
