//! When a session is due: the schedule's ticks over a clock that may jump, with every tick accounted for.

use std::time::Duration;

use domain::rules::schedule::Schedule;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A tick served later than this after it was due counts as late. Timers of an idle machine are exact to
/// milliseconds; ten seconds late means that it slept, was stopped, or had no time.
pub const LATE_AFTER: Duration = Duration::from_secs(10);

/// How often a sleeping wait looks at the wall clock again: a timer alone does not notice that the clock was set or
/// that the machine slept.
const LOOK_AGAIN: Duration = Duration::from_secs(20);

/// More ticks than this between two sessions are not counted one by one.
const COUNT_LIMIT: u64 = 100_000;

/// What became of the ticks so far.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct TickCounts {
    /// Ticks that fell into a running session, or were missed while the machine slept.
    pub skipped: u64,
    /// Ticks that were served more than [`LATE_AFTER`] after they were due.
    pub late: u64,
}

/// The ticks of one schedule. Overlapping ticks never run twice at once, because the next tick is only looked for
/// when the last session has ended.
#[derive(Clone, Debug)]
pub struct Ticks {
    schedule: Schedule,
    zone: TimeZone,
    next: Option<Timestamp>,
    counts: TickCounts,
}

impl Ticks {
    /// Ticks strictly after `now`. `zone` is used where the schedule names none.
    #[must_use]
    pub fn starting(schedule: Schedule, zone: TimeZone, now: Timestamp) -> Self {
        let next = schedule.next_after(now, &zone);
        Self { schedule, zone, next, counts: TickCounts::default() }
    }

    /// When the next session is due; none when the schedule never fires again.
    #[must_use]
    pub fn next(&self) -> Option<Timestamp> {
        self.next
    }

    /// What became of the ticks so far.
    #[must_use]
    pub fn counts(&self) -> TickCounts {
        self.counts
    }

    /// Takes over the counts of the ticks this one replaces, so that an edited schedule does not reset them.
    #[must_use]
    pub fn with_counts(mut self, counts: TickCounts) -> Self {
        self.counts = counts;
        self
    }

    /// The next tick is served now: ticks that passed unserved before `now` are skipped, and it is late when it is.
    pub fn serve(&mut self, now: Timestamp) {
        let Some(due) = self.next else { return };
        let mut served = due;
        let mut passed = 0;
        while let Some(following) = self.schedule.next_after(served, &self.zone) {
            if following > now || passed >= COUNT_LIMIT {
                break;
            }
            served = following;
            passed += 1;
        }
        self.counts.skipped += passed;
        if now.duration_since(served).unsigned_abs() > LATE_AFTER || passed > 0 {
            self.counts.late += 1;
        }
        self.next = Some(served);
    }

    /// The session of the tick has ended: ticks that fell into it are skipped, the next is strictly later.
    pub fn finish(&mut self, now: Timestamp) {
        let Some(mut tick) = self.next else { return };
        let mut passed = 0;
        loop {
            let following = self.schedule.next_after(tick, &self.zone);
            match following {
                Some(at) if at <= now && passed < COUNT_LIMIT => {
                    passed += 1;
                    tick = at;
                }
                Some(at) if at <= now => {
                    self.next = self.schedule.next_after(now, &self.zone).or(Some(at));
                    break;
                }
                other => {
                    self.next = other;
                    break;
                }
            }
        }
        self.counts.skipped += passed;
    }
}

/// Waits until the wall clock shows `due`, also over clock changes and sleep.
pub async fn wait_until(due: Timestamp) {
    loop {
        let left = due.duration_since(Timestamp::now());
        if left.is_zero() || left.is_negative() {
            return;
        }
        tokio::time::sleep(left.unsigned_abs().min(LOOK_AGAIN)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn every(seconds: u64, now: &str) -> Ticks {
        Ticks::starting(Schedule::parse(&format!("@every {seconds}s")).unwrap(), TimeZone::UTC, at(now))
    }

    #[test]
    fn a_short_session_skips_nothing_and_does_not_move_the_rhythm() {
        let mut ticks = every(10, "2026-01-01T00:00:00Z");
        assert_eq!(ticks.next(), Some(at("2026-01-01T00:00:10Z")));
        ticks.serve(at("2026-01-01T00:00:10.004Z"));
        ticks.finish(at("2026-01-01T00:00:13Z"));
        assert_eq!(ticks.next(), Some(at("2026-01-01T00:00:20Z")));
        assert_eq!(ticks.counts(), TickCounts::default());
    }

    #[test]
    fn ticks_that_fall_into_a_session_are_counted_and_not_run() {
        let mut ticks = every(10, "2026-01-01T00:00:00Z");
        ticks.serve(at("2026-01-01T00:00:10Z"));
        ticks.finish(at("2026-01-01T00:00:45Z"));
        assert_eq!(ticks.counts(), TickCounts { skipped: 3, late: 0 });
        assert_eq!(ticks.next(), Some(at("2026-01-01T00:00:50Z")));
    }

    #[test]
    fn a_machine_that_slept_runs_once_and_says_so() {
        let mut ticks =
            Ticks::starting(Schedule::parse("0 * * * *").unwrap(), TimeZone::UTC, at("2026-01-01T00:30:00Z"));
        ticks.serve(at("2026-01-01T05:10:00Z"));
        assert_eq!(ticks.counts(), TickCounts { skipped: 4, late: 1 });
        ticks.finish(at("2026-01-01T05:11:00Z"));
        assert_eq!(ticks.next(), Some(at("2026-01-01T06:00:00Z")));
        assert_eq!(ticks.counts(), TickCounts { skipped: 4, late: 1 });
    }

    #[test]
    fn a_tick_served_seconds_late_is_not_late() {
        let mut ticks = every(60, "2026-01-01T00:00:00Z");
        ticks.serve(at("2026-01-01T00:01:09Z"));
        assert_eq!(ticks.counts().late, 0);
        let mut ticks = every(60, "2026-01-01T00:00:00Z");
        ticks.serve(at("2026-01-01T00:01:11Z"));
        assert_eq!(ticks.counts().late, 1);
    }
}
