//! A stable delay after each tick, so that the many Restics of one schedule do not reach the storage at once.

use std::time::Duration;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

/// Of the time until the following tick, no more than one part in this many is delay.
const FRACTION: u32 = 10;

/// The delay of the session that is due at `tick`: between nothing and the smaller of `longest` and a tenth of the
/// time until the tick `following` it.
///
/// The same `key` (namespace and repository) always has the same share of it, so that the rhythm of one repository
/// stays even.
#[must_use]
pub fn delay(key: &str, tick: Timestamp, following: Option<Timestamp>, longest: Duration) -> Duration {
    let distance = following.map_or(longest, |at| at.duration_since(tick).unsigned_abs() / FRACTION);
    let limit = longest.min(distance);
    let digest = Sha256::digest(key);
    let share = digest.iter().take(4).fold(0_u32, |number, byte| (number << 8) | u32::from(*byte));
    // In milliseconds: a share of whole seconds would be coarse for a minute's schedule.
    let milliseconds = limit.as_millis() * u128::from(share) / u128::from(u32::MAX);
    Duration::from_millis(u64::try_from(milliseconds).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_delay_is_stable_and_different_keys_are_spread() {
        let of = |key: &str| delay(key, at(0), Some(at(86_400)), Duration::from_secs(600));
        assert_eq!(of("shop/deployment.web"), of("shop/deployment.web"));
        let all: Vec<Duration> = (0..1000).map(|number| of(&format!("shop/{number}"))).collect();
        assert!(all.iter().all(|delay| *delay <= Duration::from_secs(600)));
        let early = all.iter().filter(|delay| **delay < Duration::from_secs(300)).count();
        assert!((400..600).contains(&early), "{early} of 1000 in the first half");
    }

    #[test]
    fn the_delay_is_at_most_a_tenth_of_the_distance_and_none_when_none_is_asked_for() {
        for number in 0..1000 {
            let key = number.to_string();
            assert!(delay(&key, at(0), Some(at(60)), Duration::from_secs(600)) <= Duration::from_secs(6));
            assert!(delay(&key, at(0), Some(at(60)), Duration::ZERO).is_zero());
            assert!(delay(&key, at(0), None, Duration::from_secs(5)) <= Duration::from_secs(5));
        }
    }
}
