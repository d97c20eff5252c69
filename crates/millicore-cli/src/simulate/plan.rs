//! What is to be simulated: arguments that have been found to go together.

use super::arguments::{Arguments, ArrivalsSource, Format, KernelName, SizesSource};
use super::output_files::{self, Named};
use super::shown;
use crate::failure::{Failure, note};
use millicore_sim::kernel::MOST_PROCESSORS;
use millicore_sim::workload::{Arrivals, Generator, Sizes, excerpt, parse_list, read_csv};
use millicore_sim::{Kernel, LimitSpec, Setup, Workload};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// One run for each setup, all of the same workload.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) setups: Vec<Setup>,
    pub(super) format: Format,
    pub(super) save: Option<PathBuf>,
    pub(super) dispatches: Option<PathBuf>,
    source: Source,
}

#[derive(Debug)]
enum Source {
    File(PathBuf),
    StandardInput,
    Generated {
        arrivals: ArrivalsSource,
        sizes: SizesSource,
        seed: u64,
    },
}

/// A workload, and where it comes from.
#[derive(Debug)]
pub(super) struct PlannedWorkload {
    pub(super) workload: Workload,
    /// What to name when it cannot be run.
    pub(super) place: String,
    /// The seed it was generated from.
    pub(super) seed: Option<u64>,
}

impl TryFrom<Arguments> for Plan {
    type Error = Failure;

    fn try_from(arguments: Arguments) -> Result<Self, Failure> {
        let kernel = kernel(&arguments)?;
        let policies = arguments.policy.0;
        if arguments.dispatches.is_some() && policies.len() > 1 {
            return Err(Failure::usage(
                "--dispatches records one run: name one policy",
            ));
        }
        let setups: Vec<Setup> = policies
            .into_iter()
            .map(|policy| Setup {
                chunk_ns: arguments.chunk,
                overhead_ns: arguments.overhead,
                ageing_ns: arguments.ageing.0,
                tenants: arguments.tenant.clone(),
                // Two who keep one limit would be twice the limit.
                machine_limit: arguments.limit.filter(|_| kernel.is_none()),
                kernel,
                ..Setup::new(policy, arguments.cores)
            })
            .collect();
        for setup in &setups {
            setup.check().map_err(Failure::usage)?;
        }
        let source = match (arguments.generate, arguments.sizes, arguments.file) {
            (Some(arrivals), Some(sizes), _) => Source::Generated {
                arrivals,
                sizes,
                seed: arguments.seed,
            },
            (_, _, Some(path)) if path.as_os_str() == "-" => Source::StandardInput,
            (_, _, Some(path)) => Source::File(path),
            (_, _, None) => return Err(Failure::usage("name a file, or --generate and --sizes")),
        };
        let Arguments {
            format,
            save,
            dispatches,
            ..
        } = arguments;
        let plan = Self {
            setups,
            format,
            save,
            dispatches,
            source,
        };
        let save = plan.save.as_deref().map(|path| ("--save", path));
        let dispatches = plan
            .dispatches
            .as_deref()
            .map(|path| ("--dispatches", path));
        let outputs: Vec<Named<'_>> = save.into_iter().chain(dispatches).collect();
        output_files::check(plan.source.files(), &outputs)?;
        Ok(plan)
    }
}

/// The kernel that keeps the limit, if one is to.
fn kernel(arguments: &Arguments) -> Result<Option<Kernel>, Failure> {
    let Some(KernelName::Cfs) = arguments.kernel else {
        return Ok(None);
    };
    let Some(LimitSpec::Bandwidth {
        quota_ns,
        period_ns,
    }) = arguments.limit
    else {
        return Err(Failure::usage(
            "--kernel cfs keeps a quota in every period: give --limit one, such as 500m/100ms",
        ));
    };
    let processors = arguments
        .processors
        .unwrap_or_else(|| arguments.cores.min(MOST_PROCESSORS));
    let mut kernel = Kernel::new(processors).with_quota(quota_ns, period_ns);
    kernel.tick_ns = arguments.tick;
    if let Some(bandwidth) = &mut kernel.bandwidth {
        bandwidth.burst_ns = arguments.burst;
        bandwidth.phase_ns = arguments.phase;
    }
    Ok(Some(kernel))
}

impl Source {
    /// The files it reads.
    fn files(&self) -> Vec<Named<'_>> {
        match self {
            Self::File(path) => vec![("FILE", path)],
            Self::StandardInput => vec![("standard input", Path::new("/dev/stdin"))],
            Self::Generated {
                arrivals, sizes, ..
            } => {
                let arrivals = match arrivals {
                    ArrivalsSource::File(path) => Some(("--generate", path.as_path())),
                    ArrivalsSource::Rule(..) => None,
                };
                let sizes = match sizes {
                    SizesSource::File(path) => Some(("--sizes", path.as_path())),
                    SizesSource::Rule(_) => None,
                };
                arrivals.into_iter().chain(sizes).collect()
            }
        }
    }
}

/// As many as take minutes.
const MANY_CHUNKS: u128 = 1_000_000_000;

impl Plan {
    /// Reads or generates the workload.
    pub(super) fn workload(&self) -> Result<PlannedWorkload, Failure> {
        match &self.source {
            Source::File(path) => {
                let file = File::open(path).map_err(|error| Failure::at(shown(path), error))?;
                read(file, shown(path))
            }
            Source::StandardInput => read(io::stdin().lock(), "standard input".to_owned()),
            Source::Generated {
                arrivals,
                sizes,
                seed,
            } => generate(arrivals, sizes, *seed),
        }
    }

    /// A tenant that no request is of is allowed, but most likely misspelt.
    pub(super) fn warn_of_idle_tenants(&self, workload: &Workload) {
        let tenants = self.setups.first().map_or(&[][..], |setup| &setup.tenants);
        for tenant in tenants
            .iter()
            .filter(|tenant| !workload.tenants.contains(&tenant.name))
        {
            note(format_args!(
                "warning: --tenant {}: no request is of this tenant",
                excerpt(&tenant.name)
            ));
        }
    }

    /// Says so before a run that may take hours.
    pub(super) fn warn_of_many_chunks(&self, workload: &Workload) {
        let Some(setup) = self.setups.first() else {
            return;
        };
        let chunks: u128 = workload
            .requests
            .iter()
            .map(|request| u128::from(request.size_ns.div_ceil(setup.chunk_ns)))
            .sum();
        if chunks > MANY_CHUNKS {
            note(format_args!(
                "about {chunks:.1e} chunks for each policy: this may take hours; \
                 a larger --chunk makes it shorter"
            ));
        }
    }
}

fn read(input: impl io::Read, place: String) -> Result<PlannedWorkload, Failure> {
    let workload = read_csv(input).map_err(|error| Failure::at(&place, error))?;
    Ok(PlannedWorkload {
        workload,
        place,
        seed: None,
    })
}

fn generate(
    arrivals: &ArrivalsSource,
    sizes: &SizesSource,
    seed: u64,
) -> Result<PlannedWorkload, Failure> {
    let (arrivals, requests) = match arrivals {
        ArrivalsSource::Rule(arrivals, requests) => (arrivals.clone(), *requests),
        ArrivalsSource::File(path) => {
            let times_ns = read_list(path)?;
            let requests = u32::try_from(times_ns.len())
                .map_err(|_| Failure::at(shown(path), "too many arrivals"))?;
            (Arrivals::At(times_ns), requests)
        }
    };
    let sizes = match sizes {
        SizesSource::Rule(sizes) => sizes.clone(),
        SizesSource::File(path) => Sizes::Listed(read_list(path)?),
    };
    let place = "generated workload".to_owned();
    let generator = Generator {
        arrivals,
        sizes,
        requests,
        seed,
    };
    let workload = generator
        .workload()
        .map_err(|error| Failure::at(&place, error))?;
    Ok(PlannedWorkload {
        workload,
        place,
        seed: Some(seed),
    })
}

fn read_list(path: &Path) -> Result<Vec<u64>, Failure> {
    let text = fs::read_to_string(path).map_err(|error| Failure::at(shown(path), error))?;
    parse_list(&text).map_err(|error| Failure::at(shown(path), error))
}
