//! Quantiles over the last ten minutes, with the sum and count of all time.

use std::time::{Duration, Instant};

use exposition::{Quantile, Summary};
use sketches_ddsketch::{Config, DDSketch};

/// How far quantiles look back, and in how many parts that is forgotten: as the original does it.
const WINDOW: Duration = Duration::from_secs(10 * 60);
const PARTS: u32 = 5;
const QUANTILES: [f64; 3] = [0.1, 0.5, 0.9];

/// Observations. Quantiles are within 1 % of the true ones.
pub(super) struct Window {
    /// One for each part of the window, the youngest last.
    sketches: Vec<DDSketch>,
    /// When the youngest part began.
    began: Instant,
    sum: f64,
    count: u64,
}

impl Window {
    pub(super) fn new(now: Instant) -> Self {
        Self { sketches: vec![sketch()], began: now, sum: 0.0, count: 0 }
    }

    pub(super) fn observe(&mut self, value: f64, now: Instant) {
        self.forget(now);
        if let Some(youngest) = self.sketches.last_mut() {
            youngest.add(value);
        }
        self.sum += value;
        self.count += 1;
    }

    /// The summary; its quantiles are NaN when nothing was observed in the window.
    pub(super) fn summary(&mut self, now: Instant) -> Summary {
        self.forget(now);
        let mut all = sketch();
        for part in &self.sketches {
            // Fails for sketches of another accuracy only.
            let _ = all.merge(part);
        }
        let value = |quantile| all.quantile(quantile).ok().flatten().unwrap_or(f64::NAN);
        let quantiles = QUANTILES.map(|quantile| Quantile { quantile, value: value(quantile) });
        Summary { quantiles: quantiles.into(), sum: self.sum, count: self.count }
    }

    /// Begins as many parts as have passed, and drops those that are out of the window.
    fn forget(&mut self, now: Instant) {
        let part = WINDOW / PARTS;
        let passed = now.saturating_duration_since(self.began).as_secs() / part.as_secs();
        for _ in 0..passed.min(u64::from(PARTS)) {
            if self.sketches.len() == PARTS as usize {
                self.sketches.remove(0);
            }
            self.sketches.push(sketch());
        }
        self.began += Duration::from_secs(passed * part.as_secs());
    }
}

fn sketch() -> DDSketch {
    DDSketch::new(Config::defaults())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn median(window: &mut Window, now: Instant) -> f64 {
        window.summary(now).quantiles.iter().find(|q| q.quantile == 0.5).unwrap().value
    }

    #[test]
    fn quantiles_are_within_one_percent() {
        let now = Instant::now();
        let mut window = Window::new(now);
        for value in 1..=1000 {
            window.observe(f64::from(value), now);
        }
        let summary = window.summary(now);
        assert_eq!((summary.count, summary.sum), (1000, 500_500.0));
        for (quantile, expected) in summary.quantiles.iter().zip([100.0, 500.0, 900.0]) {
            assert!((quantile.value / expected - 1.0).abs() < 0.015, "{quantile:?}");
        }
    }

    #[test]
    fn what_is_older_than_the_window_is_in_no_quantile_but_in_the_sum() {
        let start = Instant::now();
        let mut window = Window::new(start);
        assert!(median(&mut window, start).is_nan());
        window.observe(1.0, start);
        let minutes = |minutes: u64| start + Duration::from_secs(minutes * 60);
        assert!((median(&mut window, minutes(9)) - 1.0).abs() < 0.02);
        window.observe(100.0, minutes(9));
        assert!((median(&mut window, minutes(11)) / 100.0 - 1.0).abs() < 0.02);
        assert!(median(&mut window, minutes(60)).is_nan());
        let summary = window.summary(minutes(61));
        assert_eq!((summary.count, summary.sum), (2, 101.0));
    }
}
