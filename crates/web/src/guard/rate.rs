//! A token bucket, over all requests.

use std::time::{Duration, Instant};

use crate::config::Rate;

/// Holds up to [`Rate::burst`] tokens and gets one each [`Rate::interval`]; a request takes one.
#[derive(Debug)]
pub(super) struct Bucket {
    rate: Rate,
    /// How long it would take to fill the bucket from empty to what it holds now.
    filled: Duration,
    at: Instant,
}

impl Bucket {
    pub(super) fn new(rate: Rate, now: Instant) -> Self {
        Self { rate, filled: full(rate), at: now }
    }

    /// Takes a token, if there is one.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.at);
        self.at = self.at.max(now);
        self.filled = self.filled.saturating_add(passed).min(full(self.rate));
        match self.filled.checked_sub(self.rate.interval) {
            Some(left) => {
                self.filled = left;
                true
            }
            None => false,
        }
    }
}

fn full(rate: Rate) -> Duration {
    rate.interval.checked_mul(rate.burst).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rate(interval: u64, burst: u32) -> Rate {
        Rate { interval: Duration::from_millis(interval), burst }
    }

    #[test]
    fn a_burst_then_one_an_interval() {
        let start = Instant::now();
        let mut bucket = Bucket::new(rate(100, 3), start);
        let mut taken = |after| bucket.take(start + Duration::from_millis(after));
        let got: Vec<bool> =
            [0, 0, 0, 0, 99, 100, 100, 250, 299, 300, 10_000, 10_000, 10_000, 10_000].map(&mut taken).into();
        assert_eq!(
            got,
            [true, true, true, false, false, true, false, true, false, true, true, true, true, false]
        );
    }

    #[test]
    fn without_a_burst_nobody_passes() {
        let start = Instant::now();
        assert!(!Bucket::new(rate(1, 0), start).take(start + Duration::from_secs(100)));
    }

    proptest! {
        #[test]
        fn never_more_than_the_burst_and_what_came_in(
            interval in 1_u64..1000, burst in 0_u32..10, steps in prop::collection::vec(0_u64..2000, 0..100),
        ) {
            let start = Instant::now();
            let mut bucket = Bucket::new(rate(interval, burst), start);
            let (mut taken, mut passed) = (0, 0);
            for step in steps {
                passed += step;
                taken += u64::from(bucket.take(start + Duration::from_millis(passed)));
                prop_assert!(taken <= u64::from(burst) + passed / interval);
            }
        }
    }
}
