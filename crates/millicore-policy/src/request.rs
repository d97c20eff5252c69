//! Requests as the scheduler keeps them, and the slab they live in.

use crate::heap::Rank;
use crate::work::{Size, Work};
use alloc::vec::Vec;
use core::num::NonZeroU32;
use core::ops::{Index, IndexMut};

/// Names a live request to the scheduler that admitted it. Stale keys are recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestKey {
    pub(crate) slot: u32,
    generation: u32,
}

impl RequestKey {
    /// A number below the most requests ever live at once, unique among the live ones.
    #[must_use]
    pub const fn index(self) -> usize {
        self.slot as usize
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) work: Work,
    pub(crate) id: u64,
    /// The order of arrival.
    pub(crate) sequence: u64,
    /// The last chunk start, or the arrival before the first.
    pub(crate) last_start_ns: u64,
    pub(crate) precedence: i32,
    pub(crate) tenant: u32,
    pub(crate) max_cores: Option<NonZeroU32>,
    pub(crate) most_in_flight: u32,
    pub(crate) in_flight: u32,
    /// How many more slices the driver could start now.
    pub(crate) claimable: u32,
    pub(crate) stage: Stage,
    /// Its number in its tenant's queue.
    pub(crate) member: u32,
    /// How many requests had its slot before.
    pub(crate) generation: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// No chunk has started.
    Waiting,
    Started,
    /// Bound to a core that nobody else gets.
    Kept {
        core: u32,
    },
    /// Cancelled or complete, with chunks still running.
    Gone,
}

impl Request {
    pub(crate) const fn has_work(&self) -> bool {
        match self.work.size {
            Size::Exact(size_ns) => self.claimable > 0 && self.work.dispatched_ns < size_ns,
            Size::Estimate(_) | Size::Unknown => self.claimable > 0,
        }
    }

    /// Whether any core may start a chunk of it now, limits aside.
    pub(crate) const fn stands_in_line(&self) -> bool {
        matches!(self.stage, Stage::Waiting | Stage::Started)
            && self.in_flight < self.most_in_flight
            && self.has_work()
    }

    /// What the next slice is charged at its start.
    pub(crate) fn planned_ns(&self, slice_ns: u64) -> u64 {
        match self.work.size {
            Size::Exact(size_ns) => slice_ns.min(size_ns - self.work.dispatched_ns),
            Size::Estimate(_) | Size::Unknown => slice_ns,
        }
    }

    pub(crate) const fn rank(&self, key: u128) -> Rank {
        Rank {
            precedence: self.precedence,
            key,
            sequence: self.sequence,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Slab {
    entries: Vec<Entry>,
    /// The first of the free slots, which are chained; `NO_SLOT` after the last.
    first_free: u32,
}

/// A slot: two cache lines.
#[derive(Debug)]
#[repr(align(64))]
enum Entry {
    Used(Request),
    Free { generation: u32, next: u32 },
}

const NO_SLOT: u32 = u32::MAX;

impl Slab {
    pub(crate) const fn new() -> Self {
        Self {
            entries: Vec::new(),
            first_free: NO_SLOT,
        }
    }

    pub(crate) fn reserve(&mut self, requests: usize) {
        self.entries.reserve(requests);
    }

    pub(crate) fn insert(&mut self, request: Request) -> Option<RequestKey> {
        let slot = self.first_free;
        if let Some(entry) = self.entries.get_mut(slot as usize)
            && let Entry::Free { generation, next } = *entry
        {
            self.first_free = next;
            *entry = Entry::Used(Request {
                generation,
                ..request
            });
            return Some(RequestKey { slot, generation });
        }
        let slot = u32::try_from(self.entries.len())
            .ok()
            .filter(|&slot| slot < NO_SLOT)?;
        let generation = request.generation;
        self.entries.push(Entry::Used(request));
        Some(RequestKey { slot, generation })
    }

    pub(crate) fn remove(&mut self, slot: u32) {
        let generation = self[slot].generation.wrapping_add(1);
        let next = self.first_free;
        self.entries[slot as usize] = Entry::Free { generation, next };
        self.first_free = slot;
    }

    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut Request> {
        match self.entries.get_mut(slot as usize)? {
            Entry::Used(request) => Some(request),
            Entry::Free { .. } => None,
        }
    }

    fn get(&self, slot: u32) -> Option<&Request> {
        match self.entries.get(slot as usize)? {
            Entry::Used(request) => Some(request),
            Entry::Free { .. } => None,
        }
    }

    pub(crate) fn key_of(&self, slot: u32) -> RequestKey {
        RequestKey {
            slot,
            generation: self[slot].generation,
        }
    }

    /// The slot of a request that is live.
    pub(crate) fn find(&self, key: RequestKey) -> Option<u32> {
        let request = self.get(key.slot)?;
        (request.generation == key.generation && request.stage != Stage::Gone).then_some(key.slot)
    }

    /// Every live request with its slot.
    pub(crate) fn live(&self) -> impl Iterator<Item = (u32, &Request)> {
        (0..)
            .zip(&self.entries)
            .filter_map(|(slot, entry)| match entry {
                Entry::Used(request) if request.stage != Stage::Gone => Some((slot, request)),
                Entry::Used(_) | Entry::Free { .. } => None,
            })
    }
}

const OCCUPIED: &str = "a slot in use";

impl Index<u32> for Slab {
    type Output = Request;

    #[expect(
        clippy::expect_used,
        reason = "slots stay occupied while the scheduler names them"
    )]
    fn index(&self, slot: u32) -> &Request {
        self.get(slot).expect(OCCUPIED)
    }
}

impl IndexMut<u32> for Slab {
    #[expect(
        clippy::expect_used,
        reason = "slots stay occupied while the scheduler names them"
    )]
    fn index_mut(&mut self, slot: u32) -> &mut Request {
        self.get_mut(slot).expect(OCCUPIED)
    }
}

#[cfg(test)]
mod tests {
    use super::Entry;

    #[test]
    fn a_slot_is_two_cache_lines() {
        assert_eq!(size_of::<Entry>(), 128);
    }
}
