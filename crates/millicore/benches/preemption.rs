//! How soon a short request starts that outranks the long one on the only core.
//!
//! Under `srpt` a long request works in chunks of 100 µs, a length that its caller fixed. The
//! submitter stands on processor 0, the worker on processor 1, so that nobody has to wait for a
//! processor: what is measured is the executor's own answer. Times count from just before `submit`
//! to the first line of the short request's body, and to its first chunk.
//!
//! ```console
//! $ cargo bench -p millicore --bench preemption
//! ```
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark tells its figures to a person, and stops where it cannot go on"
)]

mod measure;
mod processor;
mod samples;

use measure::{Report, Table, bar};
use millicore::{CpuLimit, Executor, Handle, Policy, Request};
use millicore_workload::spin::{Calibration, spin_iterations};
use samples::{median, percentile};
use std::num::{NonZeroU64, NonZeroUsize};
use std::time::{Duration, Instant};

const SAMPLES: usize = 5_000;
const CHUNK: Duration = Duration::from_micros(100);
const SUBMITTER: usize = 0;
const WORKER: usize = 1;
const MOST_P50_US: f64 = 100.0 + 100.0;
const MOST_P99_US: f64 = 100.0 + 1_000.0;

fn main() {
    let report = Report::open("From submit to start, over a long request in chunks of 100 µs");
    let pinned = processor::stay_on(SUBMITTER);
    let calibration = Calibration::measure();
    let executor = Executor::builder()
        .policy(Policy::srpt())
        .cores(NonZeroUsize::MIN)
        .cpu_limit(CpuLimit::Unlimited)
        .pin_to(vec![WORKER])
        .build()
        .expect("one worker starts");

    let idle = sample(&executor);
    let long = submit_long(&executor, calibration.iterations(CHUNK));
    let busy = sample(&executor);
    let chunk_us = chunk_us(calibration.iterations(CHUNK));
    long.cancel();

    let mut table = Table::new(["µs", "p10", "p50", "p90", "p99", "max", "bar", ""]);
    let row = |name: &str, microseconds: &[f64]| {
        let mut cells = vec![name.to_owned()];
        cells.extend([10, 50, 90, 99, 100].map(|p| format!("{:.1}", percentile(microseconds, p))));
        cells
    };
    for (name, starts) in [
        ("body's first line", &busy.body),
        ("first chunk", &busy.chunk),
    ] {
        let (p50, p99) = (median(starts), percentile(starts, 99));
        let asked = format!("p50 <= {MOST_P50_US:.0}, p99 <= {MOST_P99_US:.0}");
        let mut cells = row(name, starts);
        cells.extend(bar(&asked, p50 <= MOST_P50_US && p99 <= MOST_P99_US));
        table.row(cells);
    }
    table.row(row("the submit call itself", &busy.submit));
    table.row(row("worker asleep: body's first line", &idle.body));
    table.row(row("one chunk of the long request", &chunk_us));
    let heading = format!(
        "{SAMPLES} samples; submitter {} to processor {SUBMITTER}, worker to {WORKER}",
        if pinned { "pinned" } else { "NOT pinned" }
    );
    report.show(&heading, &table);
    report.close();
}

/// Microseconds from before `submit`.
#[derive(Default)]
struct Starts {
    submit: Vec<f64>,
    body: Vec<f64>,
    chunk: Vec<f64>,
}

fn sample(executor: &Executor) -> Starts {
    let mut starts = Starts::default();
    let mut pause_us = 0;
    for _ in 0..SAMPLES {
        // Falls into every part of a chunk: the pauses are spread evenly over 200 to 700 µs.
        pause_us = (pause_us + 309) % 500;
        spin_until(Instant::now() + Duration::from_micros(200 + pause_us));
        let before = Instant::now();
        let request = Request::new().size(Duration::from_micros(10));
        let short = executor.submit(request, |cpu| async move {
            let body = Instant::now();
            let chunk = cpu.run(Instant::now).await;
            (body, chunk)
        });
        let submitted = Instant::now();
        let (body, chunk) = short.wait().expect("no chunk panics");
        let since_before = |then: Instant| then.duration_since(before).as_secs_f64() * 1e6;
        starts.submit.push(since_before(submitted));
        starts.body.push(since_before(body));
        starts.chunk.push(since_before(chunk));
    }
    starts
}

fn submit_long(executor: &Executor, iterations: u64) -> Handle<()> {
    let request = Request::new().size(Duration::from_secs(3600));
    executor.submit(request, move |cpu| async move {
        let chunk = move |_| spin_iterations(iterations);
        cpu.for_each(0..u64::MAX, chunk)
            .chunk_len(NonZeroU64::MIN)
            .await;
    })
}

/// How long the work of one chunk really takes here.
fn chunk_us(iterations: u64) -> Vec<f64> {
    let time_one = |_| {
        let started = Instant::now();
        spin_iterations(iterations);
        started.elapsed().as_secs_f64() * 1e6
    };
    (0..1_000).map(time_one).collect()
}

fn spin_until(then: Instant) {
    while Instant::now() < then {
        std::hint::spin_loop();
    }
}
