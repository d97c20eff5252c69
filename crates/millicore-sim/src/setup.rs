//! The setup: which policy runs on how many cores, with which chunks, limits and tenants.

mod text;

pub use text::{LimitError, TenantError, parse_limit, parse_tenant};

use crate::duration;
use crate::kernel::{Kernel, KernelError};
use crate::workload::{WEIGHTS, excerpt};
use millicore_policy::admission::Admission;
use millicore_policy::limit::LimitSpec;
use millicore_policy::scheduler::{Config, Scheduler};
use millicore_policy::{Policy, TenantId, TenantSpec};

/// A simulated machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setup {
    /// Whose turn it is, and how wide.
    pub policy: Policy,
    /// How many cores pick, from 1 to [`MOST_CORES`].
    pub cores: usize,
    /// The longest chunk in nanoseconds, at least 1; a slice is one chunk.
    pub chunk_ns: u64,
    /// How much longer each chunk holds its core, in nanoseconds. Nobody is charged for it.
    pub overhead_ns: u64,
    /// The starvation bound in nanoseconds, if there is one.
    pub ageing_ns: Option<u64>,
    /// Weights and limits by name. A tenant that is not named here has weight 1 and no limit.
    pub tenants: Vec<TenantSpec>,
    /// The CPU time that all tenants may use together.
    pub machine_limit: Option<LimitSpec>,
    /// What keeps a limit below the policy, which does not know of it: the cores are then threads of
    /// one group. Without it every core is a processor.
    pub kernel: Option<Kernel>,
}

/// The most cores a simulated machine has.
pub const MOST_CORES: usize = 1_000_000;

impl Setup {
    /// A machine with chunks of 100 ms, without overhead, ageing, tenants, limits or a kernel.
    #[must_use]
    pub const fn new(policy: Policy, cores: usize) -> Self {
        Self {
            policy,
            cores,
            chunk_ns: 100 * duration::MILLISECOND_NS,
            overhead_ns: 0,
            ageing_ns: None,
            tenants: Vec::new(),
            machine_limit: None,
            kernel: None,
        }
    }

    /// Whether it makes sense.
    ///
    /// # Errors
    ///
    /// Says what does not, and what would.
    pub fn check(&self) -> Result<(), SetupError> {
        if !(1..=MOST_CORES).contains(&self.cores) {
            return Err(SetupError::Cores { cores: self.cores });
        }
        if self.chunk_ns == 0 {
            return Err(SetupError::NoChunk);
        }
        let mut names: Vec<&str> = self.tenants.iter().map(|tenant| &*tenant.name).collect();
        names.sort_unstable();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(SetupError::TwiceTheTenant {
                tenant: pair[0].to_owned(),
            });
        }
        for tenant in &self.tenants {
            if !WEIGHTS.contains(&tenant.weight) {
                let (tenant, weight) = (tenant.name.clone(), tenant.weight);
                return Err(SetupError::Weight { tenant, weight });
            }
        }
        let tenant_limits = self.tenants.iter().filter_map(|tenant| tenant.limit);
        if tenant_limits.chain(self.machine_limit).any(grants_nothing) {
            return Err(SetupError::EmptyLimit);
        }
        self.kernel.map_or(Ok(()), |kernel| Ok(kernel.check()?))
    }

    /// The same machine as the scheduler knows it, without its tenants.
    #[must_use]
    pub fn scheduler_config(&self) -> Config {
        Config {
            policy: self.policy,
            cores: self.cores,
            slice_ns: self.chunk_ns,
            ageing_ns: self.ageing_ns,
            machine_limit: self.machine_limit,
            admission: Admission::default(),
        }
    }

    /// Makes tenants of these names known to a scheduler.
    pub(crate) fn add_tenants(
        &self,
        names: &[String],
        scheduler: &mut Scheduler,
    ) -> Result<Vec<TenantId>, SetupError> {
        names
            .iter()
            .map(|name| {
                let spec = self.tenants.iter().find(|spec| spec.name == *name);
                let nobody_special = || TenantSpec {
                    name: name.clone(),
                    weight: 1,
                    limit: None,
                };
                let spec = spec.cloned().unwrap_or_else(nobody_special);
                scheduler
                    .set_tenant(0, spec)
                    .ok_or(SetupError::TooManyTenants)
            })
            .collect()
    }
}

fn grants_nothing(limit: LimitSpec) -> bool {
    match limit {
        LimitSpec::Bandwidth {
            quota_ns,
            period_ns,
        } => quota_ns == 0 || period_ns == 0,
        LimitSpec::TokenBucket {
            rate_millicores,
            burst_ns,
        } => rate_millicores == 0 || burst_ns == 0,
        _ => false,
    }
}

/// What is wrong with a [`Setup`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// No cores, or more than a machine has.
    #[error("{cores} cores: a simulated machine has 1 to {MOST_CORES}")]
    Cores {
        /// How many were asked for.
        cores: usize,
    },
    /// A chunk of no length.
    #[error("a chunk lasts at least 1 ns")]
    NoChunk,
    /// One tenant is set up twice.
    #[error("tenant `{}` is set up twice; keep one of the two", excerpt(.tenant))]
    TwiceTheTenant {
        /// Its name.
        tenant: String,
    },
    /// A weight out of range.
    #[error(
        "tenant `{}` has weight {weight}: weights are whole numbers from 1 to 10000",
        excerpt(.tenant)
    )]
    Weight {
        /// Its name.
        tenant: String,
        /// The weight given.
        weight: u32,
    },
    /// A limit that never lets anything start.
    #[error("a limit grants at least 1 ns of CPU time, in a period of at least 1 ns")]
    EmptyLimit,
    /// The kernel would not take it.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// More tenants than can be numbered.
    #[error("there are more tenants than 32 bits can number")]
    TooManyTenants,
}
