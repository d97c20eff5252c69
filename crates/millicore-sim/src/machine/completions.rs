//! When the running chunks end: a 4-ary min-heap over (time, core) that replaces its top.
//!
//! A core whose chunk ends mostly starts another at once. Taking the first entry therefore leaves
//! a hole at the root, and the next entry fills it with a single walk down.

/// Chunk ends, the earliest first, ties by core index.
#[derive(Debug, Default)]
pub(super) struct Completions {
    /// Time in the upper bits, core in the lower 32: one comparison for both.
    entries: Vec<u128>,
    /// The root has been taken and nothing has replaced it yet.
    hole: bool,
}

const ARITY: usize = 4;

impl Completions {
    /// When the next chunk ends.
    pub(super) fn first_ns(&self) -> Option<u64> {
        self.first().map(time_of)
    }

    /// Takes the core of least index whose chunk ends at this time.
    pub(super) fn pop_at(&mut self, now_ns: u64) -> Option<usize> {
        let first = self.first().filter(|&entry| time_of(entry) == now_ns)?;
        if self.hole {
            self.close_hole();
        }
        self.hole = true;
        Some(core_of(first))
    }

    pub(super) fn push(&mut self, at_ns: u64, core: usize) {
        let entry = (u128::from(at_ns) << 32) | core as u128;
        if self.hole {
            self.hole = false;
            self.sift_down(entry);
        } else {
            self.entries.push(entry);
            self.sift_up(self.entries.len() - 1, entry);
        }
    }

    fn first(&self) -> Option<u128> {
        if self.hole {
            self.first_child(0).map(|(_, entry)| entry)
        } else {
            self.entries.first().copied()
        }
    }

    /// The node below this one that goes first, and its entry.
    fn first_child(&self, node: usize) -> Option<(usize, u128)> {
        let from = ARITY * node + 1;
        let below = self.entries.get(from..)?;
        let (child, entry) = match below.first_chunk::<ARITY>() {
            Some(&[a, b, c, d]) => {
                let left = if b < a { (1, b) } else { (0, a) };
                let right = if d < c { (3, d) } else { (2, c) };
                if right.1 < left.1 { right } else { left }
            }
            None => (0..)
                .zip(below.iter().copied())
                .min_by_key(|&(_, entry)| entry)?,
        };
        Some((from + child, entry))
    }

    fn close_hole(&mut self) {
        self.hole = false;
        if let Some(last) = self.entries.pop()
            && !self.entries.is_empty()
        {
            self.sift_down(last);
        }
    }

    fn sift_up(&mut self, mut node: usize, entry: u128) {
        while node > 0 {
            let parent = (node - 1) / ARITY;
            if self.entries[parent] <= entry {
                break;
            }
            self.entries[node] = self.entries[parent];
            node = parent;
        }
        self.entries[node] = entry;
    }

    /// Lets an entry sink from the root.
    fn sift_down(&mut self, entry: u128) {
        let mut node = 0;
        while let Some((child, first)) = self.first_child(node)
            && first < entry
        {
            self.entries[node] = first;
            node = child;
        }
        self.entries[node] = entry;
    }
}

fn time_of(entry: u128) -> u64 {
    u64::try_from(entry >> 32).unwrap_or(u64::MAX)
}

fn core_of(entry: u128) -> usize {
    (entry & u128::from(u32::MAX))
        .try_into()
        .unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::Completions;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn it_agrees_with_a_sorted_set(steps in proptest::collection::vec((0..40_u64, 0..9_u8), 0..300)) {
            let mut completions = Completions::default();
            let mut model = BTreeSet::new();
            for (core, (delay_ns, pops)) in steps.into_iter().enumerate() {
                let at_ns = delay_ns + 5;
                completions.push(at_ns, core);
                model.insert((at_ns, core));
                for _ in 0..pops / 3 {
                    let first = model.pop_first();
                    prop_assert_eq!(completions.first_ns(), first.map(|(at_ns, _)| at_ns));
                    if let Some((at_ns, core)) = first {
                        prop_assert_eq!(completions.pop_at(at_ns - 1), None);
                        prop_assert_eq!(completions.pop_at(at_ns), Some(core));
                    }
                }
                prop_assert_eq!(completions.first_ns(), model.first().map(|&(at_ns, _)| at_ns));
            }
        }
    }
}
