//! Ranks among many: keys in sorted blocks, so that a change moves part of one block only.
//!
//! A rank is two searches, the first among the last keys of the blocks, which stand together;
//! after changes, the blocks are counted once. A million keys have about three thousand blocks.

use alloc::vec::Vec;

/// What is ranked: a size, and the order of arrival where sizes are equal.
pub(super) type Key = (u64, u64);

/// The most keys in a block: 8 KiB of them.
const BLOCK: usize = 512;

/// A set of keys.
#[derive(Debug, Default)]
pub(super) struct Ranking {
    /// Not empty, each sorted, in order. Two neighbours hold more than `BLOCK / 2` together, so
    /// that blocks stay few.
    blocks: Vec<Vec<Key>>,
    /// The last key of each block.
    lasts: Vec<Key>,
    /// Empty blocks for later, each with room for `BLOCK` keys.
    spare: Vec<Vec<Key>>,
    /// How many keys come before each block, as last counted.
    before: Vec<usize>,
    len: usize,
}

impl Ranking {
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Makes room for so many keys, so that no insertion up to them allocates.
    pub(super) fn make_room(&mut self, keys: usize) {
        // Pairs of neighbours hold more than half a block; one block more while one splits.
        let blocks = 2 * keys.div_ceil(BLOCK / 2) + 2;
        self.blocks
            .reserve(blocks.saturating_sub(self.blocks.len()));
        self.spare.reserve(blocks.saturating_sub(self.spare.len()));
        self.lasts.reserve(blocks.saturating_sub(self.lasts.len()));
        self.before
            .reserve(blocks.saturating_sub(self.before.len()));
        while self.blocks.len() + self.spare.len() < blocks {
            self.spare.push(Vec::with_capacity(BLOCK));
        }
    }

    /// Adds a key that is not there.
    pub(super) fn insert(&mut self, key: Key) {
        self.make_room(self.len + 1);
        self.len += 1;
        let mut index = self.block_of(key);
        if index == self.blocks.len() {
            // Beyond the last key: the last block takes it, if there is one.
            index = index.saturating_sub(1);
        }
        if index == self.blocks.len() {
            self.blocks.extend(self.spare.pop());
            self.lasts.push(key);
        } else if self.blocks[index].len() == BLOCK {
            self.split(index);
            index += usize::from(self.lasts[index] < key);
        }
        let block = &mut self.blocks[index];
        let place = block.partition_point(|&other| other < key);
        block.insert(place, key);
        self.note_last(index);
    }

    /// Takes a key out that is there.
    pub(super) fn remove(&mut self, key: Key) {
        let index = self.block_of(key);
        let Some(block) = self.blocks.get_mut(index) else {
            return;
        };
        let place = block.partition_point(|&other| other < key);
        debug_assert_eq!(
            block.get(place),
            Some(&key),
            "only what is ranked is removed"
        );
        block.remove(place);
        self.len -= 1;
        if block.is_empty() {
            self.remove_block(index);
        } else {
            self.note_last(index);
            self.join(index);
            self.join(index.saturating_sub(1));
        }
    }

    /// Counts the blocks after changes, before ranks are asked for.
    pub(super) fn count(&mut self) {
        self.before.clear();
        let mut before = 0;
        for block in &self.blocks {
            self.before.push(before);
            before += block.len();
        }
    }

    /// How many keys are at least this one: 1 for the greatest.
    pub(super) fn rank(&self, key: Key) -> usize {
        let index = self.block_of(key);
        let Some(block) = self.blocks.get(index) else {
            return 0;
        };
        let place = block.partition_point(|&other| other < key);
        self.len - self.before[index] - place
    }

    /// The first block whose last key is not before this one.
    fn block_of(&self, key: Key) -> usize {
        self.lasts.partition_point(|&last| last < key)
    }

    fn note_last(&mut self, index: usize) {
        if let Some(&last) = self.blocks[index].last() {
            self.lasts[index] = last;
        }
    }

    fn remove_block(&mut self, index: usize) {
        self.lasts.remove(index);
        let emptied = self.blocks.remove(index);
        self.spare.push(emptied);
    }

    fn split(&mut self, index: usize) {
        if let Some(mut upper) = self.spare.pop() {
            upper.extend(self.blocks[index].drain(BLOCK / 2..));
            self.blocks.insert(index + 1, upper);
            self.lasts.insert(index + 1, self.lasts[index]);
            self.note_last(index);
        }
    }

    /// Joins a block with the next one, if both are small.
    fn join(&mut self, index: usize) {
        let Some([lower, upper]) = self.blocks.get_mut(index..index + 2) else {
            return;
        };
        if lower.len() + upper.len() <= BLOCK / 2 {
            lower.append(upper);
            self.note_last(index);
            self.remove_block(index + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Ranking;
    use alloc::collections::BTreeSet;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(30))]

        #[test]
        fn it_agrees_with_a_sorted_set(
            sizes in proptest::collection::vec(0..3_000_u64, 0..6_000),
        ) {
            let mut ranking = Ranking::default();
            let mut model = BTreeSet::new();
            for (turn, &size) in sizes.iter().enumerate() {
                // Grows first and shrinks in the end.
                let key = (size, size % 3);
                if model.remove(&key) {
                    ranking.remove(key);
                } else if turn < sizes.len() / 2 {
                    ranking.insert(key);
                    model.insert(key);
                }
                prop_assert_eq!(ranking.len(), model.len());
                if turn % 50 == 0 {
                    ranking.count();
                    for &key in model.iter().step_by(17) {
                        prop_assert_eq!(ranking.rank(key), model.range(key..).count());
                    }
                }
            }
            for key in model {
                ranking.remove(key);
            }
            prop_assert_eq!(ranking.len(), 0);
            prop_assert!(ranking.blocks.is_empty());
        }
    }
}
