//! The workload: which requests arrive when, and how much CPU time each takes.

mod csv_file;
mod distribution;
mod excerpt;
mod generator;
mod generator_text;

pub use csv_file::{CsvError, read_csv, write_csv};
pub use distribution::Distribution;
pub use excerpt::excerpt;
pub use generator::{Arrivals, Generator, GeneratorError, Sizes};
pub use generator_text::{GeneratorTextError, parse_arrivals, parse_list, parse_sizes};

use std::num::NonZeroU32;
use std::ops::RangeInclusive;

/// Requests, in any order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// The requests; a schedule answers in their order.
    pub requests: Vec<Request>,
    /// The names of tenants, by [`Request::tenant`]. The first is nobody's and empty.
    pub tenants: Vec<String>,
}

/// One piece of work a client waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its number, unique in the workload. Ties are broken by (arrival, id).
    pub id: u64,
    /// When it arrives, in nanoseconds.
    pub arrival_ns: u64,
    /// The CPU time it takes in nanoseconds, at least 1.
    pub size_ns: u64,
    /// A higher one goes before everything below, inside a tenant.
    pub priority: i32,
    /// Its share under `fair`, 1 to 10 000.
    pub weight: u32,
    /// The most cores it can use at once.
    pub max_cores: Option<NonZeroU32>,
    /// Whose it is: an index into [`Workload::tenants`].
    pub tenant: u32,
    /// When it should be done, in nanoseconds; orders `edf`, ends nothing.
    pub deadline_ns: Option<u64>,
    /// When its client leaves, in nanoseconds.
    pub cancel_ns: Option<u64>,
}

/// The weights a request or a tenant may have.
pub const WEIGHTS: RangeInclusive<u32> = 1..=10_000;

impl Request {
    /// A request of nobody's with priority 0, weight 1 and no deadline, on any number of cores.
    #[must_use]
    pub const fn new(id: u64, arrival_ns: u64, size_ns: u64) -> Self {
        Self {
            id,
            arrival_ns,
            size_ns,
            priority: 0,
            weight: 1,
            max_cores: None,
            tenant: 0,
            deadline_ns: None,
            cancel_ns: None,
        }
    }

    /// Whether it is still wanted when it arrives.
    #[must_use]
    pub fn enters(&self) -> bool {
        self.cancel_ns
            .is_none_or(|cancel_ns| cancel_ns > self.arrival_ns)
    }
}

impl Default for Workload {
    fn default() -> Self {
        Self {
            requests: Vec::new(),
            tenants: vec![String::new()],
        }
    }
}

impl FromIterator<Request> for Workload {
    fn from_iter<I: IntoIterator<Item = Request>>(requests: I) -> Self {
        Self {
            requests: requests.into_iter().collect(),
            ..Self::default()
        }
    }
}

impl Workload {
    /// Requests of these sizes in nanoseconds that arrive together at time 0, numbered from 1.
    #[must_use]
    pub fn batch(sizes_ns: &[u64]) -> Self {
        (1..)
            .zip(sizes_ns)
            .map(|(id, &size_ns)| Request::new(id, 0, size_ns))
            .collect()
    }

    /// The index of the tenant with this name, which is added if there is none.
    pub fn tenant(&mut self, name: &str) -> u32 {
        let known = self.tenants.iter().position(|tenant| tenant == name);
        let index = known.unwrap_or_else(|| {
            self.tenants.push(name.to_owned());
            self.tenants.len() - 1
        });
        u32::try_from(index).unwrap_or(u32::MAX)
    }

    /// Whether it can be run.
    ///
    /// # Errors
    ///
    /// Names a request that stands in the way.
    pub fn check(&self) -> Result<(), WorkloadError> {
        if u32::try_from(self.requests.len()).is_err() {
            return Err(WorkloadError::TooMany);
        }
        for request in &self.requests {
            let id = request.id;
            if request.size_ns == 0 {
                return Err(WorkloadError::NoSize { id });
            }
            if !WEIGHTS.contains(&request.weight) {
                return Err(WorkloadError::Weight {
                    id,
                    weight: request.weight,
                });
            }
            if request.tenant as usize >= self.tenants.len() {
                return Err(WorkloadError::UnknownTenant {
                    id,
                    tenant: request.tenant,
                });
            }
        }
        self.check_ids()
    }

    fn check_ids(&self) -> Result<(), WorkloadError> {
        let is_ascending = self.requests.is_sorted_by(|a, b| a.id < b.id);
        if is_ascending {
            return Ok(());
        }
        let mut ids: Vec<u64> = self.requests.iter().map(|request| request.id).collect();
        ids.sort_unstable();
        match ids.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(WorkloadError::TwiceTheId { id: pair[0] }),
            None => Ok(()),
        }
    }
}

/// What is wrong with a [`Workload`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WorkloadError {
    /// A request without work.
    #[error("request {id} has size 0: a size is at least 1 ns")]
    NoSize {
        /// Its id.
        id: u64,
    },
    /// A weight out of range.
    #[error("request {id} has weight {weight}: weights are whole numbers from 1 to 10000")]
    Weight {
        /// Its id.
        id: u64,
        /// The weight given.
        weight: u32,
    },
    /// An index that names no tenant.
    #[error("request {id} is of tenant number {tenant}, which the workload does not name")]
    UnknownTenant {
        /// Its id.
        id: u64,
        /// The index given.
        tenant: u32,
    },
    /// One id for two requests.
    #[error("two requests have the id {id}: ids are unique")]
    TwiceTheId {
        /// The id.
        id: u64,
    },
    /// More requests than can be numbered.
    #[error("there are more requests than 32 bits can number")]
    TooMany,
}
