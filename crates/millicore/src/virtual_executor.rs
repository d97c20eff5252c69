//! The executor on virtual cores in virtual time: the same code, without threads or clocks.

use crate::builder::{BuildError, Builder, nanoseconds};
use crate::clock::{self, Clock};
use crate::cores::{Core, Place, become_core, standing};
use crate::cpu::Cpu;
use crate::dispatcher::{Dispatcher, EndedSlice};
use crate::executor;
use crate::handle::Handle;
use crate::metrics::Metrics;
use crate::request::Request;
use crate::slice::{Slice, SliceEnd, Step};
use crate::task::Task;
use millicore_policy::journal::Entry;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// An executor whose cores and clock are virtual: deterministic, for tests of what runs on it.
///
/// A chunk takes the CPU time that it declares with [`Cpu::declare`], and runs when its virtual
/// core starts it; its result counts when the declared time has passed. Nothing happens until
/// [`VirtualExecutor::run_until`] or [`VirtualExecutor::run_to_end`] is called, on the calling
/// thread.
///
/// ```
/// use millicore::{Executor, Policy, Request, VirtualExecutor};
/// use std::num::NonZeroUsize;
/// use std::time::Duration;
///
/// let builder = Executor::builder().policy(Policy::focus()).cores(NonZeroUsize::new(2).unwrap());
/// let mut executor = VirtualExecutor::new(builder)?;
/// let request = executor.submit(Request::new(), |cpu| async move {
///     let chunk = cpu.clone();
///     cpu.for_each(0..10_u32, move |_| chunk.declare(Duration::from_millis(100))).await;
/// });
/// executor.run_to_end();
/// assert_eq!(request.progress().age, Duration::from_millis(500));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct VirtualExecutor {
    dispatcher: Arc<Dispatcher>,
    cores: Vec<VirtualCore>,
    /// What is due, and on which core.
    due: BinaryHeap<Reverse<(u64, usize)>>,
    /// When a limit opens or a waiting request expires.
    alarm_ns: Option<u64>,
}

#[derive(Debug)]
struct VirtualCore {
    core: Arc<Core>,
    /// CPU time declared on this core.
    declared_ns: u64,
    slice: Option<VirtualSlice>,
}

struct VirtualSlice {
    task: Arc<Task>,
    cores: usize,
    began_ns: u64,
    /// What ran and counts when its time has passed.
    step: Step,
}

impl fmt::Debug for VirtualSlice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VirtualSlice")
            .field("task", &self.task)
            .finish_non_exhaustive()
    }
}

impl VirtualExecutor {
    /// A virtual executor at time 0.
    ///
    /// # Errors
    ///
    /// Says what is out of range in the builder.
    pub fn new(builder: Builder) -> Result<Self, BuildError> {
        let dispatcher = builder.dispatcher(Clock::new_virtual())?;
        let cores = dispatcher.cores().into_iter();
        let cores = cores
            .map(|core| VirtualCore {
                core,
                declared_ns: 0,
                slice: None,
            })
            .collect();
        Ok(Self {
            dispatcher,
            cores,
            due: BinaryHeap::new(),
            alarm_ns: None,
        })
    }

    /// Submits a request now.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "what was said of a request is handed over with it"
    )]
    pub fn submit<T, F, Fut>(&self, request: Request, body: F) -> Handle<T>
    where
        T: Send + 'static,
        F: FnOnce(Cpu) -> Fut,
        Fut: Future<Output = T> + Send + 'static,
    {
        executor::submit(&self.dispatcher, &request, body)
    }

    /// What time it is, since the start.
    #[must_use]
    pub fn now(&self) -> Duration {
        Duration::from_nanos(self.dispatcher.clock.now_ns())
    }

    /// Lets happen what is due before this time, and makes it the time. At the time itself chunks
    /// end but none starts: what is cancelled or submitted now comes before the next decision.
    pub fn run_until(&mut self, time: Duration) {
        let now_ns = self.dispatcher.clock.now_ns();
        let time_ns = nanoseconds(time).max(now_ns);
        if time_ns > now_ns {
            self.decide();
        }
        while let Some(next_ns) = self.next_ns().filter(|&next_ns| next_ns < time_ns) {
            self.pass_to(next_ns);
            self.decide();
        }
        self.pass_to(time_ns);
    }

    /// Runs until nothing is due any more.
    pub fn run_to_end(&mut self) {
        self.decide();
        while let Some(next_ns) = self.next_ns() {
            self.pass_to(next_ns);
            self.decide();
        }
    }

    /// The journal since the last call, if the builder asked for one.
    #[must_use]
    pub fn take_journal(&self) -> Vec<Entry> {
        self.dispatcher.take_journal()
    }

    /// What the executor has counted so far.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        self.dispatcher.metrics()
    }

    fn next_ns(&self) -> Option<u64> {
        let due_ns = self.due.peek().map(|&Reverse((due_ns, _))| due_ns);
        due_ns.into_iter().chain(self.alarm_ns).min()
    }

    /// Makes it this time and ends the chunks that are due, by core.
    fn pass_to(&mut self, time_ns: u64) {
        self.dispatcher.clock.set_virtual(time_ns);
        while let Some(&Reverse((due_ns, core))) = self.due.peek()
            && due_ns <= time_ns
        {
            self.due.pop();
            self.end_step(core);
        }
    }

    /// Lets idle cores decide, by index, until none finds anything that takes no time.
    fn decide(&mut self) {
        self.alarm_ns = None;
        let mut again = true;
        while std::mem::take(&mut again) {
            for index in 0..self.cores.len() {
                if self.cores[index].slice.is_some() {
                    continue;
                }
                match self.dispatcher.decide(&self.cores[index].core) {
                    Ok((task, cores)) => again |= self.begin_slice(index, task, cores),
                    Err(until_ns) => {
                        self.alarm_ns = self.alarm_ns.into_iter().chain(until_ns).min();
                    }
                }
            }
        }
    }

    /// True if the slice ended in no time.
    fn begin_slice(&mut self, index: usize, task: Arc<Task>, cores: usize) -> bool {
        let core = &mut self.cores[index];
        let began_ns = core.declared_ns;
        core.core
            .begin_slice(began_ns.saturating_add(self.dispatcher.grain.slice_ns));
        core.slice = Some(VirtualSlice {
            task,
            cores,
            began_ns,
            step: Step::Nothing,
        });
        self.take_steps(index);
        self.cores[index].slice.is_none()
    }

    /// Takes steps until one takes time or the slice ends.
    fn take_steps(&mut self, index: usize) {
        loop {
            let cost_ns = self.take_step(index);
            if cost_ns > 0 {
                let now_ns = self.dispatcher.clock.now_ns();
                self.due
                    .push(Reverse((now_ns.saturating_add(cost_ns), index)));
                return;
            }
            if let Some(end) = self.commit_step(index) {
                self.end_slice(index, end);
                return;
            }
        }
    }

    fn end_step(&mut self, index: usize) {
        match self.commit_step(index) {
            Some(end) => self.end_slice(index, end),
            None => self.take_steps(index),
        }
    }

    /// Runs the next step and keeps what it did; returns the time it takes.
    fn take_step(&mut self, index: usize) -> u64 {
        let before_ns = self.cores[index].declared_ns;
        let step = self.on_core(index, |slice| slice.step());
        if let Some(slice) = &mut self.cores[index].slice {
            slice.step = step.unwrap_or(Step::Nothing);
        }
        self.cores[index].declared_ns - before_ns
    }

    /// Makes the last step count; says how the slice ended if it does not go on.
    fn commit_step(&mut self, index: usize) -> Option<SliceEnd> {
        let slice = self.cores[index].slice.as_mut()?;
        let step = std::mem::replace(&mut slice.step, Step::Nothing);
        self.on_core(index, |slice| slice.commit(step))?
    }

    /// Lets this thread be a virtual core for a moment.
    fn on_core<R>(&mut self, index: usize, work: impl FnOnce(&Slice<'_>) -> R) -> Option<R> {
        let VirtualCore {
            core,
            declared_ns,
            slice,
        } = &mut self.cores[index];
        let VirtualSlice { task, cores, .. } = slice.as_ref()?;
        let Dispatcher { clock, grain, .. } = &*self.dispatcher;
        let slice = Slice {
            core,
            clock,
            task,
            grain: *grain,
            cores: *cores,
        };
        become_core(core);
        clock::set_declared(*declared_ns);
        let result = standing(Place::Slice(task.address()), || work(&slice));
        *declared_ns = clock::declared();
        Some(result)
    }

    fn end_slice(&mut self, index: usize, end: SliceEnd) {
        let VirtualCore {
            core,
            declared_ns,
            slice,
        } = &mut self.cores[index];
        if let Some(VirtualSlice { task, began_ns, .. }) = slice.take() {
            let cpu_ns = *declared_ns - began_ns;
            self.dispatcher
                .end_slice(core, EndedSlice { task, cpu_ns, end });
        }
    }
}

/// Ends what is live, as dropping an [`Executor`](crate::Executor) does.
impl Drop for VirtualExecutor {
    fn drop(&mut self) {
        self.dispatcher.close(true);
    }
}
