//! What one chunk costs beside its work: ten million empty chunks on two threads.
//!
//! Every contestant runs the same empty chunk, once per index. Rounds are interleaved, and a round
//! compares its own contestants, so that a busy moment of the machine falls on all of them; the
//! table shows medians over the rounds. Contestants that spawn a task per chunk run fewer chunks.
//!
//! ```console
//! $ cargo bench -p millicore --bench chunk_overhead
//! ```
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark tells its figures to a person, and stops where it cannot go on"
)]

#[path = "chunk_overhead/contestants.rs"]
mod contestants;
mod measure;
mod processor;
mod samples;

use contestants::{Chunk, Contestants, THREADS};
use measure::{Report, Table, bar};
use samples::median;
use std::hint::black_box;
use std::time::Instant;

const CHUNKS: u64 = 10_000_000;
const SPAWNED_CHUNKS: u64 = 100_000;
const ROUNDS: usize = 31;
/// At most so many times what rayon's own splitting costs.
const MOST_OF_RAYON: f64 = 1.1;
/// "Far below" those who pay for each chunk: at most this part of what they cost.
const MOST_OF_SPAWNING: f64 = 0.1;

#[inline(never)]
fn out_of_line(index: u64) {
    black_box(index);
}

#[inline(always)]
fn inlinable(index: u64) {
    black_box(index);
}

fn main() {
    let report = Report::open("One empty chunk, in nanoseconds of wall time on two threads");
    let contestants = Contestants::start();
    let heading = format!("The chunk is a function call; {ROUNDS} rounds");
    report.show(&heading, &table(&contestants, out_of_line));
    let heading = format!("The compiler may inline the chunk; {ROUNDS} rounds");
    report.show(&heading, &table(&contestants, inlinable));
    report.close();
}

/// One way to run chunks: its name, how many it runs, what it is to millicore, and how.
struct Row<'a> {
    name: &'static str,
    chunks: u64,
    role: Role,
    run: Box<dyn Fn(u64) + 'a>,
    nanoseconds: Vec<f64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Measured,
    /// What the measured should come close to.
    Limit,
    /// What the measured should cost far less than.
    PaysPerChunk,
    Other,
}

fn table(contestants: &Contestants, chunk: impl Chunk) -> Table {
    let mut rows = rows(contestants, chunk);
    for _ in 0..ROUNDS {
        for row in &mut rows {
            let started = Instant::now();
            (row.run)(row.chunks);
            let took_ns = started.elapsed().as_secs_f64() * 1e9;
            row.nanoseconds.push(took_ns / row.chunks as f64);
        }
    }
    let mut table = Table::new(["", "chunks", "ns a chunk", "of rayon", "bar", ""]);
    let find = |role| rows.iter().find(|row| row.role == role);
    let (Some(limit), Some(measured)) = (find(Role::Limit), find(Role::Measured)) else {
        return table;
    };
    for row in &rows {
        let of_rayon = ratio(&row.nanoseconds, &limit.nanoseconds);
        let mut cells = vec![
            row.name.to_owned(),
            row.chunks.to_string(),
            format!("{:.3}", median(&row.nanoseconds)),
            format!("{of_rayon:.2}"),
        ];
        match row.role {
            Role::Measured => {
                let asked = format!("<= {MOST_OF_RAYON} of rayon");
                cells.extend(bar(&asked, of_rayon <= MOST_OF_RAYON));
            }
            Role::PaysPerChunk => {
                let share = ratio(&measured.nanoseconds, &row.nanoseconds);
                let asked = format!("millicore is {share:.3} of it, <= {MOST_OF_SPAWNING}");
                cells.extend(bar(&asked, share <= MOST_OF_SPAWNING));
            }
            Role::Limit | Role::Other => {}
        }
        table.row(cells);
    }
    table
}

/// The median over the rounds of one contestant's time by another's in the same round.
fn ratio(these: &[f64], those: &[f64]) -> f64 {
    let ratios: Vec<f64> = these
        .iter()
        .zip(those)
        .map(|(this, that)| this / that)
        .collect();
    median(&ratios)
}

fn rows<'a>(contestants: &'a Contestants, chunk: impl Chunk) -> Vec<Row<'a>> {
    let row = |name, chunks, role, run: Box<dyn Fn(u64) + 'a>| Row {
        name,
        chunks,
        role,
        run,
        nanoseconds: Vec::new(),
    };
    let by = contestants;
    vec![
        row(
            "rayon, default splitting",
            CHUNKS,
            Role::Limit,
            Box::new(move |chunks| by.rayon_default(chunks, chunk)),
        ),
        row(
            "millicore, chunk_len(1)",
            CHUNKS,
            Role::Measured,
            Box::new(move |chunks| by.millicore_fixed(chunks, chunk)),
        ),
        row(
            "millicore, adaptive",
            CHUNKS,
            Role::Measured,
            Box::new(move |chunks| by.millicore_adaptive(chunks, chunk)),
        ),
        row(
            "rayon, with_max_len(1)",
            CHUNKS / 10,
            Role::PaysPerChunk,
            Box::new(move |chunks| by.rayon_max_len(chunks, chunk)),
        ),
        row(
            "tokio, a spawn a chunk",
            SPAWNED_CHUNKS,
            Role::PaysPerChunk,
            Box::new(move |chunks| by.tokio_spawn(chunks, chunk)),
        ),
        row(
            "async-executor, a spawn a chunk",
            SPAWNED_CHUNKS,
            Role::PaysPerChunk,
            Box::new(move |chunks| by.async_executor_spawn(chunks, chunk)),
        ),
        row(
            "fetch_add, one thread alone",
            CHUNKS / THREADS as u64,
            Role::Other,
            Box::new(contestants::fetch_add),
        ),
    ]
}
