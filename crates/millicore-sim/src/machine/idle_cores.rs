//! Idle cores and whom to ask next: those that are free, and those kept by a throttled request.
//!
//! All free cores have the same claim, and so have all idle cores kept by requests of one tenant:
//! they stand in one line each. When the first of a line is told to wait, so is the whole line. A
//! limit never opens earlier than it said, because charges only delay it; a kept line therefore
//! sleeps until then, while the free line is asked after every event.

use super::core_set::CoreSet;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Who waits for a decision.
#[derive(Debug)]
pub(super) struct IdleCores {
    free: CoreSet,
    /// The free core to ask next at this instant.
    free_next: Option<usize>,
    /// When a free core may start something if nothing else happens.
    free_wakes_at_ns: Option<u64>,
    /// One for each tenant, where the policy keeps cores.
    kept: Vec<KeptLine>,
    /// The kept lines to ask at this instant, by the core that is next in each.
    asking: BinaryHeap<Reverse<(usize, usize)>>,
    /// When lines wake; an entry that its line does not confirm is void.
    wakes: BinaryHeap<Reverse<(u64, usize)>>,
    /// The kept lines that have been roused and not yet been asked.
    roused: Vec<usize>,
    /// The core that was asked last, and its line.
    asked: (usize, Claim),
}

#[derive(Clone, Copy, Debug)]
enum Claim {
    Free,
    Kept(usize),
}

#[derive(Clone, Debug)]
struct KeptLine {
    cores: CoreSet,
    sleeps_until_ns: Option<u64>,
    is_roused: bool,
}

impl IdleCores {
    /// All cores free, and so many lines for kept ones.
    pub(super) fn new(cores: usize, kept_lines: usize) -> Self {
        let line = KeptLine {
            cores: CoreSet::empty(cores),
            sleeps_until_ns: None,
            is_roused: false,
        };
        Self {
            free: CoreSet::full(cores),
            free_next: None,
            free_wakes_at_ns: None,
            kept: vec![line; kept_lines],
            asking: BinaryHeap::new(),
            wakes: BinaryHeap::new(),
            roused: Vec::new(),
            asked: (0, Claim::Free),
        }
    }

    pub(super) fn add_free(&mut self, core: usize) {
        self.free.insert(core);
    }

    /// The chunk of a request that keeps its core has ended.
    pub(super) fn add_kept(&mut self, line: usize, core: usize) {
        self.kept[line].cores.insert(core);
        if self.kept[line].sleeps_until_ns.is_none() {
            self.rouse(line);
        }
    }

    /// The request that kept this core is gone; nothing changes if a chunk of it still runs.
    pub(super) fn free_kept(&mut self, line: usize, core: usize) {
        if let Some(kept) = self.kept.get_mut(line)
            && kept.cores.contains(core)
        {
            kept.cores.remove(core);
            self.free.insert(core);
        }
    }

    /// When somebody may start something if nothing else happens.
    pub(super) fn wakes_at_ns(&self) -> Option<u64> {
        let kept_ns = self.wakes.peek().map(|&Reverse((at_ns, _))| at_ns);
        self.free_wakes_at_ns.into_iter().chain(kept_ns).min()
    }

    /// Begins the picks of an instant.
    pub(super) fn begin(&mut self, now_ns: u64) {
        self.free_next = self.free.next(0);
        self.free_wakes_at_ns = None;
        while let Some(&Reverse((at_ns, line))) = self.wakes.peek()
            && at_ns <= now_ns
        {
            self.wakes.pop();
            if self.kept[line].sleeps_until_ns == Some(at_ns) {
                self.kept[line].sleeps_until_ns = None;
                self.rouse(line);
            }
        }
        while let Some(line) = self.roused.pop() {
            self.kept[line].is_roused = false;
            self.ask_from(line, 0);
        }
    }

    /// The core to ask next. It is answered by [`take`](Self::take) or [`wait`](Self::wait).
    pub(super) fn next(&mut self) -> Option<usize> {
        let kept = self.asking.peek().map(|&Reverse(first)| first);
        self.asked = match (self.free_next, kept) {
            (Some(free), Some((core, line))) if core < free => (core, Claim::Kept(line)),
            (Some(free), _) => (free, Claim::Free),
            (None, Some((core, line))) => (core, Claim::Kept(line)),
            (None, None) => return None,
        };
        Some(self.asked.0)
    }

    /// The core that was asked is idle no longer.
    pub(super) fn take(&mut self) {
        match self.asked {
            (core, Claim::Free) => {
                self.free.remove(core);
                self.free_next = self.free.next(core + 1);
            }
            (core, Claim::Kept(line)) => {
                self.kept[line].cores.remove(core);
                self.asking.pop();
                self.ask_from(line, core + 1);
            }
        }
    }

    /// The core that was asked waits, and so does its line: until the next event, or this time.
    pub(super) fn wait(&mut self, until_ns: Option<u64>) {
        match self.asked.1 {
            Claim::Free => {
                self.free_next = None;
                self.free_wakes_at_ns = until_ns;
            }
            Claim::Kept(line) => {
                self.asking.pop();
                self.kept[line].sleeps_until_ns = until_ns;
                self.wakes
                    .extend(until_ns.map(|at_ns| Reverse((at_ns, line))));
            }
        }
    }

    fn rouse(&mut self, line: usize) {
        if !self.kept[line].is_roused {
            self.kept[line].is_roused = true;
            self.roused.push(line);
        }
    }

    fn ask_from(&mut self, line: usize, from: usize) {
        if let Some(core) = self.kept[line].cores.next(from) {
            self.asking.push(Reverse((core, line)));
        }
    }
}
