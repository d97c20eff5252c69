//! Policy and cores change while requests run.

use crate::deadline::{Gate, builder, finish, until};
use millicore::{Cpu, Executor, Handle, Policy, Request};
use std::cell::RefCell;
use std::num::{NonZeroU64, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;

fn sum(executor: &Executor, class: usize) -> Handle<u64> {
    let request = Request::new().size(Duration::from_micros(10 + class as u64));
    executor.submit(request, |cpu| async move {
        cpu.map_reduce(0..2000_u64, |part| part.sum::<u64>(), |a, b| a + b)
            .chunk_len(NonZeroU64::new(10).unwrap())
            .await
    })
}

/// Requests come while `change` is made again and again; all of them end with their result.
fn check_live(change: impl Fn(&Executor, usize)) {
    let executor = builder(2).build().unwrap();
    let mut handles = Vec::new();
    for round in 0..300 {
        handles.push(sum(&executor, round));
        change(&executor, round);
    }
    for handle in handles {
        assert_eq!(finish(handle), Ok(1_999_000));
    }
}

#[test]
fn the_policy_changes_with_work_in_flight() {
    let policies = [
        "srpt", "fifo", "las/one", "hesrpt", "sjf", "fair", "focus/2", "edf",
    ];
    check_live(|executor, round| {
        let policy: Policy = policies[round % policies.len()].parse().unwrap();
        executor.set_policy(policy).unwrap();
        assert_eq!(executor.policy(), policy);
    });
}

#[test]
fn cores_change_with_work_in_flight() {
    let counts = [1, 4, 2, 1, 3, 1, 1, 2];
    check_live(|executor, round| {
        let cores = counts[round % counts.len()];
        executor
            .set_cores(NonZeroUsize::new(cores).unwrap())
            .unwrap();
        assert_eq!(executor.cores(), cores);
    });
}

#[test]
fn cores_change_under_a_policy_that_keeps_them() {
    check_live(|executor, round| {
        let policy = if round % 7 < 5 {
            Policy::fifo()
        } else {
            Policy::sjf()
        };
        executor.set_policy(policy).unwrap();
        executor
            .set_cores(NonZeroUsize::new(1 + round % 3).unwrap())
            .unwrap();
    });
}

/// The core that leaves works on the only request, and the one that stays sleeps meanwhile.
#[test]
fn a_core_that_leaves_hands_its_request_on() {
    let executor = builder(2)
        .policy("focus/one".parse().unwrap())
        .build()
        .unwrap();
    let holding = || {
        let (send, name) = std::sync::mpsc::channel();
        let release = Gate::default();
        let released = release.clone();
        let handle = executor.submit(Request::new(), |cpu| async move {
            cpu.run(move || {
                send.send(std::thread::current().name().map(str::to_owned))
                    .unwrap();
                released.wait();
            })
            .await;
            cpu.run(|| ()).await;
        });
        let core = name.recv().unwrap().expect("a worker has a name");
        (core, release, handle)
    };
    let mut both = [holding(), holding()];
    both.sort_by(|one, other| one.0.cmp(&other.0));
    let [(stays, end, first), (leaves, release, second)] = both;
    assert_eq!(
        (stays.as_str(), leaves.as_str()),
        ("millicore-0", "millicore-1")
    );
    end.open();
    assert_eq!(finish(first), Ok(()));
    executor.set_cores(NonZeroUsize::MIN).unwrap();
    release.open();
    assert_eq!(finish(second), Ok(()));
}

/// How many chunks of one loop are inside a gate at once.
fn check_cores_at_work(executor: &Executor, cores: u32) {
    let release = Gate::default();
    let released = release.clone();
    let request = executor.submit(Request::new(), |cpu| async move {
        cpu.for_each(0..64_u32, move |_| released.wait())
            .chunk_len(NonZeroU64::MIN)
            .await;
    });
    until("every core works on it", || {
        request.progress().cores == cores
    });
    release.open();
    assert_eq!(request.progress().most_cores, cores);
    assert_eq!(finish(request), Ok(()));
}

#[test]
fn new_cores_work_and_old_ones_leave() {
    let executor = builder(1).build().unwrap();
    for cores in [1_u32, 4, 2, 3, 1, 2] {
        executor
            .set_cores(NonZeroUsize::new(cores as usize).unwrap())
            .unwrap();
        check_cores_at_work(&executor, cores);
    }
}

/// A thread that has ended but was not joined keeps its stack: coming and going must not add up.
#[test]
fn threads_that_have_left_leave_no_stack() {
    const ROUNDS: usize = 100;
    let left = Arc::new(());
    let watched = Arc::downgrade(&left);
    let executor = builder(1)
        .on_worker_start(move |_| {
            thread_local!(static HELD: RefCell<Option<Arc<()>>> = const { RefCell::new(None) });
            HELD.set(Some(Arc::clone(&left)));
        })
        .build()
        .unwrap();
    let set_cores = |cores| {
        executor
            .set_cores(NonZeroUsize::new(cores).unwrap())
            .unwrap();
    };
    let mappings = || {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        maps.lines().count()
    };
    let before = mappings();
    for _ in 0..ROUNDS {
        set_cores(5);
        // One reference is the hook's, the others those of the workers.
        until("the threads have started", || watched.strong_count() == 6);
        set_cores(1);
        until("the threads have ended", || watched.strong_count() == 2);
    }
    let grown = mappings().saturating_sub(before);
    // 400 stacks are 800 mappings; what other tests map meanwhile is far from half of that.
    assert!(grown < 4 * ROUNDS, "{grown} mappings more");
}

#[test]
fn a_body_yields_at_a_checkpoint_to_who_comes_first() {
    let executor = builder(1).build().unwrap();
    let (begun, urgent_done) = (Gate::default(), Gate::default());
    let (signal, done) = (begun.clone(), urgent_done.clone());
    let long = executor.submit(Request::new(), |cpu: Cpu| async move {
        signal.open();
        let mut checkpoints = 0_u64;
        // On the only core this ends only if the other request goes first.
        while !done.is_open() {
            cpu.checkpoint().await;
            checkpoints += 1;
        }
        checkpoints
    });
    begun.wait();
    let urgent = executor.submit(Request::new().priority(1), |cpu| async move {
        cpu.run(move || urgent_done.open()).await;
    });
    assert_eq!(finish(urgent), Ok(()));
    assert!(finish(long).unwrap() > 0);
}
