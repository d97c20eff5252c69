//! How much of two cores one divided request gets: against two independent copies at once.
//!
//! Two threads that each do the whole work alone, at the same time, show what the machine gives
//! both cores together in that moment: a host's other guests, shared caches and clock rates
//! included. The divided request cannot have more; the ratio is what dividing leaves of it.
//! Rounds are short, interleaved and many, and the median counts.
//!
//! ```console
//! $ cargo bench -p millicore --bench efficiency
//! ```
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark tells its figures to a person, and stops where it cannot go on"
)]

mod measure;
mod samples;

use measure::{Report, Table, bar};
use millicore::{CpuLimit, Executor, Policy, Request};
use millicore_workload::mandelbrot::View;
use millicore_workload::primes::{self, BasePrimes};
use samples::{median, percentile};
use std::hint::black_box;
use std::num::{NonZeroU64, NonZeroUsize};
use std::ops::Range;
use std::sync::{Arc, Barrier};
use std::time::Instant;

const CORES: usize = 2;
const ROUNDS: usize = 61;
const LEAST_RATIO: f64 = 0.97;

/// About 60 ms for one core.
const PRIMES: Range<u64> = 900_000_000..1_050_000_000;

fn main() {
    let report = Report::open("One request on two cores, by what two cores give");
    let executor = Executor::builder()
        .policy(Policy::focus())
        .cores(NonZeroUsize::new(CORES).expect("two"))
        .cpu_limit(CpuLimit::Unlimited)
        .build()
        .expect("two workers start");
    let mut table = Table::new([
        "",
        "alone ms",
        "divided ms",
        "speedup",
        "p10",
        "median",
        "p90",
        "bar",
        "",
    ]);
    table.row(primes_row(&executor));
    table.row(picture_row(&executor));
    let heading = format!("Ratio to two independent copies, of {ROUNDS} rounds");
    report.show(&heading, &table);
    report.close();
}

fn primes_row(executor: &Executor) -> Vec<String> {
    let base = Arc::new(BasePrimes::up_to(PRIMES.end).expect("below the largest limit"));
    let alone = || primes::count(PRIMES, &base);
    let expected = alone();
    let divided = || {
        let base = Arc::clone(&base);
        let request = executor.submit(Request::new(), move |cpu| async move {
            let count = move |range| primes::count(range, &base);
            let segment = NonZeroU64::new(primes::SEGMENT_NUMBERS).unwrap_or(NonZeroU64::MIN);
            cpu.map_reduce(PRIMES, count, |a, b| a + b)
                .chunk_len(segment)
                .await
        });
        assert_eq!(request.wait().expect("no chunk panics"), expected);
    };
    row("primes, chunks of a segment", &alone, &divided)
}

fn picture_row(executor: &Executor) -> Vec<String> {
    let view = Arc::new(View::whole_set(480, 700));
    let rows = 0..u64::from(view.pixels_high);
    let alone = || view.render_rows(rows.clone());
    let expected = alone();
    let divided = || {
        let (view, rows) = (Arc::clone(&view), rows.clone());
        let request = executor.submit(Request::new(), move |cpu| async move {
            let append = |mut above: Vec<u8>, below: Vec<u8>| {
                above.extend(below);
                above
            };
            cpu.map_reduce(rows, move |range| view.render_rows(range), append)
                .await
        });
        assert!(request.wait().expect("no chunk panics") == expected);
    };
    row("mandelbrot, adaptive", &alone, &divided)
}

fn row<T>(name: &str, alone: &(impl Fn() -> T + Sync), divided: &dyn Fn()) -> Vec<String> {
    divided(); // The first request wakes the workers and fills their caches.
    let (mut alone_ms, mut divided_ms, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let copies_s = seconds_of_copies(alone);
        let started = Instant::now();
        divided();
        let divided_s = started.elapsed().as_secs_f64();
        // Each copy's rate added up: works a second that both cores do together.
        let limit_per_s: f64 = copies_s.iter().map(|copy_s| 1.0 / copy_s).sum();
        ratios.push(1.0 / divided_s / limit_per_s);
        alone_ms.extend(copies_s.map(|copy_s| copy_s * 1e3));
        divided_ms.push(divided_s * 1e3);
    }
    let speedup = median(&alone_ms) / median(&divided_ms);
    let ratio = median(&ratios);
    let mut cells = vec![
        name.to_owned(),
        format!("{:.1}", median(&alone_ms)),
        format!("{:.1}", median(&divided_ms)),
        format!("{speedup:.3}"),
        format!("{:.3}", percentile(&ratios, 10)),
        format!("{ratio:.3}"),
        format!("{:.3}", percentile(&ratios, 90)),
    ];
    cells.extend(bar(&format!(">= {LEAST_RATIO}"), ratio >= LEAST_RATIO));
    cells
}

/// Runs the whole work once per core, all at once; how long each took by itself.
fn seconds_of_copies<T>(alone: &(impl Fn() -> T + Sync)) -> [f64; CORES] {
    let together = Barrier::new(CORES);
    let copy = || {
        together.wait();
        let started = Instant::now();
        black_box(alone());
        started.elapsed().as_secs_f64()
    };
    std::thread::scope(|scope| {
        let threads = [(); CORES].map(|()| scope.spawn(copy));
        threads.map(|thread| thread.join().expect("the work does not panic"))
    })
}
