//! How many chunk events a second the simulator handles, and how much memory a request takes.
//!
//! `cargo bench -p millicore-sim`, or with the name of one policy behind `--`. Rounds are
//! interleaved, so that a busy moment of the machine falls on every row. The ratio is that of the
//! median to the bar, the least that is accepted; where the best is far above the median, the
//! machine was busy. A chunk event is one chunk dispatched and completed.

#![expect(
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark prints and may fail"
)]

#[path = "simulator/counting_allocator.rs"]
mod counting_allocator;

use counting_allocator::CountingAllocator;
use millicore_sim::{Request, Setup, Workload, simulate};
use std::hint::black_box;
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator::new();

const ROUNDS: usize = 5;
const CHUNK_NS: u64 = 100_000;
const MOST_BYTES_A_REQUEST: f64 = 256.0;

/// One row of the table.
struct Case {
    policy: &'static str,
    cores: u64,
    /// How many requests are live until arrivals end.
    live: u64,
    /// How many arrive after the first, one whenever one completes.
    later: u64,
    chunks_each: u64,
    least_million_a_second: f64,
}

const fn case(policy: &'static str, cores: u64, live: u64, least_million_a_second: f64) -> Case {
    let (later, chunks_each) = match (cores, live) {
        (_, 1_000_000) => (250_000, 4),
        (2, _) => (20_000, 100),
        _ => (500, 1500),
    };
    Case {
        policy,
        cores,
        live,
        later,
        chunks_each,
        least_million_a_second,
    }
}

const CASES: [Case; 9] = [
    case("focus", 2, 1000, 10.0),
    case("srpt", 2, 1000, 10.0),
    case("fair", 2, 1000, 5.0),
    case("focus", 10_000, 1000, 3.0),
    case("srpt", 10_000, 1000, 3.0),
    case("fair", 10_000, 1000, 3.0),
    case("focus", 10_000, 1_000_000, 1.5),
    case("srpt", 10_000, 1_000_000, 1.5),
    case("fair", 10_000, 1_000_000, 1.5),
];

impl Case {
    fn workload(&self) -> Workload {
        let spacing_ns = self.chunks_each * CHUNK_NS / self.cores;
        (0..self.live + self.later)
            .map(|id| {
                let arrival_ns = id.saturating_sub(self.live) * spacing_ns;
                // Sizes differ a little, so that cores fall out of step.
                let size_ns = self.chunks_each * CHUNK_NS - id * 7919 % (CHUNK_NS / 2);
                Request::new(id, arrival_ns, size_ns)
            })
            .collect()
    }

    fn setup(&self) -> Setup {
        let policy = self
            .policy
            .parse()
            .unwrap_or_else(|error| panic!("{error}"));
        let cores = usize::try_from(self.cores).unwrap_or(usize::MAX);
        Setup {
            chunk_ns: CHUNK_NS,
            ..Setup::new(policy, cores)
        }
    }

    /// Millions of chunk events a second, and the most bytes a request of the run took.
    fn measure(&self) -> (f64, f64) {
        let bytes_before = ALLOCATOR.restart();
        let workload = self.workload();
        let setup = self.setup();
        let start = Instant::now();
        let schedule = simulate(&workload, &setup).unwrap_or_else(|error| panic!("{error}"));
        let seconds = start.elapsed().as_secs_f64();
        let bytes = ALLOCATOR.most_bytes() - bytes_before;
        let events = black_box(&schedule).chunks();
        (
            events as f64 / seconds / 1e6,
            bytes as f64 / workload.requests.len() as f64,
        )
    }
}

fn main() {
    let only = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with('-'));
    let cases: Vec<&Case> = CASES
        .iter()
        .filter(|case| only.as_deref().is_none_or(|policy| policy == case.policy))
        .collect();
    let mut rounds: Vec<Vec<(f64, f64)>> = vec![Vec::new(); cases.len()];
    for _ in 0..ROUNDS {
        for (results, case) in rounds.iter_mut().zip(&cases) {
            results.push(case.measure());
        }
    }
    println!("              requests   million events a second");
    println!("policy  cores     live   median   best   bar  ratio   bytes a request");
    for (results, case) in rounds.iter_mut().zip(&cases) {
        results.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (median, bytes) = results[ROUNDS / 2];
        let (best, _) = results[ROUNDS - 1];
        let bar = case.least_million_a_second;
        println!(
            "{:<6} {:>6} {:>8}   {median:>6.2} {best:>6.2}  {bar:>4.1}  {:>5.2}   {bytes:>15.0}",
            case.policy,
            case.cores,
            case.live,
            median / bar,
        );
        if case.live >= 1_000_000 && bytes > MOST_BYTES_A_REQUEST {
            println!("        more than {MOST_BYTES_A_REQUEST} bytes a request");
        }
    }
}
