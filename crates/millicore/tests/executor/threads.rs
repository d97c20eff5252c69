//! Workers as the kernel sees them: names, start hook, processors, niceness.

use crate::deadline::{builder, finish, until};
use millicore::{Builder, Request};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What `look` finds on the thread of a chunk.
fn on_worker<T: Send + 'static>(builder: Builder, look: fn() -> T) -> T {
    let executor = builder.build().unwrap();
    let seen = executor.submit(
        Request::new(),
        move |cpu| async move { cpu.run(look).await },
    );
    finish(seen).unwrap()
}

fn thread_name() -> Option<String> {
    std::thread::current().name().map(str::to_owned)
}

#[test]
fn workers_have_names() {
    assert_eq!(
        on_worker(builder(1), thread_name).as_deref(),
        Some("millicore-0")
    );
    let named = builder(1).worker_name(|core| format!("crunch {core}"));
    assert_eq!(on_worker(named, thread_name).as_deref(), Some("crunch 0"));
    // As /proc and ps show it.
    let comm = || std::fs::read_to_string("/proc/thread-self/comm").unwrap();
    assert_eq!(on_worker(builder(1), comm), "millicore-0\n");
}

#[test]
fn the_start_hook_runs_once_on_each_worker() {
    let started = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&started);
    let executor = builder(3)
        .on_worker_start(move |core| {
            assert_eq!(thread_name(), Some(format!("millicore-{core}")));
            counted.fetch_add(1 << (8 * core), Ordering::SeqCst);
        })
        .build()
        .unwrap();
    until("every worker has started", || {
        started.load(Ordering::SeqCst) == 0x01_01_01
    });
    drop(executor);
    assert_eq!(Arc::strong_count(&started), 1, "a worker is left");
}

#[test]
fn a_hook_that_panics_costs_no_core() {
    let hook = |_| panic!("a hook that panics");
    assert_eq!(on_worker(builder(1).on_worker_start(hook), || 5), 5);
}

#[test]
fn a_worker_is_pinned_and_nice() {
    let niceness = || rustix::process::getpriority_process(None).unwrap();
    let thread_niceness = || {
        let thread = rustix::thread::gettid();
        rustix::process::getpriority_process(Some(thread)).unwrap()
    };
    let before = niceness();
    assert_eq!(
        on_worker(builder(1).niceness(before + 5), thread_niceness),
        before + 5
    );
    assert_eq!(niceness(), before, "only workers are nicer");

    let processors = || {
        let set = rustix::thread::sched_getaffinity(None).unwrap();
        (0..rustix::thread::CpuSet::MAX_CPU)
            .filter(|&processor| set.is_set(processor))
            .collect::<Vec<_>>()
    };
    let mine = processors();
    let last = *mine.last().unwrap();
    assert_eq!(on_worker(builder(1).pin_to([last]), processors), [last]);
    assert_eq!(on_worker(builder(1), processors), mine);
    // One that does not exist is no reason not to work.
    assert_eq!(on_worker(builder(1).pin_to([usize::MAX]), processors), mine);
    assert_eq!(on_worker(builder(1).pin_to(Vec::new()), processors), mine);
}

#[test]
fn threads_end_with_their_executor() {
    let held = Arc::new(());
    let on_thread = Arc::clone(&held);
    let executor = builder(4)
        .on_worker_start(move |_| {
            let _ = &on_thread;
        })
        .build()
        .unwrap();
    drop(executor);
    assert_eq!(Arc::strong_count(&held), 1, "a worker is left");
}
