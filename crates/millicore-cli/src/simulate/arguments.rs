//! What a user types after `millicore simulate`.

use clap::{Args, ValueEnum};
use millicore_sim::duration::parse_duration;
use millicore_sim::kernel::MOST_PROCESSORS;
use millicore_sim::setup::{MOST_CORES, parse_limit, parse_tenant};
use millicore_sim::workload::{Arrivals, Sizes, excerpt, parse_arrivals, parse_sizes};
use millicore_sim::{LimitSpec, POLICIES, Policy, TenantSpec};
use std::path::PathBuf;

/// Runs a workload under a policy on a simulated machine, to the nanosecond.
///
/// The workload is a CSV file with the header `id,arrival_ns,size_ns` and optionally `priority`,
/// `weight`, `max_cores`, `deadline_ns`, `tenant` and `cancel_ns`, or is generated.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// A workload as CSV; `-` reads standard input
    #[arg(required_unless_present = "generate", conflicts_with = "generate")]
    pub(crate) file: Option<PathBuf>,

    /// Policies, separated by commas, or `all`
    ///
    /// fifo, fair, focus, sjf, srpt, las, edf, hesrpt[:E]; each may be followed by a width: `/one`
    /// (at most one chunk at once), `/4` (at most 4), `/all`, `/kept` (one core until done).
    #[arg(long, value_name = "NAMES", value_parser = parse_policies)]
    pub(crate) policy: Policies,

    /// Cores of the machine, 1 to 1000000
    #[arg(long, allow_hyphen_values = true, value_name = "N", value_parser = parse_cores)]
    pub(crate) cores: usize,

    /// The longest chunk
    #[arg(long, allow_hyphen_values = true, value_name = "TIME", default_value = "100ms", value_parser = parse_chunk)]
    pub(crate) chunk: u64,

    /// How much longer each chunk holds its core
    #[arg(long, allow_hyphen_values = true, value_name = "TIME", default_value = "0", value_parser = parse_duration)]
    pub(crate) overhead: u64,

    /// Who has waited so long for a chunk goes first; `off` or a time
    #[arg(long, allow_hyphen_values = true, value_name = "TIME", default_value = "off", value_parser = parse_ageing)]
    pub(crate) ageing: Ageing,

    /// The weight, and perhaps a limit, of a tenant; may be repeated
    ///
    /// Tenants without this flag have weight 1 and no limit. For limits see `--limit`.
    #[arg(long, value_name = "NAME=WEIGHT[:LIMIT]", value_parser = parse_tenant)]
    pub(crate) tenant: Vec<TenantSpec>,

    /// The CPU time that all requests may use together
    ///
    /// `1500m/100ms` is bandwidth: 1500 millicores times 100 ms in every period of 100 ms.
    /// `400m+40ms` is a token bucket that saves up at most 40 ms.
    #[arg(long, value_name = "LIMIT", value_parser = parse_limit)]
    pub(crate) limit: Option<LimitSpec>,

    /// Who keeps `--limit`, instead of the policy
    ///
    /// The policy keeps it to the nanosecond, and knows of it. The bandwidth controller of Linux (cfs)
    /// stops threads in the middle of a chunk once their group has used up its quota, after a tick on
    /// each processor that may be too late, and lets them go on when the next period has paid for it.
    #[arg(long, value_enum, value_name = "KERNEL", requires = "limit")]
    pub(crate) kernel: Option<KernelName>,

    /// With `--kernel`: how many processors the threads share; as many as `--cores` without
    #[arg(long, allow_hyphen_values = true, value_name = "N", requires = "kernel", value_parser = parse_processors)]
    pub(crate) processors: Option<usize>,

    /// With `--kernel`: how long before time 0 a period has begun
    #[arg(long, allow_hyphen_values = true, value_name = "TIME", default_value = "0", requires = "kernel", value_parser = parse_duration)]
    pub(crate) phase: u64,

    /// With `--kernel`: what unused periods add to the quota at most
    #[arg(long, allow_hyphen_values = true, value_name = "TIME", default_value = "0", requires = "kernel", value_parser = parse_duration)]
    pub(crate) burst: u64,

    /// With `--kernel`: how often it looks what threads have used
    #[arg(long, allow_hyphen_values = true, value_name = "TIME", default_value = "4ms", requires = "kernel", value_parser = parse_duration)]
    pub(crate) tick: u64,

    /// Generates arrivals instead of reading a file
    ///
    /// `batch:n=4` (all at once), `spaced:every=1s,n=10`, `poisson:rate=1.6,n=10000` (a second),
    /// `bursts:size=10,every=1s,n=100`, `file:PATH` (nanoseconds, one a line). `n` is at most
    /// 100000000. Arrivals from a file are sorted.
    #[arg(long, value_name = "ARRIVALS", value_parser = parse_arrivals_source, requires = "sizes")]
    pub(crate) generate: Option<ArrivalsSource>,

    /// Generates sizes
    ///
    /// `fixed:size=1s`, `exp:mean=1s`, `h2:mean=1s,c2=10` (two exponentials with this squared
    /// variation), `pareto:least=1ms,greatest=10s,exponent=1.5`,
    /// `bimodal:small=500us,large=500ms,share_large=0.005`, `file:PATH` (nanoseconds, one a line).
    /// Sizes from a file are used again from the start if there are fewer than arrivals.
    #[arg(
        long,
        value_name = "SIZES",
        value_parser = parse_sizes_source,
        requires = "generate",
        conflicts_with = "file"
    )]
    pub(crate) sizes: Option<SizesSource>,

    /// The seed of what is generated; the same seed gives the same arrivals and sizes
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        requires = "generate",
        conflicts_with = "file"
    )]
    pub(crate) seed: u64,

    /// Writes the workload to a CSV file
    #[arg(long, value_name = "FILE")]
    pub(crate) save: Option<PathBuf>,

    /// What to print
    ///
    /// In the table, slowdown is the mean slowdown: response time / size, over completed requests.
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: Format,

    /// Writes every chunk as it starts to a file, one JSON object a line
    #[arg(long, value_name = "FILE")]
    pub(crate) dispatches: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  Four requests of one CPU-second on two cores, under three policies:
    millicore simulate --generate batch:n=4 --sizes fixed:size=1s \\
        --policy fifo,fair,focus --cores 2
  A file under fair sharing, in a container of 1500 millicores:
    millicore simulate requests.csv --policy fair --cores 4 --limit 1500m/100ms
  Ten requests of 100 ms on four threads that half a core has to feed, as Linux does it:
    millicore simulate --generate batch:n=10 --sizes fixed:size=100ms \\
        --policy fifo --cores 4 --processors 2 --limit 500m/100ms --kernel cfs
  Two tenants, one with three shares and at most 400 millicores:
    millicore simulate requests.csv --policy srpt --cores 2 \\
        --tenant batch=3:400m/100ms --tenant web=1 --format json

Exit status: 0 done, 1 the run failed (such as a bad file), 2 bad usage.";

/// What to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A summary for people
    Table,
    /// One object, or an array of them where several policies are named
    Json,
    /// A row for each request
    Csv,
}

/// A kernel that keeps limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum KernelName {
    /// The CFS bandwidth controller of Linux
    Cfs,
}

#[derive(Clone, Debug)]
pub(crate) struct Policies(pub(crate) Vec<Policy>);

#[derive(Clone, Copy, Debug)]
pub(crate) struct Ageing(pub(crate) Option<u64>);

/// Arrivals by a rule, with how many there are, or from a file.
#[derive(Clone, Debug)]
pub(crate) enum ArrivalsSource {
    Rule(Arrivals, u32),
    File(PathBuf),
}

/// Sizes by a rule or from a file.
#[derive(Clone, Debug)]
pub(crate) enum SizesSource {
    Rule(Sizes),
    File(PathBuf),
}

fn parse_policies(text: &str) -> Result<Policies, String> {
    if text.trim() == "all" {
        let policies = POLICIES
            .iter()
            .map(|definition| parse_policy(definition.name));
        return policies.collect::<Result<_, _>>().map(Policies);
    }
    let mut policies = Vec::new();
    for name in text.split(',').map(str::trim) {
        match name {
            "" if text.contains(',') => {
                return Err("a policy is missing before or after a comma".to_owned());
            }
            "all" => return Err("`all` stands alone: it names every policy already".to_owned()),
            _ => {}
        }
        let policy = parse_policy(name)?;
        if policies.contains(&policy) {
            return Err(format!("it names {policy} twice: once is enough"));
        }
        policies.push(policy);
    }
    Ok(Policies(policies))
}

fn parse_policy(text: &str) -> Result<Policy, String> {
    text.parse()
        .map_err(|error| format!("`{}`: {error}", excerpt(text)))
}

fn parse_cores(text: &str) -> Result<usize, String> {
    let cores = text
        .parse()
        .ok()
        .filter(|cores| (1..=MOST_CORES).contains(cores));
    cores.ok_or_else(|| format!("a machine has a whole number of cores from 1 to {MOST_CORES}"))
}

fn parse_processors(text: &str) -> Result<usize, String> {
    let processors = text
        .parse()
        .ok()
        .filter(|processors| (1..=MOST_PROCESSORS).contains(processors));
    processors.ok_or_else(|| {
        format!("threads share a whole number of processors from 1 to {MOST_PROCESSORS}")
    })
}

fn parse_chunk(text: &str) -> Result<u64, String> {
    match parse_duration(text) {
        Ok(0) => Err("a chunk lasts at least 1ns".to_owned()),
        Ok(chunk_ns) => Ok(chunk_ns),
        Err(error) => Err(error.to_string()),
    }
}

fn parse_ageing(text: &str) -> Result<Ageing, String> {
    if text == "off" {
        return Ok(Ageing(None));
    }
    let bound_ns = parse_duration(text).map_err(|error| format!("`off`, or {error}"))?;
    Ok(Ageing(Some(bound_ns)))
}

fn parse_arrivals_source(text: &str) -> Result<ArrivalsSource, String> {
    if let Some(path) = text.strip_prefix("file:") {
        return Ok(ArrivalsSource::File(path.into()));
    }
    let (arrivals, requests) = parse_arrivals(text).map_err(|error| error.to_string())?;
    Ok(ArrivalsSource::Rule(arrivals, requests))
}

fn parse_sizes_source(text: &str) -> Result<SizesSource, String> {
    match text.strip_prefix("file:") {
        Some(path) => Ok(SizesSource::File(path.into())),
        None => parse_sizes(text)
            .map(SizesSource::Rule)
            .map_err(|error| error.to_string()),
    }
}
