//! Quantiles over the last minutes or hours, with the sum and count of all time.

use std::time::{Duration, Instant};

use exposition::{Quantile, Summary};
use sketches_ddsketch::{Config, DDSketch};

/// How far quantiles look back, and which there are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape {
    /// How far they look back.
    pub window: Duration,
    /// In how many parts that is forgotten; at least 1. Go's library has 5.
    pub parts: u32,
    /// Which there are, each from 0 to 1.
    pub quantiles: &'static [f64],
}

/// Observations. Quantiles are within 1 % of the true ones, and the memory does not grow with their number.
pub struct Window {
    shape: Shape,
    /// One for each part of the window, the youngest last.
    sketches: Vec<DDSketch>,
    /// When the youngest part began.
    began: Instant,
    sum: f64,
    count: u64,
}

impl Window {
    /// Without observations.
    #[must_use]
    pub fn new(shape: Shape, now: Instant) -> Self {
        Self { shape, sketches: vec![sketch()], began: now, sum: 0.0, count: 0 }
    }

    /// Takes one more value, at a time that is not before the last one.
    pub fn observe(&mut self, value: f64, now: Instant) {
        self.forget(now);
        if let Some(youngest) = self.sketches.last_mut() {
            youngest.add(value);
        }
        self.sum += value;
        self.count += 1;
    }

    /// The summary; its quantiles are NaN when nothing was observed in the window.
    pub fn summary(&mut self, now: Instant) -> Summary {
        self.forget(now);
        let mut all = sketch();
        for part in &self.sketches {
            // Fails for sketches of another accuracy only.
            let _ = all.merge(part);
        }
        let value = |quantile| all.quantile(quantile).ok().flatten().unwrap_or(f64::NAN);
        let quantiles =
            self.shape.quantiles.iter().map(|&quantile| Quantile { quantile, value: value(quantile) });
        Summary { quantiles: quantiles.collect(), sum: self.sum, count: self.count }
    }

    /// Begins as many parts as have passed, and drops those that are out of the window.
    fn forget(&mut self, now: Instant) {
        let Shape { window, parts, .. } = self.shape;
        let part = window / parts.max(1);
        let passed = now.saturating_duration_since(self.began).as_secs() / part.as_secs().max(1);
        for _ in 0..passed.min(u64::from(parts)) {
            if self.sketches.len() == parts as usize {
                self.sketches.remove(0);
            }
            self.sketches.push(sketch());
        }
        self.began += Duration::from_secs(passed * part.as_secs());
    }
}

impl std::fmt::Debug for Window {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Window")
            .field("shape", &self.shape)
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}

fn sketch() -> DDSketch {
    DDSketch::new(Config::defaults())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape { window: Duration::from_secs(600), parts: 5, quantiles: &[0.1, 0.5, 0.9] };

    fn median(window: &mut Window, now: Instant) -> f64 {
        window.summary(now).quantiles.iter().find(|q| q.quantile == 0.5).unwrap().value
    }

    #[test]
    fn quantiles_are_within_one_percent() {
        let now = Instant::now();
        let mut window = Window::new(SHAPE, now);
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
        let mut window = Window::new(SHAPE, start);
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
