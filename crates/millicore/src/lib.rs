//! An executor for divisible CPU-heavy requests whose scheduling policy you choose.
//!
//! A request is an async body that opens parallel loops. The executor cuts the loops into chunks
//! and decides, slice by slice, which request each core works on next: by a policy that is named
//! `fifo`, `fair`, `focus`, `sjf`, `srpt`, `las`, `edf` or `hesrpt`.
//!
//! ```
//! use millicore::{Executor, Policy, Request};
//! use std::time::Duration;
//!
//! let executor = Executor::builder().policy(Policy::srpt()).build()?;
//! let request = Request::new().size(Duration::from_millis(1));
//! let multiples = executor.submit(request, |cpu| async move {
//!     let count = |range: std::ops::Range<u64>| range.filter(|n| n % 7 == 0).count();
//!     cpu.map_reduce(1..100_001, count, |a, b| a + b).await
//! });
//! assert_eq!(multiples.wait()?, 14_285);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The modules, in reading order:
//!
//! - `executor`, `builder`: the pool and how it is set up. Start here.
//! - `request`, `handle`, `error`, `usage`: what a caller says, holds and learns.
//! - `cpu`, `parallel`, `index`: what a body works with; how a loop is cut and put together.
//! - `task`, `body_state`, `completion`, `panics`: one request at run time, who may poll its body,
//!   where its result waits, and what it panics with.
//! - `slice`, `worker`, `cores`, `clock`: a core at work.
//! - `dispatcher`, `recorder`, `history`, `metrics`: between the threads and the policy.
//! - `foreign`: what others use of the CPU limit that is kept.
//! - `parking`: how workers sleep and are woken without a wake-up being lost.
//! - `here`: one request on the calling thread, without a pool.
//! - `virtual_executor`: the same in virtual time, for tests.
//! - `tower`: the service `Scheduled`, with the feature of that name.
#![forbid(unsafe_code)]

mod executor;

mod builder;

mod error;
mod handle;
mod request;
mod usage;

mod cpu;
mod index;
mod parallel;

mod body_state;
mod completion;
mod panics;
mod task;

mod clock;
mod cores;
mod slice;
mod worker;

mod dispatcher;
mod history;
mod metrics;
mod recorder;

mod foreign;

mod parking;

mod here;
mod virtual_executor;

#[cfg(feature = "tower")]
mod tower;

pub use builder::{BuildError, Builder, CpuLimit};
pub use cpu::{Checkpoint, Cpu, ForEach, MapReduce, RunOnce};
pub use error::Error;
pub use executor::{Executor, Shutdown};
pub use handle::Handle;
pub use here::run_here;
pub use index::Index;
pub use metrics::{CoreMetrics, Metrics};
pub use millicore_policy::scheduler::Decision;
pub use millicore_policy::{Policy, PolicyError, Width, journal};
pub use parallel::{Bound, LoopBody, ParallelLoop};
pub use request::{MAX_WEIGHT, Request};
#[cfg(feature = "tower")]
pub use tower::{Response, Scheduled, ScheduledError, ScheduledLayer};
pub use usage::Progress;
pub use virtual_executor::VirtualExecutor;
