//! Chance that falls the same way each time.

/// Of what it begins with, the same numbers.
pub struct Dice(pub u64);

impl Dice {
    /// From 0 to one less than that.
    pub fn roll<N: TryFrom<u64> + TryInto<u64>>(&mut self, sides: N) -> N {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let sides: u64 = sides.try_into().ok().unwrap();
        N::try_from((self.0 >> 33) % sides).ok().unwrap()
    }

    /// None of none.
    pub fn one_of<T: Clone>(&mut self, all: &[T]) -> Option<T> {
        (!all.is_empty()).then(|| all[self.roll(all.len())].clone())
    }
}
