//! An indexed 4-ary min-heap over slot numbers: the first in line, and any member, in O(log n).
//!
//! Four siblings share one aligned group, so that a step down touches one place in memory. Empty
//! lanes hold a sentinel that is greater than every rank, so that a step needs no bounds.

use alloc::vec::Vec;

/// Where a member stands in line: the smaller goes first.
///
/// Compared field by field in the order they are declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    /// The complement of the priority: a higher priority is a smaller number.
    pub(crate) precedence: i32,
    /// What the order of the policy looks at.
    pub(crate) key: u128,
    /// The order of arrival, which breaks every tie.
    pub(crate) sequence: u64,
}

impl Rank {
    /// A rank without priority.
    pub(crate) const fn plain(key: u128, sequence: u64) -> Self {
        Self {
            precedence: 0,
            key,
            sequence,
        }
    }
}

/// The heap. A slot is a member at most once.
#[derive(Debug)]
pub(crate) struct Heap {
    root: Node,
    /// `groups[n]` holds the children of node `n`; node 0 is the root and node `4 g + lane + 1`
    /// stands in `groups[g]`.
    groups: Vec<Group>,
    len: usize,
    /// The node of each slot, `ABSENT` for a slot that is not a member.
    nodes: Vec<u32>,
}

const ABSENT: u32 = u32::MAX;
const ARITY: usize = 4;

/// A member and its rank, laid flat: half a cache line.
#[derive(Clone, Copy, Debug)]
struct Node {
    key: u128,
    sequence: u64,
    precedence: i32,
    slot: u32,
}

const EMPTY: Node = Node {
    key: u128::MAX,
    sequence: u64::MAX,
    precedence: i32::MAX,
    slot: ABSENT,
};

impl Node {
    const fn new(slot: u32, rank: Rank) -> Self {
        let Rank {
            precedence,
            key,
            sequence,
        } = rank;
        Self {
            key,
            sequence,
            precedence,
            slot,
        }
    }

    const fn rank(&self) -> Rank {
        Rank {
            precedence: self.precedence,
            key: self.key,
            sequence: self.sequence,
        }
    }

    fn goes_before(&self, other: &Self) -> bool {
        (self.precedence, self.key, self.sequence) < (other.precedence, other.key, other.sequence)
    }
}

#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Group([Node; ARITY]);

impl Heap {
    pub(crate) const fn new() -> Self {
        Self {
            root: EMPTY,
            groups: Vec::new(),
            len: 0,
            nodes: Vec::new(),
        }
    }

    /// Makes room for slots below `slots`, so that no later insertion of one of them allocates.
    pub(crate) fn make_room(&mut self, slots: usize) {
        if self.nodes.len() < slots {
            self.nodes.resize(slots, ABSENT);
        }
        let groups = slots.div_ceil(ARITY) + 1;
        if self.groups.capacity() < groups {
            self.groups.reserve(groups - self.groups.len());
        }
    }

    #[cfg(test)]
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn contains(&self, slot: u32) -> bool {
        self.nodes
            .get(slot as usize)
            .is_some_and(|&node| node != ABSENT)
    }

    /// The slot that goes first, with its rank.
    pub(crate) const fn first(&self) -> Option<(u32, Rank)> {
        if self.len == 0 {
            None
        } else {
            Some((self.root.slot, self.root.rank()))
        }
    }

    /// Adds a slot that is not a member.
    pub(crate) fn insert(&mut self, slot: u32, rank: Rank) {
        debug_assert!(!self.contains(slot), "slot {slot} stands in line already");
        self.make_room(slot as usize + 1);
        let node = self.len;
        self.len += 1;
        if node > 0 && (node - 1) / ARITY == self.groups.len() {
            self.groups.push(Group([EMPTY; ARITY]));
        }
        self.sift_up(node, Node::new(slot, rank));
    }

    /// Gives a member a new rank.
    pub(crate) fn update(&mut self, slot: u32, rank: Rank) {
        debug_assert!(self.contains(slot), "slot {slot} does not stand in line");
        let node = self.nodes[slot as usize] as usize;
        let (old, new) = (self.at(node), Node::new(slot, rank));
        if new.goes_before(&old) {
            self.sift_up(node, new);
        } else if old.goes_before(&new) {
            self.sift_down(node, new);
        }
    }

    /// Makes a slot a member with this rank, or none.
    pub(crate) fn place(&mut self, slot: u32, rank: Option<Rank>) {
        match rank {
            Some(rank) if self.contains(slot) => self.update(slot, rank),
            Some(rank) => self.insert(slot, rank),
            None => {
                self.remove(slot);
            }
        }
    }

    /// Takes a slot out, if it is a member.
    pub(crate) fn remove(&mut self, slot: u32) -> bool {
        if !self.contains(slot) {
            return false;
        }
        let node = self.nodes[slot as usize] as usize;
        self.nodes[slot as usize] = ABSENT;
        self.len -= 1;
        let last = self.at(self.len);
        self.put(self.len, EMPTY);
        if node != self.len {
            let parent_goes_after = node > 0 && last.goes_before(&self.at((node - 1) / ARITY));
            if parent_goes_after {
                self.sift_up(node, last);
            } else {
                self.sift_down(node, last);
            }
        }
        true
    }

    fn at(&self, node: usize) -> Node {
        if node == 0 {
            self.root
        } else {
            self.groups[(node - 1) / ARITY].0[(node - 1) % ARITY]
        }
    }

    fn put(&mut self, node: usize, value: Node) {
        if node == 0 {
            self.root = value;
        } else {
            self.groups[(node - 1) / ARITY].0[(node - 1) % ARITY] = value;
        }
        if value.slot != ABSENT {
            // A heap holds fewer than `ABSENT` members, because slots are `u32`.
            self.nodes[value.slot as usize] = u32::try_from(node).unwrap_or(ABSENT);
        }
    }

    fn sift_up(&mut self, mut node: usize, value: Node) {
        while node > 0 {
            let parent = (node - 1) / ARITY;
            let above = self.at(parent);
            if !value.goes_before(&above) {
                break;
            }
            self.put(node, above);
            node = parent;
        }
        self.put(node, value);
    }

    fn sift_down(&mut self, mut node: usize, value: Node) {
        while let Some(group) = self.groups.get(node) {
            let (lane, child) = first_of(group);
            if !child.goes_before(&value) {
                break;
            }
            self.put(node, child);
            node = ARITY * node + lane + 1;
        }
        self.put(node, value);
    }
}

fn first_of(Group(lanes): &Group) -> (usize, Node) {
    let left = usize::from(lanes[1].goes_before(&lanes[0]));
    let right = 2 + usize::from(lanes[3].goes_before(&lanes[2]));
    let lane = if lanes[right].goes_before(&lanes[left]) {
        right
    } else {
        left
    };
    (lane, lanes[lane])
}

#[cfg(test)]
mod tests {
    use super::{Heap, Rank};
    use alloc::collections::BTreeMap;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Step {
        Put(u32, i32, u64),
        Remove(u32),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            3 => (0..200_u32, -1..2_i32, 0..50_u64).prop_map(|(s, p, k)| Step::Put(s, p, k)),
            1 => (0..200_u32).prop_map(Step::Remove),
        ];
        proptest::collection::vec(step, 0..600)
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_sorted_map(steps in steps()) {
            let mut heap = Heap::new();
            let mut model = BTreeMap::new();
            for step in steps {
                match step {
                    Step::Put(slot, precedence, key) => {
                        let rank =
                            Rank { precedence, key: key.into(), sequence: slot.into() };
                        if model.insert(slot, rank).is_some() {
                            heap.update(slot, rank);
                        } else {
                            heap.insert(slot, rank);
                        }
                    }
                    Step::Remove(slot) => {
                        prop_assert_eq!(heap.remove(slot), model.remove(&slot).is_some());
                    }
                }
                prop_assert_eq!(heap.len(), model.len());
                let first = model.iter().map(|(&slot, &rank)| (rank, slot)).min();
                prop_assert_eq!(heap.first().map(|(slot, rank)| (rank, slot)), first);
            }
            while let Some((slot, rank)) = heap.first() {
                prop_assert_eq!(Some(rank), model.values().min().copied());
                model.remove(&slot);
                heap.remove(slot);
            }
            prop_assert!(heap.is_empty() && model.is_empty());
        }
    }
}
