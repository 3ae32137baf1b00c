//! The one source of randomness of a case: the same seed, the same numbers, on every machine.

/// `SplitMix64` (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014): small, and good enough
/// from any seed, so that cases may be numbered.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is at least 1.
    pub(super) fn below(&mut self, end: u32) -> u32 {
        // The bias is one in four thousand million, and nothing here is a lottery.
        u32::try_from(((self.next() >> 32) * u64::from(end)) >> 32).expect("less than what fits")
    }

    /// A number from `from` up to `to`, either included.
    pub(super) fn between(&mut self, from: u32, to: u32) -> u32 {
        from + self.below(to - from + 1)
    }

    /// A place in a list of `end`, which is at least 1.
    pub(super) fn place(&mut self, end: usize) -> usize {
        usize::try_from(self.below(u32::try_from(end).expect("a short list"))).expect("an index")
    }

    /// Yes in so many of a hundred cases.
    pub(super) fn chance(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    /// One of them.
    pub(super) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.place(of.len())]
    }

    /// What `make` makes, in so many of a hundred cases.
    pub(super) fn maybe<T>(&mut self, percent: u32, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.chance(percent) { Some(make(self)) } else { None }
    }

    /// Up to `most` of what `make` makes.
    pub(super) fn some<T>(&mut self, most: u32, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let count = self.between(0, most);
        (0..count).map(|_| make(self)).collect()
    }
}
