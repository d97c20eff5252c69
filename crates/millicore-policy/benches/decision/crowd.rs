//! A crowd of live requests that stays as large as it is while cores work on it.

use millicore_policy::Policy;
use millicore_policy::admission::Admission;
use millicore_policy::scheduler::{AfterSlice, Arrival, Config, Decision, Scheduler};
use millicore_policy::work::Size;

const SLICE_NS: u64 = 2_000_000;
const CORES: usize = 2;
const SEED: u64 = 0x006d_696c_6c69_636f;

/// A third of a second: short enough that many requests of a large crowd are past it.
pub(crate) const AGEING_NS: u64 = 333_000_000;

#[derive(Clone, Copy)]
pub(crate) enum Weights {
    Equal,
    Random,
}

pub(crate) struct Crowd {
    scheduler: Scheduler,
    weights: Weights,
    /// Slices that the largest request takes.
    most_slices: u64,
    random: Random,
    now_ns: u64,
    next_id: u64,
    core: usize,
    /// What each core's slice was planned to take.
    planned_ns: [u64; CORES],
    /// What the slice that is over took.
    used_ns: u64,
    after: AfterSlice,
}

impl Crowd {
    pub(crate) fn new(
        policy: Policy,
        live: usize,
        ageing_ns: Option<u64>,
        weights: Weights,
    ) -> Self {
        let mut scheduler = Scheduler::new(&Config {
            policy,
            cores: CORES,
            slice_ns: SLICE_NS,
            ageing_ns,
            machine_limit: None,
            admission: Admission::default(),
        });
        scheduler.reserve(live);
        let mut crowd = Self {
            scheduler,
            weights,
            most_slices: 8,
            random: Random(SEED),
            now_ns: 0,
            next_id: 0,
            core: 0,
            planned_ns: [0; CORES],
            used_ns: 0,
            after: AfterSlice::Gone,
        };
        for _ in 0..live {
            crowd.arrive();
        }
        crowd
    }

    /// Turns to the other core, when the slice on it is over.
    pub(crate) fn turn(&mut self) {
        self.core = (self.core + 1) % CORES;
        self.now_ns += SLICE_NS / 2;
        let planned_ns = self.planned_ns[self.core];
        // The last slice of a request takes what is left of it, so that requests finish.
        let spare_ns = if planned_ns == SLICE_NS {
            self.random.below(SLICE_NS / 2)
        } else {
            0
        };
        self.used_ns = planned_ns - spare_ns;
    }

    /// The slice on this core ends.
    pub(crate) fn end_slice(&mut self) {
        let Self {
            core,
            used_ns,
            now_ns,
            ..
        } = *self;
        self.after = self.scheduler.end_slice(now_ns, core, used_ns, u32::MAX);
    }

    /// Replaces the request whose slice has ended, if that was the last of it.
    pub(crate) fn refill(&mut self) {
        if self.after == AfterSlice::Finished {
            self.arrive();
        }
    }

    /// The core decides.
    pub(crate) fn pick(&mut self) {
        if let Decision::Run { planned_ns, .. } = self.scheduler.pick(self.now_ns, self.core) {
            self.planned_ns[self.core] = planned_ns;
        }
    }

    fn arrive(&mut self) {
        let size = Size::Exact(1 + self.random.below(self.most_slices * SLICE_NS));
        let arrival = Arrival {
            weight: match self.weights {
                Weights::Equal => 1,
                Weights::Random => 1 + self.random.small(10_000),
            },
            deadline_ns: Some(self.now_ns + self.random.below(60_000_000_000)),
            ..Arrival::new(self.next_id, size)
        };
        self.next_id += 1;
        let admitted = self.scheduler.arrive(self.now_ns, &arrival);
        assert!(admitted.is_ok(), "nothing bounds admission: {admitted:?}");
    }
}

/// SplitMix64 (Steele, Lea and Flood 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    fn small(&mut self, bound: u32) -> u32 {
        u32::try_from(self.below(bound.into())).unwrap_or(0)
    }
}
