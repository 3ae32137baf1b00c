//! What is left to chance on a disk, drawn from a seed: the same seed, the same draws.

/// `SplitMix64`, by Steele, Lea and Flood (2014).
#[derive(Clone, Debug)]
pub(super) struct Draws(u64);

impl Draws {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// One of the first `bound` numbers, from 0.
    pub(super) fn below(&mut self, bound: u16) -> u16 {
        u16::try_from(self.next() % u64::from(bound.max(1))).expect("less than a number of 16 bits")
    }

    /// An index into so many.
    pub(super) fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.next() % length.max(1) as u64).expect("less than a length")
    }

    /// From none to all.
    pub(super) fn thousandths(&mut self) -> u16 {
        self.below(1001)
    }
}
