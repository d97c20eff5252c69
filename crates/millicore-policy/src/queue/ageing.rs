//! The starvation bound: a request without a chunk start for so long goes before all others.

use crate::heap::{Heap, Rank};
use crate::request::Request;

#[derive(Debug)]
pub(super) struct Ageing {
    bound_ns: u64,
    /// By the last start. An entry may be older than the truth; it is corrected when it comes up,
    /// so that a start costs nothing here.
    by_start: Heap,
    /// Those past the bound, by arrival.
    aged: Heap,
}

impl Ageing {
    pub(super) const fn new(bound_ns: u64) -> Self {
        Self {
            bound_ns,
            by_start: Heap::new(),
            aged: Heap::new(),
        }
    }

    pub(super) fn make_room(&mut self, members: usize) {
        self.by_start.make_room(members);
        self.aged.make_room(members);
    }

    /// A member could start a chunk.
    pub(super) fn stand_in_line(&mut self, request: &Request) {
        let member = request.member;
        if !self.aged.contains(member) && !self.by_start.contains(member) {
            self.note_start(request);
        }
    }

    /// A member starts a chunk.
    pub(super) fn on_dispatch(&mut self, request: &Request) {
        if self.aged.remove(request.member) {
            self.note_start(request);
        }
    }

    pub(super) fn leave(&mut self, member: u32) {
        self.by_start.remove(member);
        self.aged.remove(member);
    }

    /// The earliest arrival of those in line past the bound.
    pub(super) fn first<'a>(
        &mut self,
        now_ns: u64,
        line: &Heap,
        request_of: impl Fn(u32) -> &'a Request,
    ) -> Option<u32> {
        let is_past = |start_ns: u128| start_ns + u128::from(self.bound_ns) <= u128::from(now_ns);
        while let Some((member, rank)) = self.by_start.first()
            && is_past(rank.key)
        {
            let request = request_of(member);
            let start_ns = u128::from(request.last_start_ns);
            if !line.contains(member) {
                self.by_start.remove(member);
            } else if is_past(start_ns) {
                self.by_start.remove(member);
                self.aged.insert(member, Rank::plain(0, request.sequence));
            } else {
                self.by_start.update(member, Rank::plain(start_ns, 0));
            }
        }
        while let Some((member, _)) = self.aged.first() {
            if line.contains(member) {
                return Some(member);
            }
            self.aged.remove(member);
        }
        None
    }

    /// Counts a member's waiting from its last start.
    fn note_start(&mut self, request: &Request) {
        let rank = Rank::plain(request.last_start_ns.into(), 0);
        self.by_start.insert(request.member, rank);
    }
}
