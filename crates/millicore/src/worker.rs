//! The thread of a core: take a turn, work a slice, take a turn.

use crate::cores::{Core, become_core};
use crate::dispatcher::{Dispatcher, EndedSlice, Next};
use crate::panics::caught;
use crate::slice::Slice;
use std::fmt;
use std::sync::Arc;

/// What a worker does to itself before it works.
#[derive(Clone, Default)]
pub(crate) struct Settings {
    pub(crate) name: Option<Arc<dyn Fn(usize) -> String + Send + Sync>>,
    pub(crate) on_start: Option<Arc<dyn Fn(usize) + Send + Sync>>,
    pub(crate) pinned_to: Option<Arc<[usize]>>,
    pub(crate) niceness: Option<i32>,
}

impl Settings {
    pub(crate) fn name_of(&self, core: usize) -> String {
        self.name
            .as_ref()
            .map_or_else(|| format!("millicore-{core}"), |name| name(core))
            // A name with a zero byte is none to the system.
            .replace('\0', "")
    }

    /// Applied as far as the kernel lets it: a worker without its niceness or its place still
    /// works.
    fn apply(&self, core: usize) {
        if let Some(processors) = &self.pinned_to
            && let Some(&processor) = processors.get(core % processors.len().max(1))
        {
            pin_to(processor);
        }
        if let Some(niceness) = self.niceness {
            let thread = rustix::thread::gettid();
            let _ = rustix::process::setpriority_process(Some(thread), niceness);
        }
        if let Some(on_start) = &self.on_start {
            // A worker works whatever its hook does.
            let _ = caught(|| on_start(core));
        }
    }
}

fn pin_to(processor: usize) {
    let mut set = rustix::thread::CpuSet::new();
    if processor < rustix::thread::CpuSet::MAX_CPU {
        set.set(processor);
        let _ = rustix::thread::sched_setaffinity(None, &set);
    }
}

/// Works until the executor stops or has this core no more.
pub(crate) fn work(dispatcher: &Arc<Dispatcher>, core: &Arc<Core>, settings: &Settings) {
    settings.apply(core.index);
    become_core(core);
    let mut ended = None;
    // The clock is read once a slice: where one ends the next begins. What the executor itself
    // spends between two slices counts to the second.
    let mut before_ns = dispatcher.clock.cpu_ns();
    loop {
        match dispatcher.turn(core, ended.take()) {
            Next::Run(task, cores) => {
                let clock = &dispatcher.clock;
                let slice = Slice {
                    core,
                    clock,
                    task: &task,
                    grain: dispatcher.grain,
                    cores,
                };
                let end = slice.run();
                let after_ns = clock.cpu_ns();
                let cpu_ns = after_ns.saturating_sub(before_ns);
                before_ns = after_ns;
                ended = Some(EndedSlice { task, cpu_ns, end });
            }
            Next::Sleep(nap) => {
                core.parker.park(nap);
                before_ns = dispatcher.clock.cpu_ns();
            }
            Next::Stop => break,
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("pinned_to", &self.pinned_to)
            .field("niceness", &self.niceness)
            .finish_non_exhaustive()
    }
}
