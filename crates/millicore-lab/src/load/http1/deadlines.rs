//! Who has waited longest: a list through the slots, because all have the same time.
//!
//! Every entry is made later than those before it and gets the same time, so the list is in the
//! order of the deadlines; entering and leaving take a step each, whatever the number.

#[derive(Debug)]
pub(super) struct Deadlines {
    timeout_ns: u64,
    links: Vec<Link>,
    first: usize,
    last: usize,
}

#[derive(Clone, Copy, Debug)]
struct Link {
    before: usize,
    after: usize,
    deadline_ns: u64,
}

/// No slot has this number.
const NONE: usize = usize::MAX;
const UNLINKED: Link = Link {
    before: NONE,
    after: NONE,
    deadline_ns: u64::MAX,
};

impl Deadlines {
    pub(super) fn new(timeout_ns: u64) -> Self {
        Self {
            timeout_ns,
            links: Vec::new(),
            first: NONE,
            last: NONE,
        }
    }

    /// The time of this slot begins now.
    pub(super) fn enter(&mut self, slot: usize, now_ns: u64) {
        if self.links.len() <= slot {
            self.links.resize(slot + 1, UNLINKED);
        }
        self.leave(slot);
        self.links[slot] = Link {
            before: self.last,
            after: NONE,
            deadline_ns: now_ns.saturating_add(self.timeout_ns),
        };
        match self.links.get_mut(self.last) {
            Some(last) => last.after = slot,
            None => self.first = slot,
        }
        self.last = slot;
    }

    pub(super) fn leave(&mut self, slot: usize) {
        let Some(link) = self.links.get(slot).copied() else {
            return;
        };
        if link.deadline_ns == u64::MAX {
            return;
        }
        match self.links.get_mut(link.before) {
            Some(before) => before.after = link.after,
            None => self.first = link.after,
        }
        match self.links.get_mut(link.after) {
            Some(after) => after.before = link.before,
            None => self.last = link.before,
        }
        self.links[slot] = UNLINKED;
    }

    /// The slot whose time is over first, and when.
    pub(super) fn first(&self) -> Option<(usize, u64)> {
        let link = self.links.get(self.first)?;
        Some((self.first, link.deadline_ns))
    }
}

#[cfg(test)]
mod tests {
    use super::Deadlines;

    /// The slots in the order of their deadlines.
    fn drain(deadlines: &mut Deadlines) -> Vec<(usize, u64)> {
        let mut all = Vec::new();
        while let Some((slot, deadline_ns)) = deadlines.first() {
            all.push((slot, deadline_ns));
            deadlines.leave(slot);
        }
        all
    }

    #[test]
    fn slots_leave_from_anywhere() {
        for gone in [vec![], vec![5], vec![0], vec![2], vec![5, 0, 2], vec![7]] {
            let mut deadlines = Deadlines::new(100);
            let entered = [(5, 1), (0, 2), (2, 3)];
            entered
                .iter()
                .for_each(|(slot, now_ns)| deadlines.enter(*slot, *now_ns));
            gone.iter().for_each(|slot| deadlines.leave(*slot));
            let left = entered.iter().filter(|(slot, _)| !gone.contains(slot));
            let expected: Vec<(usize, u64)> =
                left.map(|(slot, now_ns)| (*slot, now_ns + 100)).collect();
            assert_eq!(drain(&mut deadlines), expected, "without {gone:?}");
            deadlines.enter(3, 9);
            assert_eq!(drain(&mut deadlines), [(3, 109)]);
        }
    }

    #[test]
    fn entering_again_begins_again() {
        let mut deadlines = Deadlines::new(100);
        [(1, 1), (2, 2), (1, 3)]
            .iter()
            .for_each(|(slot, now_ns)| deadlines.enter(*slot, *now_ns));
        assert_eq!(drain(&mut deadlines), [(2, 102), (1, 103)]);
    }

    #[test]
    fn a_time_without_end_does_not_wrap() {
        let mut deadlines = Deadlines::new(u64::MAX - 1);
        deadlines.enter(0, 0);
        assert_eq!(deadlines.first(), Some((0, u64::MAX - 1)));
    }
}
