//! The scheduling policies on a simulated machine.
//!
//! The policies are the very ones that run on real threads; here events come from a list instead
//! of a clock, so that a day of requests takes a moment and every run gives the same schedule.
//!
//! ```
//! use millicore_sim::{Policy, Setup, Workload, simulate, statistics::Summary};
//!
//! // Four requests of one CPU-second on two cores.
//! let workload = Workload::batch(&[1_000_000_000; 4]);
//! for (policy, mean_s) in [(Policy::fifo(), 1.5), (Policy::fair(), 1.995), (Policy::focus(), 1.25)]
//! {
//!     let setup = Setup { chunk_ns: 10_000_000, ..Setup::new(policy, 2) };
//!     let summary = Summary::new(&workload, &simulate(&workload, &setup)?);
//!     assert_eq!(summary.mean_response_ns, Some(mean_s * 1e9));
//! }
//! # Ok::<(), millicore_sim::SimulateError>(())
//! ```
//!
//! The modules, in reading order:
//!
//! - [`machine`]: a workload and a setup in, a schedule out. Start here.
//! - [`workload`]: requests, from a CSV file or generated.
//! - [`setup`]: policy, cores, chunks, limits, tenants.
//! - [`kernel`]: the processors and the CPU quota below the cores.
//! - [`statistics`]: what a schedule amounts to.
//! - [`closed_form`]: what theory says it should amount to.
//! - [`mod@replay`]: the journal of another machine, decided anew.
//! - [`duration`]: durations as people write them.

#![forbid(unsafe_code)]

pub mod machine;

pub mod workload;

pub mod setup;

pub mod kernel;

pub mod statistics;

pub mod closed_form;

pub mod replay;

pub mod duration;

pub use kernel::Kernel;
pub use machine::{Dispatch, Schedule, SimulateError, simulate, simulate_observed};
pub use millicore_policy::limit::LimitSpec;
pub use millicore_policy::policies::ALL as POLICIES;
pub use millicore_policy::{Policy, PolicyError, TenantSpec};
pub use replay::replay;
pub use setup::Setup;
pub use workload::{Request, Workload};
