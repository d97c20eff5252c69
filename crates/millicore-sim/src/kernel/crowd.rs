//! Groups of threads that never sleep, each with a quota, and perhaps one quota around them all.
//!
//! All groups weigh the same and have as many threads as each other. Their periods begin one after
//! the other, spread over a period, because groups are made one after the other; that around them
//! begins at time 0. A thread moves only to a processor that has none to run: with three on two
//! processors one has a processor to itself.

use super::controller::Controller;
use super::{Bandwidth, Kernel, KernelError};

/// Groups on a machine that has nothing else to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crowd {
    /// The processors, their ticks, and the quota that each group has for itself.
    pub kernel: Kernel,
    /// How many groups there are.
    pub groups: usize,
    /// How many threads each of them has.
    pub threads: usize,
    /// The quota of the group around them, if there is one.
    pub parent: Option<Bandwidth>,
    /// For how long they have run when the window begins, in nanoseconds.
    pub warm_up_ns: u64,
    /// The length of the window in nanoseconds, at least 1.
    pub window_ns: u64,
}

/// The most threads that all groups of a crowd have together.
pub const MOST_THREADS: usize = 100_000;

/// The longest warm-up, and the longest window, of a crowd: an hour.
pub const LONGEST_WINDOW_NS: u64 = 3_600_000_000_000;

/// What became of a group in the window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Received {
    /// The CPU time of its threads, in millicores.
    pub millicores: f64,
    /// The longest that one of its threads did not run up to a moment of the window, in nanoseconds.
    pub longest_stall_ns: u64,
}

/// Predicts what each group receives, in the order in which they are made.
///
/// ```
/// use millicore_sim::kernel::{Crowd, Kernel, crowd};
///
/// const MS: u64 = 1_000_000;
/// // Forty groups of 100m on two processors, which is twice the machine.
/// let groups = crowd(&Crowd {
///     kernel: Kernel::new(2).with_quota(10 * MS, 100 * MS),
///     groups: 40,
///     threads: 1,
///     parent: None,
///     warm_up_ns: 1_000 * MS,
///     window_ns: 4_000 * MS,
/// })?;
/// assert!(groups.iter().all(|it| (45.0..55.0).contains(&it.millicores)));
/// # Ok::<(), millicore_sim::kernel::KernelError>(())
/// ```
///
/// # Errors
///
/// Says what a kernel would not take, or that there are too many threads or too much time.
pub fn crowd(crowd: &Crowd) -> Result<Vec<Received>, KernelError> {
    crowd.kernel.check()?;
    crowd.parent.map_or(Ok(()), Bandwidth::check)?;
    let threads = crowd.groups.saturating_mul(crowd.threads);
    if !(1..=MOST_THREADS).contains(&threads) {
        return Err(KernelError::Threads { threads });
    }
    if crowd.window_ns == 0 {
        return Err(KernelError::NoWindow);
    }
    let window_ns = crowd.window_ns.max(crowd.warm_up_ns);
    if window_ns > LONGEST_WINDOW_NS {
        return Err(KernelError::Window { window_ns });
    }
    Ok(Machine::new(*crowd).run())
}

struct Machine {
    crowd: Crowd,
    groups: Vec<Option<Controller>>,
    parent: Option<Controller>,
    processors: Vec<Processor>,
    threads: Vec<Thread>,
    now_ns: u64,
}

#[derive(Clone, Debug, Default)]
struct Processor {
    threads: Vec<usize>,
    running: Option<usize>,
    /// Up to when the running thread is accounted for.
    accounted_ns: u64,
    /// What the thread that runs, or ran last, has run: who was throttled begins there.
    ran_ns: u64,
}

#[derive(Clone, Copy, Debug)]
struct Thread {
    group: usize,
    /// How long it has run, as far as that decides whose turn it is.
    ran_ns: u64,
    cpu_ns: u64,
    /// Up to when it has run.
    ran_until_ns: u64,
    longest_stall_ns: u64,
}

impl Machine {
    fn new(crowd: Crowd) -> Self {
        let processors = crowd.kernel.processors;
        let group = |index: usize| {
            crowd.kernel.bandwidth.map(|bandwidth| {
                let part = u128::from(bandwidth.period_ns) * index as u128 / crowd.groups as u128;
                // A part of a period is less than it.
                let later_ns = u64::try_from(part).unwrap_or(0);
                let phase_ns = (bandwidth.phase_ns + later_ns) % bandwidth.period_ns;
                Controller::new(
                    Bandwidth {
                        phase_ns,
                        ..bandwidth
                    },
                    processors,
                )
            })
        };
        let thread = |index: usize| Thread {
            group: index / crowd.threads,
            ran_ns: 0,
            cpu_ns: 0,
            ran_until_ns: 0,
            longest_stall_ns: 0,
        };
        let threads: Vec<Thread> = (0..crowd.groups * crowd.threads).map(thread).collect();
        let mut places = vec![Processor::default(); processors];
        for index in 0..threads.len() {
            places[index % processors].threads.push(index);
        }
        Self {
            crowd,
            groups: (0..crowd.groups).map(group).collect(),
            parent: crowd
                .parent
                .map(|parent| Controller::new(parent, processors)),
            processors: places,
            threads,
            now_ns: 0,
        }
    }

    fn run(mut self) -> Vec<Received> {
        let begin_ns = self.crowd.warm_up_ns;
        let end_ns = begin_ns + self.crowd.window_ns;
        self.pick_all();
        self.run_until(begin_ns);
        for thread in &mut self.threads {
            (thread.cpu_ns, thread.longest_stall_ns) = (0, 0);
        }
        self.run_until(end_ns);
        let running: Vec<usize> = self.processors.iter().filter_map(|it| it.running).collect();
        for (index, thread) in self.threads.iter_mut().enumerate() {
            if !running.contains(&index) {
                thread.note_stall(end_ns);
            }
        }
        let of_group = |threads: &[Thread]| {
            let cpu_ns: u64 = threads.iter().map(|thread| thread.cpu_ns).sum();
            let stalls_ns = threads.iter().map(|thread| thread.longest_stall_ns);
            Received {
                millicores: cpu_ns as f64 * 1000.0 / self.crowd.window_ns as f64,
                longest_stall_ns: stalls_ns.max().unwrap_or(0),
            }
        };
        let groups = self.threads.chunks(self.crowd.threads);
        groups.map(of_group).collect()
    }

    fn run_until(&mut self, until_ns: u64) {
        while let Some(at_ns) = self.next_ns().filter(|&at_ns| at_ns < until_ns) {
            self.now_ns = at_ns;
            self.step_controllers();
            if at_ns.is_multiple_of(self.crowd.kernel.tick_ns) {
                for processor in 0..self.processors.len() {
                    if self.processors[processor].running.is_some() {
                        self.pick(processor);
                    }
                }
            }
            self.take_over();
        }
        self.now_ns = until_ns;
        for processor in 0..self.processors.len() {
            self.account(processor);
        }
    }

    fn next_ns(&self) -> Option<u64> {
        let is_busy = self.processors.iter().any(|it| it.running.is_some());
        let tick_ns = self.crowd.kernel.tick_ns;
        let tick = is_busy.then(|| (self.now_ns / tick_ns + 1).saturating_mul(tick_ns));
        let controllers = self.groups.iter().chain([&self.parent]).flatten();
        let due = controllers.filter_map(Controller::next_ns);
        // What became due while nobody looked is due now.
        due.chain(tick).min().map(|at_ns| at_ns.max(self.now_ns))
    }

    /// Begins the periods that are due. Who may run again begins level with those that ran on.
    fn step_controllers(&mut self) {
        let now_ns = self.now_ns;
        let is_due = |it: &Controller| it.next_ns().is_some_and(|at_ns| at_ns <= now_ns);
        let mut freed = Vec::new();
        for (group, controller) in self.groups.iter_mut().enumerate() {
            if let Some(controller) = controller.as_mut().filter(|it| is_due(it)) {
                let processors = controller.step(now_ns);
                freed.extend(processors.into_iter().map(|it| (Some(group), it)));
            }
        }
        if let Some(parent) = self.parent.as_mut().filter(|it| is_due(it)) {
            freed.extend(parent.step(now_ns).into_iter().map(|it| (None, it)));
        }
        for &(group, processor) in &freed {
            let place = &self.processors[processor];
            for &index in &place.threads {
                let thread = &mut self.threads[index];
                if group == Some(thread.group) {
                    thread.ran_ns = thread.ran_ns.max(place.ran_ns);
                }
            }
        }
        for (_, processor) in freed {
            if self.processors[processor].running.is_none() {
                self.pick(processor);
            }
        }
    }

    fn pick_all(&mut self) {
        for processor in 0..self.processors.len() {
            self.pick(processor);
        }
    }

    /// Charges for the time since the last charge, in the group and around it.
    fn account(&mut self, processor: usize) {
        let place = &mut self.processors[processor];
        let used_ns = self.now_ns - place.accounted_ns;
        place.accounted_ns = self.now_ns;
        let Some(index) = place.running else { return };
        let thread = &mut self.threads[index];
        thread.ran_ns += used_ns;
        thread.cpu_ns += used_ns;
        thread.ran_until_ns = self.now_ns;
        place.ran_ns = place.ran_ns.max(thread.ran_ns);
        let own = self.groups[thread.group].as_mut();
        for controller in own.into_iter().chain(self.parent.as_mut()) {
            controller.charge(processor, used_ns);
        }
    }

    /// Lets the thread run that has run least among those that may.
    fn pick(&mut self, processor: usize) {
        self.account(processor);
        let now_ns = self.now_ns;
        let may_run = |controller: &mut Option<Controller>| {
            let controller = controller.as_mut();
            controller.is_none_or(|it| it.may_run(now_ns, processor))
        };
        // Who ran is looked at first: it is charged whether it goes on or not.
        let ran = self.processors[processor].running.take();
        if let Some(index) = ran {
            may_run(&mut self.groups[self.threads[index].group]);
        }
        let threads = &self.threads;
        let by_turn = |index: usize| (threads[index].ran_ns, index);
        let is_open = |groups: &[Option<Controller>], index: usize| {
            let own = groups[threads[index].group].as_ref();
            own.is_none_or(|it| !it.is_throttled(processor))
        };
        let place = &self.processors[processor];
        let next = loop {
            let open = place.threads.iter().copied();
            let open = open.filter(|&index| is_open(&self.groups, index));
            let Some(index) = open.min_by_key(|&index| by_turn(index)) else {
                break None;
            };
            // The group that finds nothing left is no candidate any more.
            if may_run(&mut self.groups[threads[index].group]) {
                break Some(index);
            }
        };
        match next {
            Some(index) if may_run(&mut self.parent) => {
                self.processors[processor].running = Some(index);
                if ran != Some(index) {
                    self.threads[index].note_stall(now_ns);
                }
            }
            Some(_) => {}
            None => {
                let parent = self.parent.as_mut();
                if let Some(parent) = parent.filter(|it| !it.is_throttled(processor)) {
                    parent.give_back(now_ns, processor);
                }
            }
        }
    }

    /// Processors without a thread that may run take over one that waits elsewhere.
    fn take_over(&mut self) {
        for idle in 0..self.processors.len() {
            if self.processors[idle].running.is_some() || self.is_closed(&self.parent, idle) {
                continue;
            }
            let waiting = (0..self.processors.len()).find_map(|from| {
                let at = self.waiting_for(from, idle)?;
                Some((from, at))
            });
            if let Some((from, at)) = waiting {
                let index = self.processors[from].threads.remove(at);
                let place = &mut self.processors[idle];
                place.threads.push(index);
                self.threads[index].ran_ns = self.threads[index].ran_ns.max(place.ran_ns);
                self.pick(idle);
            }
        }
    }

    /// The place of a thread that waits on one processor and could run on another.
    fn waiting_for(&self, from: usize, to: usize) -> Option<usize> {
        let place = &self.processors[from];
        if from == to || place.running.is_none() {
            return None;
        }
        place.threads.iter().position(|&index| {
            let own = &self.groups[self.threads[index].group];
            let is_closed = self.is_closed(own, from) || self.is_closed(own, to);
            Some(index) != place.running && !is_closed
        })
    }

    fn is_closed(&self, controller: &Option<Controller>, processor: usize) -> bool {
        let controller = controller.as_ref();
        controller.is_some_and(|it| it.is_throttled(processor))
    }
}

impl Thread {
    /// It has not run up to now.
    fn note_stall(&mut self, now_ns: u64) {
        let stall_ns = now_ns - self.ran_until_ns;
        self.longest_stall_ns = self.longest_stall_ns.max(stall_ns);
    }
}

#[cfg(test)]
mod tests {
    use super::{Crowd, KernelError, LONGEST_WINDOW_NS, crowd};
    use crate::kernel::Kernel;
    use proptest::prelude::*;
    use std::ops::RangeInclusive;

    const MS: u64 = 1_000_000;

    /// So many groups of one thread on two processors, for six seconds.
    fn plan(groups: usize, quota_ms: u64, period_ms: u64) -> Crowd {
        Crowd {
            kernel: Kernel::new(2).with_quota(quota_ms * MS, period_ms * MS),
            groups,
            threads: 1,
            parent: None,
            warm_up_ns: 2_000 * MS,
            window_ns: 6_000 * MS,
        }
    }

    /// Every group within this range of millicores, and all of them together.
    #[track_caller]
    fn check(plan: Crowd, each_m: RangeInclusive<f64>, all_m: RangeInclusive<f64>) {
        let received = crowd(&plan).unwrap();
        assert_eq!(received.len(), plan.groups);
        let outside = received.iter().find(|it| !each_m.contains(&it.millicores));
        assert_eq!(outside, None, "each in {each_m:?}");
        let sum_m: f64 = received.iter().map(|it| it.millicores).sum();
        assert!(all_m.contains(&sum_m), "{sum_m} m");
    }

    #[test]
    fn limits_that_fit_are_filled_and_others_share_the_machine() {
        check(plan(4, 50, 100), 495.0..=505.0, 1990.0..=2000.0);
        check(plan(40, 10, 100), 49.0..=51.0, 1990.0..=2000.0);
        check(plan(200, 1, 100), 9.0..=11.0, 1980.0..=2000.0);
        check(plan(1, 50, 100), 490.0..=510.0, 490.0..=510.0);
        let true_millicore = Crowd {
            window_ns: 40_000 * MS,
            ..plan(1, 1, 1000)
        };
        check(true_millicore, 0.9..=1.1, 0.9..=1.1);
    }

    #[test]
    fn a_limit_around_the_groups_holds_in_sum() {
        let parent = Kernel::new(2).with_quota(100 * MS, 100 * MS).bandwidth;
        let around = |groups, quota_ms| Crowd {
            parent,
            ..plan(groups, quota_ms, 100)
        };
        check(around(4, 50), 225.0..=275.0, 990.0..=1010.0);
        check(around(32, 10), 27.0..=36.0, 990.0..=1010.0);
        // Where it does not bind it changes nothing.
        check(around(1, 50), 490.0..=510.0, 490.0..=510.0);
    }

    #[test]
    fn without_a_quota_the_machine_is_shared() {
        let free = |groups, threads| Crowd {
            kernel: Kernel::new(2),
            threads,
            ..plan(groups, 1, 100)
        };
        check(free(8, 1), 249.0..=251.0, 1999.9..=2000.0);
        check(free(4, 3), 480.0..=520.0, 1999.9..=2000.0);
    }

    #[test]
    fn stalls_are_those_of_a_group_by_itself() {
        let check = |plan: Crowd, stall_ms: u64| {
            let received = crowd(&plan).unwrap();
            assert_eq!(received[0].longest_stall_ns, stall_ms * MS);
        };
        check(plan(1, 1, 100), 396);
        check(
            Crowd {
                threads: 2,
                ..plan(1, 1, 100)
            },
            796,
        );
        check(plan(1, 1, 1000), 3996);
    }

    #[test]
    fn what_cannot_be_run_is_refused() {
        let check = |plan: Crowd, expected| assert_eq!(crowd(&plan), Err(expected));
        let fits = plan(1, 50, 100);
        let threads = 0;
        check(
            Crowd { groups: 0, ..fits },
            KernelError::Threads { threads },
        );
        let threads = usize::MAX;
        check(
            Crowd {
                groups: usize::MAX,
                threads: 2,
                ..fits
            },
            KernelError::Threads { threads },
        );
        let window = |window_ns| Crowd { window_ns, ..fits };
        check(window(0), KernelError::NoWindow);
        let window_ns = LONGEST_WINDOW_NS + 1;
        check(window(window_ns), KernelError::Window { window_ns });
        let parent = Kernel::new(1).with_quota(MS, 2_000 * MS).bandwidth;
        let period_ns = 2_000 * MS;
        check(Crowd { parent, ..fits }, KernelError::Period { period_ns });
    }

    proptest! {
        #[test]
        fn nobody_gets_more_than_the_limit_and_all_no_more_than_the_machine(
            groups in 1..20_usize,
            threads in 1..4_usize,
            processors in 1..5_usize,
            quota_ms in 1..120_u64,
            parent_ms in proptest::option::of(1..300_u64),
        ) {
            let (period_ms, window_ms, tick_ms) = (100, 3_000, 4);
            let parent = parent_ms.and_then(|quota_ms| {
                Kernel::new(1).with_quota(quota_ms * MS, period_ms * MS).bandwidth
            });
            let plan = Crowd {
                kernel: Kernel::new(processors).with_quota(quota_ms * MS, period_ms * MS),
                groups,
                threads,
                parent,
                warm_up_ns: 1_000 * MS,
                window_ns: window_ms * MS,
            };
            let received = crowd(&plan).unwrap();
            // A period more than the window has, and a tick on every processor.
            let most_m = |quota_ms: u64| {
                let periods = window_ms / period_ms + 1;
                let most_ms = quota_ms * periods + (tick_ms + 5) * processors as u64;
                most_ms as f64 * 1000.0 / window_ms as f64
            };
            for it in &received {
                prop_assert!(it.millicores <= most_m(quota_ms), "{it:?}");
                prop_assert!(it.longest_stall_ns <= (window_ms + 1_000) * MS);
            }
            let sum_m: f64 = received.iter().map(|it| it.millicores).sum();
            let machine_m = 1000.0 * processors as f64;
            prop_assert!(sum_m <= machine_m + 0.001, "{sum_m}");
            prop_assert!(parent_ms.is_none_or(|parent_ms| sum_m <= most_m(parent_ms)), "{sum_m}");
        }
    }
}
