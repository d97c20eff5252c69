//! What a request costs in memory while it waits, beside the caller's own data.
//!
//! A hundred thousand requests wait for a core that is blocked. An allocator that counts blocks by
//! size says what they hold: small blocks are a request's own, large ones are the tables that all
//! of them share. The future of the body, with the payload that it captured, is the caller's data;
//! the handle is counted although the caller holds it.
//!
//! ```console
//! $ cargo bench -p millicore --bench memory
//! ```
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark tells its figures to a person, and stops where it cannot go on"
)]

#[path = "memory/allocator.rs"]
mod allocator;
mod measure;

use allocator::{Census, Counting};
use measure::{Report, Table, bar};
use millicore::{Cpu, CpuLimit, Executor, Handle, Policy, Request};
use millicore_sim::POLICIES;
use std::num::NonZeroUsize;
use std::sync::mpsc::channel;
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: Counting = Counting::new();

const REQUESTS: i64 = 100_000;
const MOST_BYTES: f64 = 768.0;

fn main() {
    let report = Report::open("One waiting request, in bytes asked of the allocator");
    let payloads = [Payload::of::<0>(), Payload::of::<256>()];
    let mut table = Table::new([
        "policy",
        "payload",
        "own",
        "tables",
        "handle",
        "in all",
        "body",
        "beside it",
        "bar",
        "",
    ]);
    for definition in POLICIES {
        let policy: Policy = definition.name.parse().expect("it is in the list");
        for payload in &payloads {
            table.row(wait(policy, payload).row(definition.name, payload));
        }
    }
    report.show(&format!("{REQUESTS} requests wait for one core"), &table);
    for payload in &payloads {
        let heading = format!(
            "The blocks of its own, with a payload of {} bytes",
            payload.bytes
        );
        report.show(&heading, &wait(Policy::fair(), payload).blocks());
    }
    report.close();
}

/// A body that captures so many bytes and opens one loop.
struct Payload {
    bytes: usize,
    /// The size of its future.
    future_bytes: fn(Cpu) -> usize,
    submit: fn(&Executor) -> Handle<u64>,
}

impl Payload {
    fn of<const BYTES: usize>() -> Self {
        Self {
            bytes: BYTES,
            future_bytes: |cpu| size_of_val(&body([1; BYTES], cpu)),
            submit: |executor| {
                let request = Request::new().size(Duration::from_millis(1));
                executor.submit(request, |cpu| body([1; BYTES], cpu))
            },
        }
    }
}

async fn body<const BYTES: usize>(payload: [u8; BYTES], cpu: Cpu) -> u64 {
    let sum = move |range: std::ops::Range<u64>| {
        range.sum::<u64>() + payload.iter().map(|&byte| u64::from(byte)).sum::<u64>()
    };
    cpu.map_reduce(0..1_000_u64, sum, |a, b| a + b).await
}

/// Lets many requests wait behind one that blocks the only core, and counts what they hold.
fn wait(policy: Policy, payload: &Payload) -> Waiting {
    let executor = Executor::builder()
        .policy(policy)
        .cores(NonZeroUsize::MIN)
        .cpu_limit(CpuLimit::Unlimited)
        .build()
        .expect("one worker starts");
    let (blocked, is_blocked) = channel();
    let (release, released) = channel::<()>();
    let future_bytes = payload.future_bytes;
    let request = Request::new().size(Duration::from_millis(1));
    let blocker = executor.submit(request, move |cpu| async move {
        blocked.send(future_bytes(cpu)).expect("it is waited for");
        // Until the sender is dropped.
        let _ = released.recv();
    });
    let future_bytes = is_blocked.recv().expect("the blocker starts");
    let count = usize::try_from(REQUESTS).unwrap_or(0);
    let mut handles = Vec::with_capacity(count);
    let before = ALLOCATOR.census();
    handles.extend((0..count).map(|_| (payload.submit)(&executor)));
    let held = ALLOCATOR.census().since(&before);
    assert_eq!(executor.metrics().live, count + 1, "somebody did not wait");
    drop(release);
    blocker.wait().expect("the blocker ends");
    Waiting { held, future_bytes }
}

/// What many waiting requests hold.
struct Waiting {
    held: Census,
    future_bytes: usize,
}

impl Waiting {
    fn row(&self, policy: &str, payload: &Payload) -> Vec<String> {
        let tables = per_request(self.held.large_bytes);
        let own = per_request(self.held.bytes()) - tables;
        let handle = size_of::<Handle<u64>>() as f64;
        let in_all = own + tables + handle;
        let body = self.future_bytes as f64;
        let mut cells = vec![policy.to_owned(), payload.bytes.to_string()];
        let figures = [own, tables, handle, in_all, body, in_all - body];
        cells.extend(figures.map(|bytes| format!("{bytes:.0}")));
        cells.extend(bar(
            &format!("<= {MOST_BYTES:.0}"),
            in_all - body <= MOST_BYTES,
        ));
        cells
    }

    fn blocks(&self) -> Table {
        let mut table = Table::new(["", "a request"]);
        for (size, blocks) in (0_i64..).zip(self.held.blocks) {
            if per_request(size * blocks) >= 0.5 {
                let each = format!("{:.2}", per_request(blocks));
                table.row([format!("blocks of {size} bytes"), each]);
            }
        }
        table
    }
}

fn per_request(amount: i64) -> f64 {
    amount as f64 / REQUESTS as f64
}
