//! When sessions are due: the schedule dialect of earlier releases (robfig/cron v2), and the next instant of it.
//!
//! A schedule is five fields `minute hour day-of-month month day-of-week`, six with seconds in front, a descriptor
//! (`@hourly`, `@daily` = `@midnight`, `@weekly`, `@monthly`, `@yearly` = `@annually`) or `@every <duration>`, each
//! optionally after `TZ=<zone> ` or `CRON_TZ=<zone> `. What differs from other crons:
//!
//! - Day of month and day of week: when either field has a `*` or `?`, `*/n` included, a day must match both;
//!   otherwise it is enough that it matches one. Sunday is 0; 7 is refused.
//! - `n/step` means from n to the field's end. A range does not wrap around (`FRI-MON` is refused).
//! - `@every` counts from the moment of asking, in whole seconds, at least one; it is not aligned to the clock.
//!
//! When clocks change:
//!
//! - A local time that is skipped is not run on that day, and is not made up for.
//! - A local time that comes twice: a schedule with `*` in its minute or hour goes on firing through both, since
//!   it means "every so often". Any other is a fixed time of the day and fires at the first only, since it means
//!   "once". (A field that lists all its values counts as `*`.) robfig/cron ran fixed times twice.
//!
//! The rules of `TZ=` zones are those of the database that is compiled in, so that whoever validates a schedule and
//! whoever runs it decide alike, whatever the machine has installed.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use self::cron::Cron;
use super::go_duration;

mod cron;
mod error;
mod field;
pub mod jitter;

pub use self::error::{FieldProblem, KubernetesCronError, ScheduleError};

/// A schedule that is known to be valid and to be able to fire.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Schedule {
    text: String,
    zone: Option<TimeZone>,
    rule: Rule,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Rule {
    /// A whole number of seconds, at least one.
    Every(Duration),
    Cron(Box<Cron>),
}

/// The descriptors and what they stand for, seconds first.
const DESCRIPTORS: [(&str, &str); 7] = [
    ("@yearly", "0 0 0 1 1 *"),
    ("@annually", "0 0 0 1 1 *"),
    ("@monthly", "0 0 0 1 * *"),
    ("@weekly", "0 0 0 * * 0"),
    ("@daily", "0 0 0 * * *"),
    ("@midnight", "0 0 0 * * *"),
    ("@hourly", "0 0 * * * *"),
];

impl Schedule {
    /// Reads a schedule. Blanks around it are ignored.
    ///
    /// # Errors
    ///
    /// When the text is no schedule of the dialect, or names only days that no month has (`0 0 30 2 *`). The error
    /// names the field, its value and the remedy.
    pub fn parse(text: &str) -> Result<Schedule, ScheduleError> {
        let trimmed = text.trim();
        let (zone, rest) = split_zone(trimmed)?;
        let rule = match rest.strip_prefix('@') {
            Some(_) => descriptor(rest)?,
            None => Rule::Cron(Box::new(Cron::parse(rest)?)),
        };
        Ok(Schedule { text: trimmed.to_owned(), zone, rule })
    }

    /// The first firing strictly later than `after`, on a whole second. `local` is the zone of schedules without
    /// a `TZ=` prefix.
    ///
    /// `None` when the calendar holds none until the end of the fifth year after that of `after`: 29 February when
    /// a century year is no leap year, or a local time that every change of clocks skips. The time this takes is
    /// bounded by the number of days in those years.
    #[must_use]
    pub fn next_after(&self, after: Timestamp, local: &TimeZone) -> Option<Timestamp> {
        match &self.rule {
            Rule::Every(interval) => whole_second(after)?.checked_add(*interval).ok(),
            Rule::Cron(cron) => {
                let first = whole_second(after)?.checked_add(Duration::from_secs(1)).ok()?;
                cron.at_or_after(first, self.zone.as_ref().unwrap_or(local))
            }
        }
    }

    /// The interval of an `@every` schedule: whole seconds, at least one.
    #[must_use]
    pub fn is_every(&self) -> Option<Duration> {
        match &self.rule {
            Rule::Every(interval) => Some(*interval),
            Rule::Cron(_) => None,
        }
    }

    /// The same schedule for a Kubernetes CronJob: its `schedule` (five fields or `@every`) and its
    /// `timeZone`. Kubernetes counts `@every` from the CronJob's last run and may run a fixed time twice when
    /// clocks go back.
    ///
    /// # Errors
    ///
    /// When a CronJob cannot express it: seconds other than 0, or a rule for days that Kubernetes reads otherwise.
    pub fn kubernetes_cron(&self) -> Result<(String, Option<String>), KubernetesCronError> {
        let zone = self.zone.as_ref().and_then(TimeZone::iana_name).map(ToOwned::to_owned);
        match &self.rule {
            Rule::Every(interval) => Ok((format!("@every {}", go_duration::format(*interval)), None)),
            Rule::Cron(cron) => Ok((cron.kubernetes()?, zone)),
        }
    }
}

/// The text as it was given, without blanks around it.
impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Schedule {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Schedule, ScheduleError> {
        Schedule::parse(text)
    }
}

/// The second in which an instant lies.
fn whole_second(instant: Timestamp) -> Option<Timestamp> {
    // Before 1970 the fraction is negative and the number of seconds is rounded towards zero.
    let back = i64::from(instant.subsec_nanosecond() < 0);
    Timestamp::from_second(instant.as_second() - back).ok()
}

fn split_zone(text: &str) -> Result<(Option<TimeZone>, &str), ScheduleError> {
    let Some(after) = text.strip_prefix("TZ=").or_else(|| text.strip_prefix("CRON_TZ=")) else {
        return Ok((None, text));
    };
    let (name, rest) = after.split_once(char::is_whitespace).unwrap_or((after, ""));
    let zone = TimeZoneDatabase::bundled()
        .get(name)
        .ok()
        .filter(|zone| !zone.is_unknown())
        .ok_or_else(|| ScheduleError::UnknownZone { name: name.to_owned() })?;
    Ok((Some(zone), rest.trim_start()))
}

fn descriptor(text: &str) -> Result<Rule, ScheduleError> {
    if let Some((_, fields)) = DESCRIPTORS.iter().find(|(name, _)| *name == text) {
        return Ok(Rule::Cron(Box::new(Cron::parse(fields)?)));
    }
    let (name, argument) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    if name != "@every" {
        return Err(ScheduleError::UnknownDescriptor { text: text.to_owned() });
    }
    let interval =
        go_duration::parse(argument.trim_start()).map_err(|source| ScheduleError::Every { source })?;
    Ok(Rule::Every(Duration::from_secs(interval.as_secs().max(1))))
}
