//! Threads that take turns on processors, as far as their group's bandwidth controller lets them.

use super::controller::Controller;
use super::{Counters, Kernel};

/// Threads of one group on their processors. Its clock is moved on by whoever asks for the next end
/// of a chunk.
#[derive(Debug)]
pub(crate) struct Processors {
    tick_ns: u64,
    controller: Option<Controller>,
    processors: Vec<Processor>,
    threads: Vec<Thread>,
    /// Threads whose chunk has ended and that have nothing else to do yet, by number.
    ended: Vec<usize>,
    /// How many of them have been taken note of.
    taken: usize,
    now_ns: u64,
    cpu_ns: u64,
    longest_stall_ns: u64,
}

#[derive(Debug, Default)]
struct Processor {
    /// Threads with work that are here, the running one among them.
    threads: Vec<usize>,
    running: Option<usize>,
    /// Up to when the running thread's time is accounted for.
    accounted_ns: u64,
    next_tick_ns: u64,
    /// What the thread that ran last had run by then: who comes new begins there.
    ran_ns: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Thread {
    /// What is left of its chunk; nothing if it has none.
    left_ns: Option<u64>,
    processor: usize,
    /// How long it has run, as far as that decides whose turn it is.
    ran_ns: u64,
    /// Since when it has had work and has not run.
    waits_since_ns: u64,
}

impl Processors {
    pub(crate) fn new(kernel: &Kernel, threads: usize) -> Self {
        let processors = (0..kernel.processors).map(|_| Processor::default());
        let controller = |bandwidth| Controller::new(bandwidth, kernel.processors);
        Self {
            tick_ns: kernel.tick_ns,
            controller: kernel.bandwidth.map(controller),
            processors: processors.collect(),
            threads: vec![Thread::default(); threads],
            ended: Vec::new(),
            taken: 0,
            now_ns: 0,
            cpu_ns: 0,
            longest_stall_ns: 0,
        }
    }

    /// Gives a thread without work a chunk of so much CPU time.
    pub(crate) fn start(&mut self, now_ns: u64, thread: usize, work_ns: u64) {
        self.now_ns = now_ns;
        self.threads[thread].left_ns = Some(work_ns);
        self.threads[thread].waits_since_ns = now_ns;
        if let Some(at) = self.ended.iter().position(|&it| it == thread) {
            // It goes on where it is.
            self.ended.remove(at);
            self.taken = self.taken.saturating_sub(1);
            return;
        }
        let processor = self.least_loaded(self.threads[thread].processor);
        self.threads[thread].processor = processor;
        let place = &mut self.processors[processor];
        place.threads.push(thread);
        self.threads[thread].ran_ns = self.threads[thread].ran_ns.max(place.ran_ns);
        if place.running.is_none() {
            self.pick(processor);
        }
    }

    /// Where the fewest threads have work; it stays where it was if nowhere are fewer.
    fn least_loaded(&self, before: usize) -> usize {
        let load = |it: usize| (self.processors[it].threads.len(), it != before, it);
        let all = 0..self.processors.len();
        all.min_by_key(|&it| load(it)).unwrap_or(before)
    }

    /// Whether no thread has work.
    fn is_idle(&self) -> bool {
        self.processors.iter().all(|it| it.threads.is_empty())
    }

    /// Lets time pass to the next end of a chunk, which is in the answer, but not beyond `until_ns`.
    pub(crate) fn next_end_ns(&mut self, until_ns: Option<u64>) -> Option<u64> {
        self.dismiss_ended();
        loop {
            let at_ns = self.next_event_ns()?;
            if until_ns.is_some_and(|until_ns| at_ns > until_ns) {
                return None;
            }
            if at_ns == u64::MAX {
                // The end of time comes before the end of a chunk.
                return Some(at_ns);
            }
            self.now_ns = at_ns;
            self.end_chunks();
            if !self.ended.is_empty() {
                return Some(at_ns);
            }
            self.step();
        }
    }

    /// Takes the next thread whose chunk has ended, by number.
    pub(crate) fn pop_ended(&mut self) -> Option<usize> {
        let next = self.ended.get(self.taken).copied()?;
        self.taken += 1;
        Some(next)
    }

    /// What the kernel has counted so far.
    pub(crate) fn counters(&self) -> Counters {
        let mut counters = Counters {
            cpu_ns: self.cpu_ns,
            longest_stall_ns: self.longest_stall_ns,
            ..Counters::default()
        };
        if let Some(controller) = &self.controller {
            controller.count(self.now_ns, &mut counters);
        }
        counters
    }

    fn next_event_ns(&self) -> Option<u64> {
        if self.is_idle() {
            return None;
        }
        let of_processors = self.processors.iter().filter_map(|it| {
            let left_ns = self.threads[it.running?].left_ns?;
            Some(it.next_tick_ns.min(it.accounted_ns.saturating_add(left_ns)))
        });
        let of_controller = self.controller.as_ref().and_then(Controller::next_ns);
        of_processors.chain(of_controller).min()
    }

    /// Ends the chunks that end now.
    fn end_chunks(&mut self) {
        for processor in 0..self.processors.len() {
            let Some(thread) = self.processors[processor].running else {
                continue;
            };
            let passed_ns = self.now_ns - self.processors[processor].accounted_ns;
            if self.threads[thread].left_ns == Some(passed_ns) {
                self.account(processor);
                self.threads[thread].left_ns = None;
                self.ended.push(thread);
            }
        }
        self.ended.sort_unstable();
    }

    /// Threads that got no new chunk leave their processors.
    fn dismiss_ended(&mut self) {
        self.taken = 0;
        for thread in std::mem::take(&mut self.ended) {
            let processor = self.threads[thread].processor;
            let place = &mut self.processors[processor];
            place.threads.retain(|&it| it != thread);
            place.running = None;
            if place.threads.is_empty() {
                if let Some(controller) = &mut self.controller {
                    controller.give_back(self.now_ns, processor);
                }
                self.take_over(processor);
            }
            self.pick(processor);
        }
        self.enforce_all();
    }

    /// Where a thread goes on with another chunk, the end of the last one has been accounted for.
    fn enforce_all(&mut self) {
        for processor in 0..self.processors.len() {
            if self.processors[processor].running.is_some() && !self.may_run(processor) {
                self.pick(processor);
            }
        }
    }

    /// A processor without threads takes a waiting one from where the most are.
    fn take_over(&mut self, processor: usize) {
        let waiting = |it: &Processor| it.threads.len() - usize::from(it.running.is_some());
        let all = 0..self.processors.len();
        let busiest = all
            .filter(|&it| self.processors[it].threads.len() > 1)
            .filter(|&it| waiting(&self.processors[it]) > 0 && !self.is_throttled(it))
            .max_by_key(|&it| (self.processors[it].threads.len(), usize::MAX - it));
        if let Some(busiest) = busiest {
            self.move_one(busiest, processor);
        }
    }

    fn move_one(&mut self, from: usize, to: usize) {
        let running = self.processors[from].running;
        let threads = &mut self.processors[from].threads;
        let waiting = threads.iter().rposition(|&it| Some(it) != running);
        if let Some(at) = waiting {
            let thread = threads.remove(at);
            self.threads[thread].processor = to;
            self.processors[to].threads.push(thread);
        }
    }

    fn is_throttled(&self, processor: usize) -> bool {
        let controller = self.controller.as_ref();
        controller.is_some_and(|it| it.is_throttled(processor))
    }

    fn may_run(&mut self, processor: usize) -> bool {
        let now_ns = self.now_ns;
        let controller = self.controller.as_mut();
        controller.is_none_or(|it| it.may_run(now_ns, processor))
    }

    /// Does what is due now apart from the ends of chunks.
    fn step(&mut self) {
        let controller = self.controller.as_mut();
        let freed = controller.map_or_else(Vec::new, |it| it.step(self.now_ns));
        for processor in freed {
            if self.processors[processor].threads.is_empty() {
                self.take_over(processor);
            }
            self.pick(processor);
        }
        for processor in 0..self.processors.len() {
            let place = &self.processors[processor];
            if place.running.is_some() && place.next_tick_ns <= self.now_ns {
                self.tick(processor);
            }
        }
    }

    fn tick(&mut self, processor: usize) {
        self.account(processor);
        let load = self.processors[processor].threads.len();
        let least = self.least_loaded(processor);
        if load >= self.processors[least].threads.len() + 2 && !self.is_throttled(least) {
            self.move_one(processor, least);
            if self.processors[least].running.is_none() {
                self.pick(least);
            }
        }
        self.pick(processor);
    }

    /// Charges the running thread for the time since it was charged last.
    fn account(&mut self, processor: usize) {
        let place = &mut self.processors[processor];
        let Some(thread) = place.running else { return };
        let used_ns = self.now_ns - place.accounted_ns;
        place.accounted_ns = self.now_ns;
        let thread = &mut self.threads[thread];
        thread.left_ns = thread
            .left_ns
            .map(|left_ns| left_ns.saturating_sub(used_ns));
        thread.ran_ns = thread.ran_ns.saturating_add(used_ns);
        thread.waits_since_ns = self.now_ns;
        self.cpu_ns = self.cpu_ns.saturating_add(used_ns);
        if let Some(controller) = &mut self.controller {
            controller.charge(processor, used_ns);
        }
    }

    /// Lets the thread run that has run least, if the group may run here.
    fn pick(&mut self, processor: usize) {
        self.account(processor);
        let may_run = !self.processors[processor].threads.is_empty() && self.may_run(processor);
        let (threads, now_ns, tick_ns) = (&self.threads, self.now_ns, self.tick_ns);
        let place = &mut self.processors[processor];
        let waiting = place.threads.iter().copied();
        let next = waiting.min_by_key(|&it| (threads[it].ran_ns, it));
        place.running = next.filter(|_| may_run);
        let Some(thread) = place.running else { return };
        place.accounted_ns = now_ns;
        place.next_tick_ns = (now_ns / tick_ns + 1).saturating_mul(tick_ns);
        place.ran_ns = place.ran_ns.max(threads[thread].ran_ns);
        let stall_ns = now_ns - threads[thread].waits_since_ns;
        self.longest_stall_ns = self.longest_stall_ns.max(stall_ns);
    }
}
