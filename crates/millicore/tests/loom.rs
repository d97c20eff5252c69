//! Model checks: every interleaving of the protocols in `parking.rs` and `body_state.rs`.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p millicore --test loom --release`
#![cfg(loom)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../src/body_state.rs"]
mod body_state;
#[path = "../src/parking.rs"]
mod parking;

use body_state::BodyState;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;
use parking::{IdleSet, Parker};

/// An executor reduced to its parking: work is a number, a decision takes one off.
struct Executor {
    state: Mutex<State>,
    parkers: Vec<Parker>,
    done: Mutex<usize>,
    more_done: Condvar,
}

#[derive(Default)]
struct State {
    idle: IdleSet,
    work: usize,
    /// Work that comes one after the other, each at a time of its own.
    timed: usize,
    /// Whether the first piece of work goes on until another is done.
    first_is_long: bool,
    kept: Vec<usize>,
    stopped: bool,
}

#[derive(PartialEq)]
enum Next {
    Run { is_long: bool },
    Sleep { is_timekeeper: bool },
    Stop,
}

impl Executor {
    fn new(workers: usize) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            parkers: (0..workers).map(|_| Parker::new()).collect(),
            done: Mutex::new(0),
            more_done: Condvar::new(),
        })
    }

    /// What `Dispatcher::turn` does: leave, decide, enter or call another, under one lock.
    fn turn(&self, worker: usize) -> Next {
        let mut state = self.state.lock().unwrap();
        let kept_time = state.idle.leave(worker);
        let (next, wake) = if state.stopped {
            (Next::Stop, None)
        } else if state.kept.contains(&worker) {
            state.idle.enter_bound(worker);
            (
                Next::Sleep {
                    is_timekeeper: false,
                },
                None,
            )
        } else if state.work > 0 {
            state.work -= 1;
            let others = kept_time || state.work > 0;
            let is_long = std::mem::take(&mut state.first_is_long);
            (
                Next::Run { is_long },
                others.then(|| state.idle.take()).flatten(),
            )
        } else {
            let until_ns = (state.timed > 0).then_some(1);
            let until_ns = state.idle.enter(worker, until_ns);
            let is_timekeeper = until_ns.is_some();
            (Next::Sleep { is_timekeeper }, None)
        };
        drop(state);
        self.wake(wake);
        next
    }

    fn work(&self, worker: usize) {
        loop {
            match self.turn(worker) {
                Next::Run { is_long } => {
                    self.wait_until_done(usize::from(is_long));
                    *self.done.lock().unwrap() += 1;
                    self.more_done.notify_all();
                }
                Next::Sleep { is_timekeeper } => {
                    if is_timekeeper {
                        // Time passes only for who keeps it; it has no part in a model otherwise.
                        self.let_time_come();
                    } else {
                        self.parkers[worker].park(None);
                    }
                }
                Next::Stop => return,
            }
        }
    }

    fn let_time_come(&self) {
        let mut state = self.state.lock().unwrap();
        if state.timed > 0 {
            state.timed -= 1;
            state.work += 1;
        }
    }

    fn make_work(&self) {
        let mut state = self.state.lock().unwrap();
        state.work += 1;
        let sleeper = state.idle.take();
        drop(state);
        self.wake(sleeper);
    }

    fn release_core(&self, core: usize) {
        let mut state = self.state.lock().unwrap();
        state.kept.retain(|&kept| kept != core);
        let State { idle, kept, .. } = &mut *state;
        let freed = idle.take_unbound(|core| kept.contains(&core));
        drop(state);
        self.wake(freed);
    }

    fn stop(&self) {
        let mut state = self.state.lock().unwrap();
        state.stopped = true;
        let sleepers = state.idle.take_all();
        drop(state);
        self.wake(sleepers);
    }

    fn wake(&self, workers: impl IntoIterator<Item = usize>) {
        for worker in workers {
            self.parkers[worker].unpark();
        }
    }

    /// A wake-up that is lost is a deadlock here, which loom reports.
    fn wait_until_done(&self, expected: usize) {
        let mut done = self.done.lock().unwrap();
        while *done < expected {
            done = self.more_done.wait(done).unwrap();
        }
    }
}

/// Three preemptions find what more would find, and end.
fn model() -> loom::model::Builder {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model
}

/// Workers decide, enter and park while others make work; all of it is done, and all end.
fn check(workers: usize, makers: usize, prepare: fn(&mut State), expected: usize) {
    model().check(move || {
        let executor = Executor::new(workers);
        prepare(&mut executor.state.lock().unwrap());
        let workers: Vec<_> = (0..workers)
            .map(|worker| {
                let executor = Arc::clone(&executor);
                thread::spawn(move || executor.work(worker))
            })
            .collect();
        let has_makers = makers > 0;
        let makers: Vec<_> = (1..makers)
            .map(|_| {
                let executor = Arc::clone(&executor);
                thread::spawn(move || executor.make_work())
            })
            .collect();
        if has_makers {
            executor.make_work();
        }
        for core in 0..workers.len() {
            executor.release_core(core);
        }
        for maker in makers {
            maker.join().unwrap();
        }
        executor.wait_until_done(expected);
        executor.stop();
        for worker in workers {
            worker.join().unwrap();
        }
        assert_eq!(*executor.done.lock().unwrap(), expected);
    });
}

#[test]
fn work_of_one_maker_is_done() {
    check(1, 1, |_| (), 1);
}

#[test]
fn work_of_two_makers_is_done() {
    check(1, 2, |_| (), 2);
}

#[test]
fn two_workers_share_the_work_of_one_maker() {
    check(2, 1, |_| (), 1);
}

#[test]
fn two_workers_share_work_that_was_there() {
    check(2, 1, |state| state.work = 1, 2);
}

#[test]
fn a_stop_wakes_everybody() {
    check(2, 0, |_| (), 0);
}

#[test]
fn a_timekeeper_keeps_the_time_and_its_successor_after_it() {
    check(2, 1, |state| state.timed = 1, 2);
    let two_times_one_long = |state: &mut State| {
        state.timed = 2;
        state.first_is_long = true;
    };
    check(2, 0, two_times_one_long, 2);
}

#[test]
fn a_kept_core_takes_nothing_until_it_is_released() {
    check(2, 1, |state| state.kept = vec![0], 1);
    check(1, 1, |state| state.kept = vec![0], 1);
}

#[test]
fn a_token_left_before_parking_is_not_lost() {
    loom::model(|| {
        let parker = Arc::new(Parker::new());
        let other = Arc::clone(&parker);
        let waker = thread::spawn(move || other.unpark());
        parker.park(None);
        waker.join().unwrap();
        // One token, one sleep: the next returns at once only with another.
        parker.unpark();
        parker.park(None);
    });
}

/// Wakers raise a flag each and wake; whoever is told polls. The last poll sees every flag.
fn check_body(wakers: usize) {
    model().check(move || {
        let state = Arc::new(BodyState::new_ready());
        let flags: Arc<Vec<AtomicUsize>> =
            Arc::new((0..wakers).map(|_| AtomicUsize::new(0)).collect());
        let seen = Arc::new(AtomicUsize::new(0));
        let polls = Arc::new(AtomicUsize::new(0));
        let poll = {
            let (state, flags) = (Arc::clone(&state), Arc::clone(&flags));
            let (seen, polls) = (Arc::clone(&seen), Arc::clone(&polls));
            move || {
                while state.claim() {
                    assert_eq!(polls.fetch_add(1, Ordering::SeqCst), 0, "polled by two");
                    let raised = flags.iter().filter(|flag| flag.load(Ordering::Relaxed) > 0);
                    seen.store(raised.count(), Ordering::SeqCst);
                    polls.fetch_sub(1, Ordering::SeqCst);
                    state.fall_asleep();
                }
            }
        };
        let wakers: Vec<_> = (0..wakers)
            .map(|waker| {
                let (state, flags, poll) = (Arc::clone(&state), Arc::clone(&flags), poll.clone());
                thread::spawn(move || {
                    // Nothing but the wake-up itself orders this before the poll that follows it.
                    flags[waker].store(1, Ordering::Relaxed);
                    // Who is told brings a core, which polls as long as the body is ready.
                    if state.wake() {
                        poll();
                    }
                })
            })
            .collect();
        let count = wakers.len();
        poll();
        for waker in wakers {
            waker.join().unwrap();
        }
        assert!(!state.is_ready(), "ready, and nobody was told");
        assert_eq!(seen.load(Ordering::SeqCst), count, "a wake-up is lost");
    });
}

#[test]
fn a_body_sees_what_it_was_woken_for() {
    check_body(1);
    check_body(2);
}

#[test]
fn a_body_that_has_ended_is_not_polled_again() {
    loom::model(|| {
        let state = Arc::new(BodyState::new_ready());
        let waker = {
            let state = Arc::clone(&state);
            thread::spawn(move || state.wake())
        };
        assert!(state.claim());
        state.end();
        assert!(
            !waker.join().unwrap(),
            "nobody is told of a body that is gone"
        );
        assert!(!state.claim());
    });
}
