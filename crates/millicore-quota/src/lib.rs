//! Millicores, and the CPU limit of this process.
//!
//! A container's CPU limit is a quota of its cgroup: so many microseconds of CPU time in each
//! period. This crate reads the quota of this process and of every group above it that it can see,
//! and the CPU affinity mask, and answers with the smallest. It also makes groups of its own, in
//! which programs run under a limit.
//!
//! ```
//! use millicore_quota::ProcessLimit;
//!
//! let limit = ProcessLimit::read();
//! println!("{limit}"); // such as: 500m, from 50000 µs in every 100000 µs of /sys/fs/cgroup/...
//! for warning in &limit.warnings {
//!     eprintln!("warning: {warning}");
//! }
//! let workers = limit.cores();
//! assert!(workers <= limit.affinity_cores);
//! ```
//!
//! Modules, in reading order:
//! - `millicores`: [`Millicores`], 1/1000 of a core, parsed and printed as Kubernetes does
//! - `limit`: [`ProcessLimit`], the answer, and which group or mask it comes from. Start here.
//! - `group`: the groups this process is in, up to the highest visible one, and their quotas
//! - `membership`: `/proc/self/cgroup`, which group this process is in
//! - `mountinfo`: `/proc/self/mountinfo`, at which directory that group can be read
//! - `affinity`, `cpuset`: the CPU affinity mask, and the [`Cpuset`] that narrows it
//! - `warning`: [`LimitWarning`], what could not be read
//! - `bandwidth`: [`Bandwidth`], a limit as the kernel takes it
//! - `counters`, `pressure`: [`Counters`] and [`Pressure`], what a group has used and missed
//! - `usage`, `watch`: [`GroupUsage`] and [`LimitWatch`], to be asked again and again
//! - `hidden`, `machine_time`: [`HiddenLimit`], told from what is delivered, and [`MachineTime`]
//! - `conversion`, `runtimes`: [`conversions`] of others, and how [`RUNTIMES`] count threads
//! - `place`: [`Place`] and [`Enclosure`], where programs run under a limit
//! - `process`, `cgroup`: [`ProcessPlace`] without limits, [`CgroupPlace`] in groups of our own
//! - `directories`, `files`: where the numbers of a group are
//! - `owner`: who made a group, by its name
//! - `child`: a program started in its groups

#![deny(unsafe_code)]

mod millicores;

mod limit;

mod group;

mod membership;

mod mountinfo;

mod affinity;

mod cpuset;

mod warning;

mod bandwidth;

mod counters;

mod pressure;

mod usage;

mod watch;

mod hidden;

mod machine_time;

mod conversion;

mod runtimes;

mod directories;

mod files;

mod place;

mod process;

mod cgroup;

mod owner;

mod child;

pub use bandwidth::{Bandwidth, BandwidthError};
pub use cgroup::{CgroupEnclosure, CgroupPlace, remove_leftovers};
pub use conversion::{
    Conversion, conversions, docker_nano_cpus, kubernetes_quota_us, kubernetes_shares,
    linear_weight, quadratic_weight, systemd_quota_us,
};
pub use counters::Counters;
pub use cpuset::Cpuset;
pub use group::{GroupQuota, ProcessGroup};
pub use hidden::{Delivery, HiddenLimit, Sample};
pub use limit::{LimitSource, ProcessLimit, Roots};
pub use machine_time::MachineTime;
pub use millicores::{Millicores, MillicoresError};
pub use owner::Owner;
pub use place::{Capabilities, Enclosure, Limits, Place, PlaceError, Program, Running, Spec};
pub use pressure::Pressure;
pub use process::ProcessPlace;
pub use runtimes::{RUNTIMES, Runtime, Visible};
pub use usage::GroupUsage;
pub use warning::LimitWarning;
pub use watch::LimitWatch;
