//! Who shares the machine by rank, for orders that divide it so.
//!
//! Ranks are those of what remained at the last arrival or departure. Until the next one they
//! hold, whatever runs in between.

use super::ranking::{Key, Ranking};
use crate::request::Request;
use alloc::vec::Vec;

#[derive(Debug, Default)]
pub(super) struct Shares {
    ranking: Ranking,
    /// By member number; nothing where nobody has the number.
    members: Vec<Option<Member>>,
    /// The numbers of those whose remainder is no longer the one that is ranked.
    moved: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Member {
    ranked: Key,
    has_moved: bool,
}

impl Shares {
    pub(super) fn make_room(&mut self, members: usize) {
        self.ranking.make_room(members);
        if self.members.len() < members {
            self.members.resize(members, None);
        }
        self.moved.reserve(members.saturating_sub(self.moved.len()));
    }

    pub(super) fn enter(&mut self, request: &Request) {
        let ranked = key(request);
        self.ranking.insert(ranked);
        self.members[request.member as usize] = Some(Member {
            ranked,
            has_moved: false,
        });
    }

    pub(super) fn leave(&mut self, member: u32) {
        if let Some(member) = self.members[member as usize].take() {
            self.ranking.remove(member.ranked);
        }
    }

    /// Anything about a member may have changed.
    pub(super) fn note(&mut self, request: &Request) {
        if let Some(member) = &mut self.members[request.member as usize]
            && !member.has_moved
            && member.ranked != key(request)
        {
            member.has_moved = true;
            self.moved.push(request.member);
        }
    }

    /// Ranks those anew that have moved; called when somebody has come or gone.
    pub(super) fn settle<'a>(&mut self, request_of: impl Fn(u32) -> &'a Request) {
        for number in self.moved.drain(..) {
            // Somebody else may have the number by now; then nothing has moved.
            if let Some(member) = &mut self.members[number as usize]
                && member.has_moved
            {
                self.ranking.remove(member.ranked);
                member.ranked = key(request_of(number));
                member.has_moved = false;
                self.ranking.insert(member.ranked);
            }
        }
        self.ranking.count();
    }

    /// The rank of a member, 1 for the largest remainder, and how many there are.
    pub(super) fn rank(&self, member: u32) -> (usize, usize) {
        let ranked = self.members[member as usize].map_or((0, 0), |member| member.ranked);
        (self.ranking.rank(ranked), self.ranking.len())
    }
}

/// Among equal remainders the earlier arrival counts as the smaller.
fn key(request: &Request) -> Key {
    (request.work.remaining_ns(), request.sequence)
}
