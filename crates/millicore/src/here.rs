//! One request on the calling thread, without a pool: the same bodies where nobody else waits.

use crate::clock::Clock;
use crate::cores::{Core, StandIn};
use crate::cpu::Cpu;
use crate::dispatcher::{Dispatcher, EndedSlice, Next};
use crate::error::Error;
use crate::executor;
use crate::panics::caught;
use crate::request::Request;
use crate::slice::Slice;
use crate::task::Task;
use millicore_policy::Policy;
use millicore_policy::admission::Admission;
use millicore_policy::scheduler::Config;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often a body that waits for something outside lets `keep_going` be asked.
const LONGEST_NAP: Duration = Duration::from_millis(50);

/// What an executor of one core does by default.
const ALONE: Config = Config {
    policy: Policy::fifo(),
    cores: 1,
    slice_ns: 2_000_000,
    ageing_ns: None,
    machine_limit: None,
    admission: Admission {
        max_waiting: None,
        max_wait_ns: None,
        refuse_late: false,
    },
};

const CHUNK_TARGET_NS: u64 = 100_000;

/// Runs one body to its end on this thread, as an executor of one core would.
///
/// Before each slice of 2 ms, `keep_going` is asked; false cancels the request, and no chunk of it
/// starts afterwards. A body that waits for something outside parks this thread until it is woken;
/// `keep_going` is asked at least every 50 ms meanwhile.
///
/// ```
/// let sum = millicore::run_here(
///     |cpu| async move { cpu.map_reduce(0..1_000_u64, |part| part.sum::<u64>(), |a, b| a + b).await },
///     || true,
/// );
/// assert_eq!(sum, Ok(499_500));
/// ```
///
/// # Errors
///
/// [`Error::Cancelled`] if it was not to go on, [`Error::Panicked`] if the body or a chunk panicked.
pub fn run_here<T, F, Fut>(body: F, mut keep_going: impl FnMut() -> bool) -> Result<T, Error>
where
    T: Send + 'static,
    F: FnOnce(Cpu) -> Fut,
    Fut: Future<Output = T> + Send + 'static,
{
    let epoch = Instant::now();
    let clock = Clock::Machine { epoch };
    let dispatcher = Arc::new(Dispatcher::new(clock, &ALONE, CHUNK_TARGET_NS, false));
    let submit = || executor::submit(&dispatcher, &Request::new(), body);
    let handle = caught(submit).map_err(|message| Error::Panicked { message })?;
    let core = dispatcher.first_core();
    let _stand_in = StandIn::for_core(&core);
    let mut ended = None;
    loop {
        let next = dispatcher.turn(&core, ended.take());
        if handle.is_finished() {
            return handle.wait();
        }
        if !keep_going() {
            return Err(Error::Cancelled);
        }
        match next {
            Next::Run(task, cores) => ended = Some(work(&dispatcher, &core, task, cores)),
            Next::Sleep(nap) => {
                let nap = nap.map_or(LONGEST_NAP, |nap| nap.min(LONGEST_NAP));
                core.parker.park(Some(nap));
            }
            Next::Stop => return Err(Error::ShutDown),
        }
    }
}

fn work(dispatcher: &Dispatcher, core: &Core, task: Arc<Task>, cores: usize) -> EndedSlice {
    let Dispatcher { clock, grain, .. } = dispatcher;
    let slice = Slice {
        core,
        clock,
        task: &task,
        grain: *grain,
        cores,
    };
    // Nobody is charged, so that the clock will do that costs no system call.
    let before_ns = clock.progress_ns();
    let end = slice.run();
    let cpu_ns = clock.progress_ns().saturating_sub(before_ns);
    EndedSlice { task, cpu_ns, end }
}
