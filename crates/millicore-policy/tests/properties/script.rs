//! A random life of a scheduler, decoded from bytes: every byte string is one, so that a fuzzer or
//! a shrinker may cut it anywhere.
//!
//! Eight bytes set the scheduler up, then four make a step. Times are small on purpose: ties,
//! boundaries and exhausted limits come often.

use millicore_policy::admission::Admission;
use millicore_policy::limit::LimitSpec;
use millicore_policy::policies::ALL;
use millicore_policy::scheduler::Config;
use millicore_policy::work::Size;
use millicore_policy::{Policy, Width};
use std::fmt;
use std::num::NonZeroU32;

pub(crate) const SETUP_BYTES: usize = 8;
pub(crate) const STEP_BYTES: usize = 4;

/// The names tenants may have; the first is nobody's.
pub(crate) const NAMES: [&str; 4] = ["", "bee", "ant", "cat"];

pub(crate) struct Script {
    pub(crate) config: Config,
    pub(crate) steps: Vec<Step>,
}

/// A step a line, however it is asked for: failures are read by people.
impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?}", self.config)?;
        self.steps
            .iter()
            .try_for_each(|step| writeln!(f, "{step:?}"))
    }
}

#[derive(Debug)]
pub(crate) enum Step {
    Wait {
        time_ns: u64,
    },
    Arrive(Newcomer),
    Offer {
        request: u8,
        claimable: u32,
    },
    /// The slice takes so many hundredths of its plan.
    EndSlice {
        core: usize,
        percent: u64,
        claimable: u32,
    },
    Cancel {
        request: u8,
    },
    Complete {
        request: u8,
    },
    Expire,
    Pick {
        core: usize,
    },
    Recall {
        request: u8,
    },
    /// A slice passes: every core ends its own, then every core picks.
    Turn {
        percent: u64,
    },
    SetPolicy(Policy),
    SetCores(usize),
    SetMachineLimit(Option<LimitSpec>),
    ChargeMachine {
        used_ns: u64,
    },
    SetTenant {
        name: &'static str,
        weight: u32,
        limit: Option<LimitSpec>,
    },
}

#[derive(Debug)]
pub(crate) struct Newcomer {
    pub(crate) size: Size,
    pub(crate) priority: i32,
    pub(crate) weight: u32,
    pub(crate) max_cores: Option<NonZeroU32>,
    pub(crate) deadline_after_ns: Option<u64>,
    pub(crate) name: &'static str,
    pub(crate) claimable: u32,
}

impl Script {
    pub(crate) fn decode(bytes: &[u8]) -> Self {
        let mut setup = [0; SETUP_BYTES];
        for (to, from) in setup.iter_mut().zip(bytes) {
            *to = *from;
        }
        let slice_ns = [1, 7, 100, 1_000][usize::from(setup[0] % 4)];
        let [_, order, width, cores, ageing, limit, full, patience] = setup;
        let config = Config {
            policy: policy(order, width),
            cores: 1 + usize::from(cores % 4),
            slice_ns,
            ageing_ns: (ageing >= 128).then(|| u64::from(ageing - 127) * slice_ns / 8),
            machine_limit: limit_spec(limit, slice_ns),
            admission: Admission {
                max_waiting: (full >= 128).then(|| u32::from(full - 127)),
                max_wait_ns: (patience >= 128).then(|| u64::from(patience - 127) * slice_ns / 4),
                refuse_late: patience % 2 == 1,
            },
        };
        let steps = bytes.get(SETUP_BYTES..).unwrap_or_default();
        let steps = steps.as_chunks::<STEP_BYTES>().0.iter();
        Self {
            config,
            steps: steps.map(|step| decode_step(*step, slice_ns)).collect(),
        }
    }
}

fn decode_step([kind, a, b, c]: [u8; STEP_BYTES], slice_ns: u64) -> Step {
    match kind % 25 {
        0 => Step::Wait {
            time_ns: u64::from(a) * slice_ns / 16,
        },
        1..=5 => Step::Arrive(newcomer(a, b, c, slice_ns)),
        6 => Step::Offer {
            request: a,
            claimable: claimable(b),
        },
        7..=9 => Step::EndSlice {
            core: usize::from(a % 6),
            percent: percent(b),
            claimable: claimable(c),
        },
        10 => Step::Cancel { request: a },
        11 => Step::Complete { request: a },
        12 => Step::Expire,
        13..=15 => Step::Pick {
            core: usize::from(a % 6),
        },
        16 => Step::Recall { request: a },
        17..=19 => Step::Turn {
            percent: percent(a),
        },
        20 => Step::SetPolicy(policy(a, b)),
        21 => Step::SetCores(1 + usize::from(a % 4)),
        22 => Step::SetMachineLimit(limit_spec(a, slice_ns)),
        23 => Step::ChargeMachine {
            used_ns: u64::from(a) * slice_ns / 32,
        },
        _ => Step::SetTenant {
            name: NAMES[usize::from(a % 4)],
            weight: weight(b),
            limit: limit_spec(c, slice_ns),
        },
    }
}

fn newcomer(a: u8, b: u8, c: u8, slice_ns: u64) -> Newcomer {
    let size_ns = 1 + u64::from(a / 8) * slice_ns / 4;
    Newcomer {
        size: match a % 8 {
            0 => Size::Unknown,
            1 | 2 => Size::Estimate(size_ns),
            _ => Size::Exact(size_ns),
        },
        priority: i32::from(b % 8 == 7) - i32::from(b % 8 == 6),
        weight: weight(b),
        max_cores: NonZeroU32::new(u32::from(b / 64)),
        deadline_after_ns: c.is_multiple_of(2).then(|| u64::from(c) * slice_ns / 8),
        name: NAMES[usize::from(c / 8 % 4)],
        claimable: if c >= 224 { u32::from(c % 4) } else { u32::MAX },
    }
}

pub(crate) fn policy(order: u8, width: u8) -> Policy {
    let name = ALL[usize::from(order) % ALL.len()].name;
    let width = match width % 8 {
        0..=3 => None,
        4 => Some(Width::Kept),
        5 => Some(Width::One),
        6 => NonZeroU32::new(2).map(Width::AtMost),
        _ => Some(Width::All),
    };
    let policy = name.parse::<Policy>();
    assert!(policy.is_ok(), "the list names {name}");
    let policy = policy.unwrap_or(Policy::fifo());
    width.map_or(policy, |width| policy.with_width(width))
}

/// None half of the time, else bandwidth or a token bucket worth a few slices.
fn limit_spec(byte: u8, slice_ns: u64) -> Option<LimitSpec> {
    let amount = u64::from(byte / 16) + 1;
    match byte % 4 {
        0 | 1 => None,
        2 => Some(LimitSpec::Bandwidth {
            quota_ns: (amount * slice_ns / 4).max(1),
            period_ns: (slice_ns * u64::from(1 + byte / 4 % 4)).max(1),
        }),
        _ => Some(LimitSpec::TokenBucket {
            rate_millicores: amount * 150,
            burst_ns: slice_ns * u64::from(1 + byte / 4 % 4),
        }),
    }
}

fn claimable(byte: u8) -> u32 {
    if byte >= 64 {
        u32::MAX
    } else {
        u32::from(byte % 4)
    }
}

fn percent(byte: u8) -> u64 {
    if byte >= 128 {
        100
    } else {
        u64::from(byte) * 2
    }
}

fn weight(byte: u8) -> u32 {
    [1, 1, 2, 3, 10, 333, 5_000, 10_000][usize::from(byte / 8 % 8)]
}
