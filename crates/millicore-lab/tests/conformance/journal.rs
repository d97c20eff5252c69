//! The executor's journal, replayed: whatever threads and clocks did, the decisions are those of
//! the policy alone.

use crate::chance::Chance;
use crate::machines::{Setup, Tenant, chunks, described};
use millicore::{Builder, Executor, Handle, VirtualExecutor};
use millicore_sim::{replay, workload};
use std::num::NonZeroUsize;
use std::time::Duration;

const MICROSECOND_NS: u64 = 1000;

const POLICIES: &[&str] = &[
    "fifo", "fair", "focus", "sjf", "srpt", "las", "edf", "hesrpt", "hesrpt:3", "fifo/all",
    "fair/one", "focus/2", "srpt/one", "las/3", "edf/kept",
];

/// A machine that requests are sent to while it is disturbed.
trait Driven {
    fn submit(&self, request: &workload::Request, tenant: &str, chunk_ns: u64) -> Handle<()>;
    fn disturb(&mut self, chance: &mut Chance);
}

impl Driven for Executor {
    fn submit(&self, request: &workload::Request, tenant: &str, chunk_ns: u64) -> Handle<()> {
        let size_ns = request.size_ns;
        self.submit(described(request, tenant), move |cpu| {
            chunks(cpu, size_ns, chunk_ns)
        })
    }

    fn disturb(&mut self, chance: &mut Chance) {
        match chance.below(12) {
            0 => self
                .set_policy(chance.one_of(POLICIES).parse().unwrap())
                .unwrap(),
            1 => {
                let cores = usize::try_from(1 + chance.below(4)).unwrap();
                self.set_cores(NonZeroUsize::new(cores).unwrap()).unwrap();
            }
            2 => self.set_tenant("late", chance.one_to(5), None),
            _ => {}
        }
    }
}

impl Driven for VirtualExecutor {
    fn submit(&self, request: &workload::Request, tenant: &str, chunk_ns: u64) -> Handle<()> {
        let size_ns = request.size_ns;
        self.submit(described(request, tenant), move |cpu| {
            chunks(cpu, size_ns, chunk_ns)
        })
    }

    fn disturb(&mut self, chance: &mut Chance) {
        let pause = Duration::from_nanos(chance.below(100) * MICROSECOND_NS);
        self.run_until(self.now() + pause);
    }
}

/// Sends requests and takes some of them back.
fn drive(machine: &mut impl Driven, chance: &mut Chance, setup: &Setup) -> Vec<Handle<()>> {
    let mut handles = Vec::new();
    for id in 0..5 + chance.below(20) {
        let request = workload::Request {
            priority: i32::try_from(chance.below(2)).unwrap(),
            weight: chance.one_to(5).get(),
            max_cores: chance.one_in(4).then(|| chance.one_to(3)),
            deadline_ns: chance
                .one_in(3)
                .then(|| chance.below(2000) * MICROSECOND_NS),
            ..workload::Request::new(id, 0, 1 + chance.below(300 * MICROSECOND_NS))
        };
        let tenant = chance.one_of(&setup.tenants).name;
        handles.push(machine.submit(&request, tenant, setup.chunk_ns / (1 + chance.below(3))));
        if chance.one_in(6) {
            chance.one_of(&handles).cancel();
        }
        machine.disturb(chance);
    }
    handles
}

fn setup(chance: &mut Chance) -> Setup {
    let cores = usize::try_from(1 + chance.below(4)).unwrap();
    let policy = chance.one_of(POLICIES).parse().unwrap();
    let mut limit = |one_in| {
        let count = 500 + chance.below(2000);
        chance
            .one_in(one_in)
            .then(|| format!("{count}m").parse().unwrap())
    };
    let (machine, tenant) = (limit(4), limit(3));
    let tenants = [("ann", None), ("bob", tenant), ("zoe", None)];
    Setup {
        ageing_ns: chance.one_in(3).then(|| chance.below(500) * MICROSECOND_NS),
        tenants: tenants
            .map(|(name, limit)| Tenant {
                name,
                weight: chance.one_to(4),
                limit,
            })
            .into(),
        limit: machine,
        ..Setup::new(policy, cores, 20 * MICROSECOND_NS)
    }
}

/// Admission is set up in the builder and in the replay's configuration alike.
fn check(
    seed: u64,
    run: fn(Builder, &mut Chance, &Setup) -> Vec<millicore::journal::Entry>,
) -> u64 {
    let mut chance = Chance(seed);
    let setup = setup(&mut chance);
    let mut builder = setup.builder().declared_cpu(true).journal(true);
    let mut config = setup.simulator().scheduler_config();
    config.admission.refuse_late = true;
    if chance.one_in(3) {
        let most = chance.one_to(20).get();
        builder = builder.max_waiting(most);
        config.admission.max_waiting = Some(most);
    }
    if chance.one_in(3) {
        let most_ns = chance.below(2000) * MICROSECOND_NS;
        builder = builder.max_wait(Duration::from_nanos(most_ns));
        config.admission.max_wait_ns = Some(most_ns);
    }
    match replay(&config, run(builder, &mut chance, &setup)) {
        Ok(count) => count.chunks,
        Err(divergence) => panic!("seed {seed}, {setup:?}: {divergence}"),
    }
}

#[test]
fn the_journal_of_real_threads_replays() {
    let chunks: u64 = (0..1000)
        .map(|seed| {
            check(seed, |builder, chance, setup| {
                let mut executor = builder.build().unwrap();
                for handle in drive(&mut executor, chance, setup) {
                    // Some are refused, cancelled or too late.
                    let _ = handle.wait();
                }
                executor.take_journal()
            })
        })
        .sum();
    assert!(chunks > 10_000, "only {chunks} chunks ran");
}

#[test]
fn the_journal_of_virtual_cores_replays() {
    let chunks: u64 = (0..300)
        .map(|seed| {
            check(seed, |builder, chance, setup| {
                let mut executor = VirtualExecutor::new(builder).unwrap();
                let handles = drive(&mut executor, chance, setup);
                executor.run_to_end();
                assert!(
                    handles.iter().all(Handle::is_finished),
                    "somebody waits for ever"
                );
                executor.take_journal()
            })
        })
        .sum();
    assert!(chunks > 3000, "only {chunks} chunks ran");
}
