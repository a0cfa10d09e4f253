//! A small seeded generator: the same keystrokes at the same moments in every run.

/// xorshift64*, by Marsaglia and Vigna.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    pub(crate) fn next(&mut self) -> u32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        u32::try_from(self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32).expect("the upper half fits")
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u32) -> u32 {
        u32::try_from((u64::from(self.next()) * u64::from(end)) >> 32).expect("below end")
    }

    /// Nanoseconds until the next of events that come `rate` times a second and know nothing of each other.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a positive number of nanoseconds"
    )]
    pub(crate) fn gap(&mut self, rate: f64) -> u64 {
        let uniform = (f64::from(self.next()) + 1.0) / (f64::from(u32::MAX) + 2.0);
        (-uniform.ln() * 1e9 / rate) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_average_to_the_rate() {
        let mut random = Random::new(1);
        let total: u64 = (0..10_000).map(|_| random.gap(1000.0)).sum();
        assert!(
            (9.5e9..10.5e9)
                .contains(&(f64::from(u32::try_from(total / 1000).expect("about ten million")) * 1e3))
        );
    }
}
