//! The plan: what was asked for, checked, with nothing left open.

use crate::concurrency::contender::{Contender, Part, PartKind};
use crate::flags::{self, FlagError, number, time};
use crate::load::Order;
use crate::place::{PlaceKind, Site};
use crate::text::count;
use millicore::{Policy, PolicyError};
use millicore_quota::{Millicores, ProcessLimit};
use millicore_server::model::{ConcurrencyModel, UnknownModel};
use millicore_sim::duration::{Display as Length, MILLISECOND_NS, SECOND_NS};
use std::fmt;
use std::num::NonZeroUsize;
use std::ops::RangeInclusive;

/// What was typed, by the names of the flags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wishes {
    /// How many requests leave at once, 1 to 1000.
    pub requests: String,
    /// How long each of the first part waits, 1ms to 60s.
    pub time: String,
    /// How much CPU time each of the second part needs, 1ms to 60s.
    pub size: String,
    /// Concurrency models, with commas between.
    pub models: String,
    /// Policies of `scheduled`, with commas between.
    pub policy: String,
    /// How many cores the servers are held to; all that this process may use, if it is not said.
    pub cores: Option<String>,
    /// How many processes `prefork` has, one contender for each number between commas; as many as
    /// cores and as many as requests, if it is not said.
    pub workers: Option<String>,
    /// How often each contender runs, 1 to 100.
    pub repeat: String,
    /// `sleep` or `spin`; both, if it is not said.
    pub only: Option<String>,
    /// `sent` or `completed`.
    pub order: String,
    /// `process`, `cgroup` or `docker`.
    pub place: String,
    /// The limit there, such as `500m`; none of its own, if it is not said.
    pub cpu: Option<String>,
}

impl Default for Wishes {
    fn default() -> Self {
        Self {
            requests: "10".to_owned(),
            time: "1s".to_owned(),
            size: "1s".to_owned(),
            models: "sync,threads,forks,prefork,scheduled".to_owned(),
            policy: "fifo,fair,focus".to_owned(),
            cores: None,
            workers: None,
            repeat: "1".to_owned(),
            only: None,
            order: "sent".to_owned(),
            place: "process".to_owned(),
            cpu: None,
        }
    }
}

/// An experiment that can be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// How many requests leave at once.
    pub requests: usize,
    /// What they ask for, one after the other.
    pub parts: Vec<Part>,
    /// The models that are asked.
    pub models: Vec<ConcurrencyModel>,
    /// The policies of `scheduled`, where CPU time is asked for.
    pub policies: Vec<Policy>,
    /// The numbers of processes of `prefork`.
    pub workers: Vec<usize>,
    /// How many cores each server is held to.
    pub cores: NonZeroUsize,
    /// How often each contender runs.
    pub repeats: usize,
    /// In which order the responses are reported.
    pub order: Order,
    /// Where the servers run, and under which limit.
    pub site: Site,
    /// How much CPU there is for a server; less than the cores where a limit holds them back.
    pub capacity: Millicores,
}

const REQUESTS: RangeInclusive<u64> = 1..=1000;
const WORKERS: RangeInclusive<u64> = 1..=1000;
const REPEATS: RangeInclusive<u64> = 1..=100;
/// The longest that the application lets anybody ask for.
const LENGTHS_NS: RangeInclusive<u64> = MILLISECOND_NS..=60 * SECOND_NS;

impl Plan {
    /// Checks what was typed against itself and against the limit of this process.
    ///
    /// # Errors
    ///
    /// Says which flag cannot be, and what it can be.
    pub fn new(wishes: &Wishes, process: &ProcessLimit) -> Result<Self, PlanError> {
        let site = Site::new(&wishes.place, wishes.cpu.as_deref())?;
        if site.place == PlaceKind::Process && site.limit.is_some() {
            return Err(PlanError::NobodyHolds);
        }
        let capacity = process.capacity();
        let capacity = site.limit.map_or(capacity, |limit| limit.min(capacity));
        let cores = match wishes.cores.as_deref() {
            Some(given) => flags::cores(given, process)?,
            None => capacity.cores_rounded_up(),
        };
        let requests = number("--requests", &wishes.requests, &REQUESTS)?;
        let parse_workers = |given: &str| Ok(number("--workers", given, &WORKERS)?);
        let workers = match &wishes.workers {
            Some(given) => list("--workers", given, parse_workers)?,
            None if cores.get() == requests => vec![requests],
            None => vec![cores.get(), requests],
        };
        Ok(Self {
            requests,
            parts: parts(wishes)?,
            models: list("--models", &wishes.models, |name| Ok(name.parse()?))?,
            policies: list("--policy", &wishes.policy, policy)?,
            workers,
            cores,
            repeats: number("--repeat", &wishes.repeat, &REPEATS)?,
            order: order(&wishes.order)?,
            site,
            capacity,
        })
    }

    /// Whether a CPU limit keeps the cores from working all the time.
    pub(crate) fn is_held_back(&self) -> bool {
        self.capacity_in_cores() < self.cores.get() as f64
    }

    /// How many cores' worth of CPU time there is at once; a fraction under a limit.
    pub(crate) fn capacity_in_cores(&self) -> f64 {
        let capacity = f64::from(self.capacity.get()) / 1000.0;
        capacity.min(self.cores.get() as f64)
    }

    /// Who is asked for a part, in order.
    #[must_use]
    pub fn contenders(&self, kind: PartKind) -> Vec<Contender> {
        let plain = |model| Contender {
            model,
            workers: None,
            policy: None,
        };
        let of = |&model: &ConcurrencyModel| match (model, kind) {
            (ConcurrencyModel::Prefork, _) => self
                .workers
                .iter()
                .map(|&workers| Contender {
                    workers: Some(workers),
                    ..plain(model)
                })
                .collect(),
            // Those that wait hold no core, so that nobody has to decide who gets one.
            (ConcurrencyModel::Scheduled, PartKind::Spin) => self
                .policies
                .iter()
                .map(|&policy| Contender {
                    policy: Some(policy),
                    ..plain(model)
                })
                .collect(),
            _ => vec![plain(model)],
        };
        self.models.iter().flat_map(of).collect()
    }

    /// How many servers are started in all.
    #[must_use]
    pub fn rounds(&self) -> usize {
        let of = |part: &Part| self.contenders(part.kind).len();
        self.repeats * self.parts.iter().map(of).sum::<usize>()
    }
}

fn parts(wishes: &Wishes) -> Result<Vec<Part>, PlanError> {
    let sleep = Part {
        kind: PartKind::Sleep,
        length_ms: milliseconds("--time", &wishes.time)?,
    };
    let spin = Part {
        kind: PartKind::Spin,
        length_ms: milliseconds("--size", &wishes.size)?,
    };
    match wishes.only.as_deref() {
        None => Ok(vec![sleep, spin]),
        Some("sleep") => Ok(vec![sleep]),
        Some("spin") => Ok(vec![spin]),
        Some(given) => Err(PlanError::Choice {
            flag: "--only",
            given: given.to_owned(),
            choices: "sleep, spin",
        }),
    }
}

/// The endpoints are asked in whole milliseconds.
fn milliseconds(flag: &'static str, given: &str) -> Result<u64, PlanError> {
    let time_ns = time(flag, given, &LENGTHS_NS, "")?;
    match time_ns % MILLISECOND_NS {
        0 => Ok(time_ns / MILLISECOND_NS),
        _ => Err(PlanError::NotWhole {
            flag,
            given: given.to_owned(),
        }),
    }
}

/// What stands between commas, each once.
fn list<T: PartialEq>(
    flag: &'static str,
    given: &str,
    parse: impl Fn(&str) -> Result<T, PlanError>,
) -> Result<Vec<T>, PlanError> {
    let mut all = Vec::new();
    for name in given.split(',').map(str::trim) {
        let one = parse(name)?;
        if all.contains(&one) {
            return Err(PlanError::Twice {
                flag,
                name: name.to_owned(),
            });
        }
        all.push(one);
    }
    Ok(all)
}

fn policy(given: &str) -> Result<Policy, PlanError> {
    given.parse().map_err(|source| PlanError::Policy {
        given: given.to_owned(),
        source,
    })
}

fn order(given: &str) -> Result<Order, PlanError> {
    match given {
        "sent" => Ok(Order::Sent),
        "completed" => Ok(Order::Completed),
        _ => Err(PlanError::Choice {
            flag: "--order",
            given: given.to_owned(),
            choices: "sent, completed",
        }),
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |part: &Part| {
            let length = Length(part.length_ns());
            match part.kind {
                PartKind::Sleep => format!("{length} of waiting"),
                PartKind::Spin => format!("{length} of CPU time"),
            }
        };
        let parts: Vec<String> = self.parts.iter().map(of).collect();
        write!(
            f,
            "{} at once for {}, on {}",
            count(self.requests, "request"),
            parts.join(", then for "),
            count(self.cores.get(), "core")
        )?;
        match self.repeats {
            1 => Ok(()),
            repeats => write!(f, ", {repeats} repeats"),
        }
    }
}

/// What cannot be planned, by the flag that says it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// A number, a time or cores.
    #[error(transparent)]
    Flag(#[from] FlagError),
    /// No such model.
    #[error("--models: {0}")]
    Model(#[from] UnknownModel),
    /// No such policy.
    #[error("--policy {given}: {source}")]
    Policy {
        /// What was typed.
        given: String,
        /// What is wrong with it.
        source: PolicyError,
    },
    /// The same one again.
    #[error("{flag} names {name} twice: once is enough, --repeat says how often it runs")]
    Twice {
        /// The flag.
        flag: &'static str,
        /// What is there twice.
        name: String,
    },
    /// A time that the endpoints cannot be asked for.
    #[error("{flag} {given}: give whole milliseconds")]
    NotWhole {
        /// The flag.
        flag: &'static str,
        /// What was typed.
        given: String,
    },
    /// A limit where there is nobody to keep it.
    #[error("--cpu needs --in cgroup or --in docker: nobody holds a process to a limit")]
    NobodyHolds,
    /// None of those that there are.
    #[error("{flag} {given}: the known ones are {choices}")]
    Choice {
        /// The flag.
        flag: &'static str,
        /// What was typed.
        given: String,
        /// What it can be.
        choices: &'static str,
    },
}

#[cfg(test)]
mod tests;
