//! What holds on every schedule, whichever the policy: seen in the record of its chunks.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod record;
mod relations;

use millicore_sim::setup::parse_limit;
use millicore_sim::statistics::littles_law;
use millicore_sim::{LimitSpec, Request, Setup, Workload};
use proptest::prelude::*;
use record::{Chunk, Record};
use std::num::NonZeroU32;

/// Every policy with its own width, and some with another.
const POLICIES: [&str; 13] = [
    "fifo", "fair", "focus", "sjf", "srpt", "las", "edf", "hesrpt", "hesrpt:5", "srpt/one",
    "focus/2", "fair/3", "las/kept",
];

fn any_policy() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&POLICIES)
}

fn any_request() -> impl Strategy<Value = Request> {
    (
        0..60_u64,
        1..40_u64,
        -1..2_i32,
        1..5_u32,
        prop::option::weighted(0.2, 1..4_u32),
    )
        .prop_map(
            |(arrival_ns, size_ns, priority, weight, max_cores)| Request {
                priority,
                weight,
                max_cores: max_cores.and_then(NonZeroU32::new),
                deadline_ns: (weight > 2).then_some(arrival_ns + 2 * size_ns),
                ..Request::new(0, arrival_ns, size_ns)
            },
        )
}

fn any_workload() -> impl Strategy<Value = Workload> {
    prop::collection::vec(any_request(), 1..25).prop_map(numbered)
}

/// The same requests, with the ids 1, 2, 3 and so on.
fn numbered(mut requests: Vec<Request>) -> Workload {
    for (id, request) in (1..).zip(&mut requests) {
        request.id = id;
    }
    requests.into_iter().collect()
}

fn any_setup() -> impl Strategy<Value = Setup> {
    (any_policy(), 1..6_usize, 1..12_u64, 0..3_u64).prop_map(
        |(policy, cores, chunk_ns, overhead_ns)| Setup {
            chunk_ns,
            overhead_ns,
            ..Setup::new(policy.parse().unwrap(), cores)
        },
    )
}

/// How many chunks of a request may be in flight.
fn width(setup: &Setup, request: &Request) -> usize {
    let own = request
        .max_cores
        .map_or(usize::MAX, |cores| cores.get() as usize);
    match setup.policy.width().to_string().as_str() {
        "kept" | "one" => 1,
        "all" => own,
        number => own.min(number.parse().unwrap()),
    }
}

proptest! {
    #[test]
    fn no_chunk_is_lost_or_doubled(
        mut workload in any_workload(),
        setup in any_setup(),
        cancels in prop::collection::vec(prop::option::weighted(0.3, 0..120_u64), 25),
    ) {
        for (request, cancel_ns) in workload.requests.iter_mut().zip(cancels) {
            request.cancel_ns = cancel_ns;
        }
        let record = Record::of(&workload, &setup);
        for (index, request) in workload.requests.iter().enumerate() {
            let chunks: Vec<&Chunk> = record.chunks_of(index).collect();
            let dispatched_ns: u64 = chunks.iter().map(|chunk| chunk.cost_ns).sum();
            let completion_ns = record.schedule.completion_ns(index);
            match completion_ns {
                Some(_) => prop_assert_eq!(dispatched_ns, request.size_ns),
                None => prop_assert!(request.cancel_ns.is_some()),
            }
            let last_end_ns = chunks.iter().map(|chunk| chunk.end_ns).max();
            prop_assert!(completion_ns.is_none() || completion_ns == last_end_ns);
            for (number, chunk) in chunks.iter().enumerate() {
                let is_last = number + 1 == chunks.len();
                prop_assert!(chunk.cost_ns == setup.chunk_ns || is_last);
                prop_assert!(chunk.start_ns >= request.arrival_ns);
                prop_assert!(request.cancel_ns.is_none_or(|cancel_ns| chunk.start_ns < cancel_ns));
                let at_once = chunks.iter().filter(|other| other.runs_at(chunk.start_ns)).count();
                prop_assert!(at_once <= width(&setup, request));
            }
        }
        for core in 0..setup.cores {
            let on_core: Vec<&Chunk> = record.chunks.iter().filter(|it| it.core == core).collect();
            prop_assert!(on_core.is_sorted_by(|a, b| a.end_ns <= b.start_ns));
        }
    }

    #[test]
    fn no_core_idles_beside_a_request_that_could_use_it(
        workload in any_workload(), setup in any_setup(),
    ) {
        let record = Record::of(&workload, &setup);
        for now_ns in record.instants() {
            let running: Vec<&Chunk> =
                record.chunks.iter().filter(|chunk| chunk.runs_at(now_ns)).collect();
            if running.len() == setup.cores {
                continue;
            }
            for (index, request) in workload.requests.iter().enumerate() {
                let started = record.chunks_of(index).filter(|chunk| chunk.start_ns <= now_ns);
                let dispatched_ns: u64 = started.map(|chunk| chunk.cost_ns).sum();
                let could_start = request.arrival_ns <= now_ns && dispatched_ns < request.size_ns;
                let in_flight = running.iter().filter(|chunk| chunk.index == index).count();
                prop_assert!(
                    !could_start || in_flight == width(&setup, request),
                    "request {} waits at {now_ns} ns beside an idle core", request.id
                );
            }
        }
    }

    #[test]
    fn littles_law_holds_to_the_nanosecond(workload in any_workload(), setup in any_setup()) {
        let law = littles_law(&workload, &Record::of(&workload, &setup).schedule);
        prop_assert_eq!(law.area, law.sum_response_ns);
    }

    #[test]
    fn a_limit_is_never_exceeded_by_more_than_a_chunk(
        workload in any_workload(),
        setup in any_setup(),
        millicores in prop::sample::select(vec![130_u64, 250, 400, 900, 1500]),
        length_ns in 8..40_u64,
        is_bucket in any::<bool>(),
    ) {
        let sign = if is_bucket { '+' } else { '/' };
        let limit = parse_limit(&format!("{millicores}m{sign}{length_ns}ns")).unwrap();
        let limited = Setup { machine_limit: Some(limit), ..setup };
        let record = Record::of(&workload, &limited);
        // In thousandths of a nanosecond. From any start on, what has been dispatched before a
        // later start is less than what may be there at once and what has come in since.
        for (number, first) in record.chunks.iter().enumerate() {
            let mut dispatched = 0;
            for chunk in &record.chunks[number..] {
                let granted = match limit {
                    LimitSpec::Bandwidth { quota_ns, period_ns } => {
                        let periods = chunk.start_ns / period_ns - first.start_ns / period_ns;
                        (1 + periods) * quota_ns * 1000
                    }
                    LimitSpec::TokenBucket { rate_millicores, burst_ns } => {
                        burst_ns * 1000 + (chunk.start_ns - first.start_ns) * rate_millicores
                    }
                    other => panic!("{other:?} is not one of the two"),
                };
                prop_assert!(dispatched < granted, "{dispatched} of {granted} at {chunk:?}");
                dispatched += chunk.cost_ns * 1000;
            }
        }
    }

    #[test]
    fn ageing_bounds_every_wait(
        workload in any_workload(),
        setup in any_setup().prop_filter("kept cores wait for nobody", |setup| {
            setup.policy.width().to_string() != "kept"
        }),
        patience_ns in 0..50_u64,
    ) {
        let mut workload = workload;
        for request in &mut workload.requests {
            request.max_cores = None;
        }
        // While one waits past the bound, every other starts at most one chunk before it, if the
        // bound is longer than all those chunks take; and the running ones end.
        let chunk_ns = setup.chunk_ns + setup.overhead_ns;
        let round_ns = chunk_ns * (workload.requests.len() as u64 + 1);
        let setup = Setup { ageing_ns: Some(round_ns + patience_ns), ..setup };
        let record = Record::of(&workload, &setup);
        for (index, request) in workload.requests.iter().enumerate() {
            let mut since_ns = request.arrival_ns;
            for chunk in record.chunks_of(index) {
                let waited_ns = chunk.start_ns - since_ns;
                prop_assert!(waited_ns <= 2 * round_ns + patience_ns, "{waited_ns} at {chunk:?}");
                since_ns = chunk.start_ns;
            }
        }
    }

    /// Start-time fair queueing: between two requests that both wait, whatever the interval, work
    /// by weight differs by no more than a chunk of each.
    #[test]
    fn fair_shares_differ_by_a_chunk_of_each(
        workload in any_workload(), cores in 1..6_usize, chunk_ns in 1..12_u64,
    ) {
        let mut workload = workload;
        for request in &mut workload.requests {
            (request.priority, request.max_cores) = (0, None);
        }
        let setup = Setup { chunk_ns, ..Setup::new("fair".parse().unwrap(), cores) };
        let record = Record::of(&workload, &setup);
        let last_start_ns = |index: usize| record.chunks_of(index).last().unwrap().start_ns;
        for (a, one) in workload.requests.iter().enumerate() {
            for (b, other) in workload.requests.iter().enumerate().skip(a + 1) {
                let from_ns = one.arrival_ns.max(other.arrival_ns);
                let to_ns = last_start_ns(a).min(last_start_ns(b));
                let both_wait = |chunk: &&Chunk| (from_ns..to_ns).contains(&chunk.start_ns);
                // The difference in work by weight, times both weights.
                let (mut difference, mut least, mut most) = (0_i64, 0, 0);
                for chunk in record.chunks.iter().filter(both_wait) {
                    let cost = i64::try_from(chunk.cost_ns).unwrap();
                    match chunk.index {
                        index if index == a => difference += cost * i64::from(other.weight),
                        index if index == b => difference -= cost * i64::from(one.weight),
                        _ => continue,
                    }
                    least = difference.min(least);
                    most = difference.max(most);
                }
                let bound = chunk_ns * u64::from(one.weight + other.weight);
                prop_assert!(most.abs_diff(least) <= bound, "requests {} and {}", one.id, other.id);
            }
        }
    }
}
