//! Groups that nobody pushes to any more go after a while, when that is asked for.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::Gateway;
use crate::store::Times;

/// Deletions are at least this long after one another: groups that are due soon after each other go together.
const LEAST_SLEEP: Duration = Duration::from_secs(1);

impl Gateway {
    /// Deletes groups as they come due; never ends. Between two it sleeps until the next one can be due, since what is
    /// pushed meanwhile is due later.
    pub(crate) async fn keep_expiring(&self) {
        let Some(after) = self.0.config.expire_after else {
            return std::future::pending().await;
        };
        loop {
            let gateway = self.clone();
            let next = tokio::task::spawn_blocking(move || gateway.expire(after, Timestamp::now())).await;
            tokio::time::sleep(next.unwrap_or(after).max(LEAST_SLEEP)).await;
        }
    }

    /// Deletes what was not pushed to for `after` at `now`, and says how long it is until the next can be due.
    fn expire(&self, after: Duration, now: Timestamp) -> Duration {
        // A time before all times: nothing is that old.
        let after_signed = SignedDuration::try_from(after).unwrap_or(SignedDuration::MAX);
        let Ok(before) = now.checked_sub(after_signed) else { return after };
        let deleted = self.delete_where(|_, group| touched(group.times) < before);
        if deleted > 0 {
            self.0.counters.expired(deleted);
            tracing::info!(deleted, "groups expired");
        }
        let oldest = self.snapshot().groups().map(|(_, group)| touched(group.times)).min();
        let left = oldest.map(|oldest| oldest.duration_since(before));
        // A moment more, so that it is older and not as old.
        let left =
            left.and_then(|left| Duration::try_from(left).ok()).map(|left| left + Duration::from_millis(1));
        left.unwrap_or(after)
    }
}

/// When somebody last pushed, with or without success.
fn touched(times: Times) -> Timestamp {
    times.pushed.max(times.failed).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;
    use exposition::{Family, GroupingKey, Labels};

    const HOUR: Duration = Duration::from_secs(3600);

    fn push(gateway: &Gateway, job: &str) {
        let family = Family::gauge("a", "").with([("x", "1")], 1.0);
        let key = GroupingKey::new(job, Labels::new()).unwrap();
        gateway.push(key, vec![family], crate::PushMode::Replace).unwrap();
    }

    #[test]
    fn a_group_goes_when_its_last_push_is_long_ago() {
        let gateway = Gateway::open(Config::default()).unwrap();
        push(&gateway, "old");
        let between = Timestamp::now();
        push(&gateway, "young");
        let next = gateway.expire(HOUR, between + HOUR);
        assert_eq!(gateway.snapshot().group_count(), 1);
        assert!(gateway.expose().contains("young"));
        assert!(gateway.expose().contains("\npushgateway_groups_expired_total 1\n"));
        assert!(next < Duration::from_secs(60), "{next:?}");
        assert_eq!(gateway.expire(HOUR, between + HOUR + next), HOUR);
        assert_eq!(gateway.snapshot().group_count(), 0);
    }

    #[test]
    fn a_group_goes_when_it_is_older_than_that_and_not_when_it_is_as_old() {
        let gateway = Gateway::open(Config::default()).unwrap();
        push(&gateway, "j");
        let pushed = gateway.snapshot().groups().next().unwrap().1.times.pushed.unwrap();
        let nanosecond = Duration::from_nanos(1);
        for (now, left) in [(pushed, 1), (pushed + HOUR - nanosecond, 1), (pushed + HOUR, 1)] {
            gateway.expire(HOUR, now);
            assert_eq!(gateway.snapshot().group_count(), left, "{now}");
        }
        gateway.expire(HOUR, pushed + HOUR + nanosecond);
        assert_eq!(gateway.snapshot().group_count(), 0);
    }

    #[test]
    fn a_refused_push_too_keeps_a_group() {
        let gateway = Gateway::open(Config::default()).unwrap();
        push(&gateway, "j");
        let between = Timestamp::now();
        let family = Family::gauge("a", "").with([("x", "1")], 1.0).with([("x", "1")], 2.0);
        let key = GroupingKey::new("j", Labels::new()).unwrap();
        gateway.push(key, vec![family], crate::PushMode::Replace).unwrap_err();
        gateway.expire(HOUR, between + HOUR);
        assert_eq!(gateway.snapshot().group_count(), 1);
    }

    #[test]
    fn a_group_made_by_a_refused_push_goes_as_well() {
        let gateway = Gateway::open(Config::default()).unwrap();
        let family = Family::gauge("a", "").with([("x", "1")], 1.0).with([("x", "1")], 2.0);
        let key = GroupingKey::new("j", Labels::new()).unwrap();
        gateway.push(key, vec![family], crate::PushMode::Replace).unwrap_err();
        assert_eq!(gateway.snapshot().group_count(), 1);
        gateway.expire(HOUR, Timestamp::now() + HOUR);
        assert_eq!(gateway.snapshot().group_count(), 0);
    }

    #[test]
    fn a_group_is_as_old_after_a_restart_as_before() {
        let folder = tempfile::TempDir::new().unwrap();
        let config = || Config { persistence_file: Some(folder.path().join("groups")), ..Config::default() };
        let gateway = Gateway::open(config()).unwrap();
        push(&gateway, "j");
        let pushed = gateway.snapshot().groups().next().unwrap().1.times.pushed.unwrap();
        gateway.save().unwrap();
        let gateway = Gateway::open(config()).unwrap();
        gateway.expire(HOUR, pushed + HOUR);
        assert_eq!(gateway.snapshot().group_count(), 1);
        gateway.expire(HOUR, pushed + HOUR + Duration::from_nanos(1));
        assert_eq!(gateway.snapshot().group_count(), 0);
    }

    #[test]
    fn a_clock_that_was_set_back_deletes_nothing() {
        let gateway = Gateway::open(Config::default()).unwrap();
        push(&gateway, "j");
        let next = gateway.expire(HOUR, Timestamp::now() - 24 * HOUR);
        assert_eq!(gateway.snapshot().group_count(), 1);
        assert!(next > HOUR);
        assert_eq!(gateway.expire(Duration::ZERO, Timestamp::UNIX_EPOCH), {
            let pushed = gateway.snapshot().groups().next().unwrap().1.times.pushed.unwrap();
            let left = pushed.duration_since(Timestamp::UNIX_EPOCH).unsigned_abs();
            left + Duration::from_millis(1)
        });
    }

    #[test]
    fn no_group_is_older_than_time() {
        let gateway = Gateway::open(Config::default()).unwrap();
        push(&gateway, "old");
        gateway.expire(Duration::MAX, Timestamp::now());
        assert_eq!(gateway.snapshot().group_count(), 1);
    }
}
