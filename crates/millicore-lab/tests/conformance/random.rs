//! Workloads by chance, on which both machines agree to the nanosecond.

use crate::chance::Chance;
use crate::machines::{Executed, Machine, Setup, Simulated, Tenant};
use millicore_quota::Millicores;
use millicore_sim::Workload;
use millicore_sim::workload::Request;

const MILLISECOND_NS: u64 = 1_000_000;
const NEVER_NS: u64 = 1 << 50;

/// What a set of workloads has beside requests that arrive.
#[derive(Clone, Copy)]
struct Has {
    /// Tenants with weights and limits, and a limit on the machine.
    tenants: bool,
    cancellations: bool,
}

/// Policies whose agreement is exact on any number of cores.
const EXACT: &[&str] = &[
    "fifo", "fair", "focus", "sjf", "srpt", "las", "edf", "fifo/one", "fair/one", "srpt/one",
    "focus/2", "las/3", "sjf/all",
];

/// `hesrpt` ranks all live requests by what remains. A request whose last chunk runs has nothing
/// left for the simulator, which knows sizes; to the executor it has outgrown its estimate. Two
/// cores can rank while such a chunk runs; one core cannot.
const EXACT_ON_ONE_CORE: &[&str] = &["hesrpt", "hesrpt:5", "hesrpt/one"];

fn check(seed: u64, policies: &[&str], most_cores: u64, has: Has) {
    let mut chance = Chance(seed);
    let setup = setup(&mut chance, policies, most_cores, has);
    let workload = workload(&mut chance, &setup, has);
    let simulated = Simulated::run(&setup, &workload);
    let executed = Executed::run(&setup, &workload);
    assert_eq!(
        executed,
        simulated,
        "seed {seed}: {} and {} part (left and right) on {setup:#?} {workload:#?}",
        Executed::NAME,
        Simulated::NAME,
    );
}

fn setup(chance: &mut Chance, policies: &[&str], most_cores: u64, has: Has) -> Setup {
    let policy = chance.one_of(policies).parse().unwrap();
    let cores = usize::try_from(1 + chance.below(most_cores)).unwrap();
    let ageing = chance
        .one_in(3)
        .then(|| (1 + chance.below(20)) * MILLISECOND_NS);
    let mut setup = Setup {
        ageing_ns: ageing,
        ..Setup::new(policy, cores, MILLISECOND_NS)
    };
    if has.tenants {
        let mut limit = |one_in| {
            chance
                .one_in(one_in)
                .then(|| millicores(100 + chance.below_u32(1900)))
        };
        let (machine, first, second) = (limit(3), limit(2), limit(4));
        setup.limit = machine;
        setup.tenants = [("zoe", first), ("ann", second), ("bob", None)]
            .map(|(name, limit)| Tenant {
                name,
                weight: chance.one_to(4),
                limit,
            })
            .into();
    }
    setup
}

fn millicores(count: u32) -> Millicores {
    format!("{count}m").parse().unwrap()
}

fn workload(chance: &mut Chance, setup: &Setup, has: Has) -> Workload {
    let mut workload = Workload::default();
    for id in 1..=1 + chance.below(12) {
        // Few instants, so that ties are many.
        let arrival_ns = chance.below(8) * MILLISECOND_NS * chance.below(3);
        let mut size_ns = (1 + chance.below(9)) * MILLISECOND_NS;
        if !has.tenants && chance.one_in(2) {
            // The executor charges a whole slice until the last, shorter chunk has ended, which
            // only tenants and limits can tell.
            size_ns -= chance.below(MILLISECOND_NS);
        }
        let mut request = Request {
            priority: i32::try_from(chance.below(3) / 2).unwrap(),
            weight: chance.one_to(3).get(),
            max_cores: chance.one_in(4).then(|| chance.one_to(3)),
            deadline_ns: chance.one_in(2).then(|| NEVER_NS + chance.below(4)),
            ..Request::new(id, arrival_ns, size_ns)
        };
        if has.cancellations && chance.one_in(3) {
            request.cancel_ns = Some(chance.below(20) * MILLISECOND_NS);
        }
        if !setup.tenants.is_empty() {
            let name = chance.one_of(&setup.tenants).name;
            request.tenant = workload.tenant(name);
        }
        workload.requests.push(request);
    }
    workload
}

fn check_many(policies: &[&str], most_cores: u64, has: Has) {
    for seed in 0..1500 {
        check(seed, policies, most_cores, has);
    }
}

#[test]
fn machines_agree() {
    check_many(
        EXACT,
        4,
        Has {
            tenants: false,
            cancellations: false,
        },
    );
}

#[test]
fn machines_agree_on_cancellations() {
    check_many(
        EXACT,
        4,
        Has {
            tenants: false,
            cancellations: true,
        },
    );
}

#[test]
fn machines_agree_on_tenants_and_limits() {
    check_many(
        EXACT,
        4,
        Has {
            tenants: true,
            cancellations: false,
        },
    );
    check_many(
        EXACT,
        4,
        Has {
            tenants: true,
            cancellations: true,
        },
    );
}

#[test]
fn machines_agree_on_one_core() {
    check_many(
        EXACT_ON_ONE_CORE,
        1,
        Has {
            tenants: false,
            cancellations: true,
        },
    );
    check_many(
        EXACT_ON_ONE_CORE,
        1,
        Has {
            tenants: true,
            cancellations: true,
        },
    );
}
