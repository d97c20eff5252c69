//! All connections, each in a slot that keeps its number while it is open.

use crate::load::http1::connection::Connection;

#[derive(Debug)]
pub(super) struct Pool {
    slots: Vec<Slot>,
    free: Vec<usize>,
    /// Slots of idle connections by address, the last used on top: its caches are warm, and what is
    /// not needed any more stays at the bottom.
    idle: Vec<Vec<usize>>,
}

#[derive(Debug)]
struct Slot {
    /// How many connections have been here: an event of an earlier one is told by it.
    generation: u32,
    connection: Option<Connection>,
}

impl Pool {
    pub(super) fn new(addresses: usize) -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            idle: vec![Vec::new(); addresses],
        }
    }

    pub(super) fn insert(&mut self, connection: Connection) -> usize {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot {
                generation: 0,
                connection: None,
            });
            self.slots.len() - 1
        });
        self.slots[slot].connection = Some(connection);
        slot
    }

    pub(super) fn get(&mut self, slot: usize) -> Option<&mut Connection> {
        self.slots.get_mut(slot)?.connection.as_mut()
    }

    /// Closes it; its descriptor leaves the poller by that.
    pub(super) fn remove(&mut self, slot: usize) -> Option<Connection> {
        let place = self.slots.get_mut(slot)?;
        let connection = place.connection.take()?;
        place.generation = place.generation.wrapping_add(1);
        self.free.push(slot);
        let idle = &mut self.idle[connection.address];
        if let Some(index) = idle.iter().rposition(|other| *other == slot) {
            idle.remove(index);
        }
        Some(connection)
    }

    pub(super) fn put_idle(&mut self, slot: usize, address: usize) {
        self.idle[address].push(slot);
    }

    pub(super) fn take_idle(&mut self, address: usize) -> Option<usize> {
        self.idle[address].pop()
    }

    /// What the poller knows the connection by.
    pub(super) fn token(&self, slot: usize) -> u64 {
        u64::from(self.slots[slot].generation) << 32 | slot as u64 & u64::from(u32::MAX)
    }

    /// The slot of a token, if its connection is still open.
    pub(super) fn slot(&self, token: u64) -> Option<usize> {
        let slot = usize::try_from(token & u64::from(u32::MAX)).ok()?;
        let is_same = self.slots.get(slot)?.generation == u32::try_from(token >> 32).ok()?;
        is_same.then_some(slot)
    }

    /// How many slots there are, open and free.
    pub(super) fn slots(&self) -> usize {
        self.slots.len()
    }
}
