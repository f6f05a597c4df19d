//! Counted observations, by size.

use exposition::{Bucket, Count, Value};

/// Counted observations, by size.
#[derive(Clone, Debug)]
pub struct Histogram {
    bounds: &'static [f64],
    /// How many are at most as large as the bound of the same place, and not as the one before; the last: above all.
    counts: Vec<u64>,
    sum: f64,
}

impl Histogram {
    /// Without observations; `bounds` are the upper ends of the buckets, in ascending order.
    #[must_use]
    pub fn new(bounds: &'static [f64]) -> Self {
        Self { bounds, counts: vec![0; bounds.len() + 1], sum: 0.0 }
    }

    /// Counts one.
    pub fn observe(&mut self, value: f64) {
        let place = self.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get_mut(place) {
            *count += 1;
        }
        self.sum += value;
    }

    /// As a sample has it.
    #[must_use]
    pub fn value(&self) -> Value {
        let mut count = 0;
        let mut buckets = Vec::with_capacity(self.bounds.len());
        for (upper_bound, counted) in self.bounds.iter().zip(&self.counts) {
            count += counted;
            let cumulative_count = Count::Whole(count);
            buckets.push(Bucket { upper_bound: *upper_bound, cumulative_count, exemplar: None });
        }
        count += self.counts.last().copied().unwrap_or_default();
        Value::Histogram(Box::new(exposition::Histogram {
            buckets,
            sum: self.sum,
            count: Count::Whole(count),
            native: None,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_its_bucket() {
        let mut histogram = Histogram::new(&[0.0, 10.0]);
        for value in [-1.0, 0.0, 10.0, 10.5] {
            histogram.observe(value);
        }
        let Value::Histogram(value) = histogram.value() else { panic!("it is a histogram") };
        let counts: Vec<f64> = value.buckets.iter().map(|bucket| bucket.cumulative_count.as_f64()).collect();
        assert_eq!((counts, value.count, value.sum), (vec![2.0, 3.0], Count::Whole(4), 19.5));
    }
}
