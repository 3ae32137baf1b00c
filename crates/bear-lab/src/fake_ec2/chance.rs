//! Chance that a seed decides, so that a run can be repeated.

use std::time::Duration;

use super::settings::Between;

/// Draws that follow from a seed: the generator `SplitMix64`.
#[derive(Debug)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to, and without, 1.
    pub(super) fn fraction(&mut self) -> f64 {
        let bits = u32::try_from(self.draw() >> 32).expect("32 bits are left");
        f64::from(bits) / (f64::from(u32::MAX) + 1.0)
    }

    /// A delay within bounds.
    pub(super) fn delay(&mut self, between: Between) -> Duration {
        let Between(min, max) = between;
        min + max.saturating_sub(min).mul_f64(self.fraction())
    }

    /// An id as EC2 makes them: what it is of, and 17 hexadecimal digits.
    pub(super) fn id(&mut self, prefix: &str) -> String {
        format!("{prefix}-0{:016x}", self.draw())
    }

    /// As AWS writes the ids of requests.
    pub(super) fn uuid(&mut self) -> String {
        let digits = format!("{:016x}{:016x}", self.draw(), self.draw());
        // The first digit of the third group is the version, the first of the fourth the variant.
        let parts = [&digits[..8], &digits[8..12], &digits[13..16], &digits[17..20], &digits[20..]];
        format!("{}-{}-4{}-a{}-{}", parts[0], parts[1], parts[2], parts[3], parts[4])
    }
}
