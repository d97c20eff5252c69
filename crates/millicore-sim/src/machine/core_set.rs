//! A set of core indices that finds its next member in a few steps, however many cores there are.
//!
//! A bit for each core, and above it a bit for each word that is not empty, up to a single word.

/// A set of numbers below a bound fixed at its making.
#[derive(Clone, Debug)]
pub(super) struct CoreSet {
    /// The lowest level first; the highest is one word.
    levels: Vec<Vec<u64>>,
}

const BITS: usize = 64;

impl CoreSet {
    pub(super) fn empty(cores: usize) -> Self {
        let mut levels = Vec::new();
        let mut words = cores;
        while words > 1 || levels.is_empty() {
            words = words.div_ceil(BITS).max(1);
            levels.push(vec![0; words]);
        }
        Self { levels }
    }

    pub(super) fn full(cores: usize) -> Self {
        let mut set = Self::empty(cores);
        for core in 0..cores {
            set.insert(core);
        }
        set
    }

    pub(super) fn contains(&self, core: usize) -> bool {
        self.levels[0][core / BITS] & bit(core) != 0
    }

    pub(super) fn insert(&mut self, core: usize) {
        let mut index = core;
        for level in &mut self.levels {
            let word = &mut level[index / BITS];
            let was_empty = *word == 0;
            *word |= bit(index);
            if !was_empty {
                return;
            }
            index /= BITS;
        }
    }

    pub(super) fn remove(&mut self, core: usize) {
        let mut index = core;
        for level in &mut self.levels {
            let word = &mut level[index / BITS];
            *word &= !bit(index);
            if *word != 0 {
                return;
            }
            index /= BITS;
        }
    }

    /// The least member that is not below `from`.
    pub(super) fn next(&self, from: usize) -> Option<usize> {
        let mut index = from;
        for (height, level) in self.levels.iter().enumerate() {
            let word = level.get(index / BITS)? & (u64::MAX << (index % BITS));
            if word != 0 {
                let found = index / BITS * BITS + lowest(word);
                return Some(self.descend(height, found));
            }
            index = index / BITS + 1;
        }
        None
    }

    fn descend(&self, height: usize, mut index: usize) -> usize {
        for level in self.levels[..height].iter().rev() {
            index = index * BITS + lowest(level[index]);
        }
        index
    }
}

const fn bit(index: usize) -> u64 {
    1 << (index % BITS)
}

const fn lowest(word: u64) -> usize {
    word.trailing_zeros() as usize
}

#[cfg(test)]
mod tests {
    use super::CoreSet;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn it_agrees_with_a_sorted_set(
            cores in 1..9000_usize,
            steps in proptest::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 0..200),
        ) {
            let mut set = CoreSet::empty(cores);
            let mut model = BTreeSet::new();
            for (index, insert) in steps {
                let core = index.index(cores);
                if insert {
                    set.insert(core);
                    model.insert(core);
                } else {
                    set.remove(core);
                    model.remove(&core);
                }
                prop_assert_eq!(set.contains(core), insert);
                for from in [0, core, core + 1, cores] {
                    prop_assert_eq!(set.next(from), model.range(from..).next().copied());
                }
            }
        }
    }

    #[test]
    fn full_has_every_core() {
        let set = CoreSet::full(4097);
        let mut from = 0;
        while let Some(core) = set.next(from) {
            assert_eq!(core, from);
            from = core + 1;
        }
        assert_eq!(from, 4097);
    }
}
