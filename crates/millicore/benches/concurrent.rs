//! Many divisible requests at once: the mean response under every policy, beside rayon and tokio.
//!
//! 64 requests of exponential size arrive together on two cores. All contestants do the same fixed
//! work. On rayon each request is a `spawn` of a `par_iter` on the global pool; on tokio each runs
//! in a row on a blocking thread of its own, so that the kernel shares the cores among them.
//! Response times count from the moment before the first submission. Beside each policy stands what
//! the simulator says of the same requests, before any of them runs.
//!
//! ```console
//! $ cargo bench -p millicore --bench concurrent
//! ```
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark tells its figures to a person, and stops where it cannot go on"
)]

#[path = "concurrent/contestants.rs"]
mod contestants;
mod measure;
mod samples;

use contestants::{CORES, Crowd, Scheduled, on_rayon, on_tokio};
use measure::{Report, Table, bar};
use millicore_sim::workload::{Arrivals, Distribution, Generator, Sizes};
use millicore_sim::{POLICIES, Policy, Setup, Workload, simulate, statistics::Summary};
use samples::median;

const REQUESTS: u32 = 64;
const MEAN_SIZE_S: f64 = 0.020;
const SEED: u64 = 64;
const ROUNDS: usize = 9;
/// As fine as the executor cuts loops whose chunk length nobody fixed.
const CHUNK_NS: u64 = 100_000;
const MOST_OF_OTHERS: f64 = 0.65;
const FAIR_WITHIN: f64 = 0.03;

fn main() {
    let report = Report::open("Mean response of 64 requests at once on two cores");
    let workload = workload();
    let crowd = Crowd::calibrated(&workload);
    let mut rows = policies()
        .into_iter()
        .map(Row::of_policy)
        .collect::<Vec<_>>();
    rows.push(Row::of("rayon, spawn of a par_iter", Pool::Rayon));
    rows.push(Row::of("tokio, spawn_blocking", Pool::Tokio));
    for _ in 0..ROUNDS {
        for row in &mut rows {
            row.means_ms.push(row.run(&crowd) * 1e3);
        }
    }
    let heading = format!(
        "exponential sizes, mean {:.0} ms of CPU, seed {SEED}; medians of {ROUNDS} rounds",
        MEAN_SIZE_S * 1e3
    );
    report.show(&heading, &table(&rows, &workload));
    report.close();
}

fn workload() -> Workload {
    let generator = Generator {
        arrivals: Arrivals::Together,
        sizes: Sizes::Drawn(Distribution::Exponential { mean: MEAN_SIZE_S }),
        requests: REQUESTS,
        seed: SEED,
    };
    let mut workload = generator.workload().expect("the generator is set up");
    for request in &mut workload.requests {
        // As `edf` wants one: a minute more than its size, so that nobody is late.
        request.deadline_ns = Some(60_000_000_000 + request.size_ns);
    }
    workload
}

fn policies() -> Vec<Policy> {
    let names = POLICIES.iter().map(|definition| definition.name);
    names.filter_map(|name| name.parse().ok()).collect()
}

enum Pool {
    Millicore(Policy, Scheduled),
    Rayon,
    Tokio,
}

struct Row {
    name: String,
    pool: Pool,
    means_ms: Vec<f64>,
}

impl Row {
    fn of(name: &str, pool: Pool) -> Self {
        Self {
            name: name.to_owned(),
            pool,
            means_ms: Vec::new(),
        }
    }

    fn of_policy(policy: Policy) -> Self {
        let pool = Pool::Millicore(policy, Scheduled::start(policy));
        Self::of(&policy.to_string(), pool)
    }

    /// The mean response in seconds.
    fn run(&self, crowd: &Crowd) -> f64 {
        match &self.pool {
            Pool::Millicore(_, scheduled) => scheduled.run(crowd),
            Pool::Rayon => on_rayon(crowd),
            Pool::Tokio => on_tokio(crowd),
        }
    }
}

fn table(rows: &[Row], workload: &Workload) -> Table {
    let mut table = Table::new([
        "",
        "mean ms",
        "simulated ms",
        "off by",
        "of rayon",
        "of tokio",
        "bar",
        "",
    ]);
    let means_of = |wanted: fn(&Pool) -> bool| {
        let row = rows.iter().find(|row| wanted(&row.pool));
        row.map_or(&[][..], |row| &row.means_ms)
    };
    let rayon = means_of(|pool| matches!(pool, Pool::Rayon));
    let tokio = means_of(|pool| matches!(pool, Pool::Tokio));
    for row in rows {
        let mean_ms = median(&row.means_ms);
        let (of_rayon, of_tokio) = (ratio(&row.means_ms, rayon), ratio(&row.means_ms, tokio));
        let mut cells = vec![row.name.clone(), format!("{mean_ms:.1}")];
        match &row.pool {
            Pool::Millicore(policy, _) => {
                let simulated_ms = simulated_ms(*policy, workload);
                let off_percent = 100.0 * (mean_ms / simulated_ms - 1.0);
                cells.extend([format!("{simulated_ms:.1}"), format!("{off_percent:+.1} %")]);
            }
            Pool::Rayon | Pool::Tokio => cells.extend([String::new(), String::new()]),
        }
        cells.extend([format!("{of_rayon:.3}"), format!("{of_tokio:.3}")]);
        match row.name.as_str() {
            "srpt" => cells.extend(bar(
                &format!("<= {MOST_OF_OTHERS} of both"),
                of_rayon.max(of_tokio) <= MOST_OF_OTHERS,
            )),
            "fair" => cells.extend(bar(
                &format!("tokio +- {FAIR_WITHIN}"),
                (of_tokio - 1.0).abs() <= FAIR_WITHIN,
            )),
            _ => {}
        }
        table.row(cells);
    }
    table
}

/// The median over the rounds of one contestant's mean by another's in the same round.
fn ratio(these: &[f64], those: &[f64]) -> f64 {
    let ratios = these.iter().zip(those).map(|(this, that)| this / that);
    median(&ratios.collect::<Vec<_>>())
}

fn simulated_ms(policy: Policy, workload: &Workload) -> f64 {
    let setup = Setup {
        chunk_ns: CHUNK_NS,
        ..Setup::new(policy, CORES)
    };
    let schedule = simulate(workload, &setup).expect("the workload is generated");
    let summary = Summary::new(workload, &schedule);
    summary.mean_response_ns.unwrap_or(f64::NAN) / 1e6
}
