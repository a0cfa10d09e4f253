//! Latencies in buckets at most 3 % wide: recording costs a few nanoseconds, and a quantile needs no sorting.

use std::time::Duration;

/// Values below this have a bucket each; above, every power of two has half as many.
const STEPS: u64 = 64;
const STEP_BITS: u32 = STEPS.ilog2();
/// Enough for every duration a `u64` holds.
const BUCKETS: usize = 64 * 32;

/// Counts of durations.
#[derive(Debug)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    total: u64,
    longest: u64,
}

impl Histogram {
    pub(crate) fn new() -> Self {
        Self { counts: vec![0; BUCKETS], total: 0, longest: 0 }
    }

    pub(crate) fn record(&mut self, nanoseconds: u64) {
        self.counts[bucket(nanoseconds)] += 1;
        self.total += 1;
        self.longest = self.longest.max(nanoseconds);
    }

    /// The duration that `share` (0 to 1) of all records do not exceed; zero without records.
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let rank = (self.total as f64 * share).ceil() as u64;
        let mut seen = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank && seen > 0 {
                return Duration::from_nanos(upper_end(bucket).min(self.longest));
            }
        }
        Duration::ZERO
    }

    pub(crate) fn longest(&self) -> Duration {
        Duration::from_nanos(self.longest)
    }
}

fn bucket(value: u64) -> usize {
    let shift = (value | (STEPS - 1)).ilog2() + 1 - STEP_BITS;
    usize::try_from(u64::from(shift) * (STEPS / 2) + (value >> shift)).expect("below BUCKETS")
}

fn upper_end(bucket: usize) -> u64 {
    let half = STEPS / 2;
    let shift = (bucket as u64 / half).saturating_sub(1);
    ((bucket as u64 - shift * half + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_a_bucket_whose_end_is_at_most_four_percent_above() {
        for value in (0..60).flat_map(|bit| [1u64 << bit, (1 << bit) + 1, (3 << bit) / 2]) {
            let end = upper_end(bucket(value));
            assert!(end >= value, "{value} ends at {end}");
            assert!(end - value <= value / 25, "{value} ends at {end}");
        }
    }

    #[test]
    fn quantiles_of_a_hundred_values() {
        let mut histogram = Histogram::new();
        (1..=100).for_each(|millisecond| histogram.record(millisecond * 1_000_000));
        let median = histogram.quantile(0.5).as_secs_f64();
        assert!((0.050..0.052).contains(&median), "{median}");
        assert_eq!(histogram.quantile(1.0), Duration::from_millis(100));
        assert_eq!(Histogram::new().quantile(0.99), Duration::ZERO);
    }
}
