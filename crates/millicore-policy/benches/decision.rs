//! How long one decision takes: `pick` with its charge, and the `end_slice` that precedes the next.
//!
//! Every call is timed alone, between two readings of the clock; what an empty pair of readings
//! takes (its median) is subtracted from every sample. Warm: decisions follow one another. Cold: 2 MiB are
//! touched before each. Sizes, weights and deadlines are random, slices use a random part of their
//! plan, and a finished request is replaced by a new one, untimed: so the heap really moves.
//!
//! ```console
//! $ cargo bench -p millicore-policy --bench decision            # everything
//! $ cargo bench -p millicore-policy --bench decision -- fair    # one policy
//! ```
#![expect(
    clippy::print_stdout,
    reason = "a benchmark tells its figures to a person"
)]

#[path = "decision/clock.rs"]
mod clock;
#[path = "decision/crowd.rs"]
mod crowd;
#[path = "decision/machine.rs"]
mod machine;

use clock::{Clock, Percentiles};
use crowd::{Crowd, Weights};
use millicore_policy::Policy;
use millicore_policy::policies::ALL;

const CROWDS: [usize; 2] = [1_000, 1_000_000];
const WARM_UP: usize = 300_000;
const WARM_SAMPLES: usize = 200_000;
const COLD_SAMPLES: usize = 5_000;
const BAR_P50_NS: u64 = 500;
const BAR_P99_NS: u64 = 2_000;

fn main() {
    let wanted = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with('-'));
    let mut clock = Clock::calibrated();
    println!("{}", machine::description());
    println!(
        "clock: an empty pair of readings takes {} ns, subtracted",
        clock.overhead_ns()
    );
    println!(
        "bars: pick warm p50 <= {BAR_P50_NS} ns, p99 <= {BAR_P99_NS} ns; ratios are measured / bar\n"
    );
    println!(
        "{:<22}{:>9} {:>6} {:>15} {:>11} {:>15} {:>15}",
        "policy", "live", "ageing", "pick p50/p99 ns", "ratio", "end p50/p99 ns", "cold pick"
    );
    for (label, policy, weights) in policies() {
        if wanted
            .as_ref()
            .is_some_and(|wanted| !label.contains(wanted.as_str()))
        {
            continue;
        }
        for live in CROWDS {
            for ageing_ns in [None, Some(crowd::AGEING_NS)] {
                let crowd = Crowd::new(policy, live, ageing_ns, weights);
                let row = measure(crowd, &mut clock);
                let ageing = if ageing_ns.is_some() { "on" } else { "off" };
                println!("{label:<22}{live:>9} {ageing:>6} {row}");
            }
        }
    }
}

fn policies() -> Vec<(String, Policy, Weights)> {
    let mut rows = Vec::new();
    for definition in ALL {
        let Ok(policy) = definition.name.parse::<Policy>() else {
            continue;
        };
        if definition.name == "fair" {
            rows.push(("fair, equal weights".to_owned(), policy, Weights::Equal));
            rows.push(("fair, random weights".to_owned(), policy, Weights::Random));
        } else {
            rows.push((definition.name.to_owned(), policy, Weights::Random));
        }
    }
    rows
}

fn measure(mut crowd: Crowd, clock: &mut Clock) -> String {
    for _ in 0..WARM_UP {
        crowd.turn();
        crowd.end_slice();
        crowd.refill();
        crowd.pick();
    }
    let (mut ends, mut picks) = (Vec::new(), Vec::new());
    for _ in 0..WARM_SAMPLES {
        crowd.turn();
        ends.push(clock.time(|| crowd.end_slice()));
        crowd.refill();
        picks.push(clock.time(|| crowd.pick()));
    }
    let mut cold_picks = Vec::new();
    for _ in 0..COLD_SAMPLES {
        crowd.turn();
        crowd.end_slice();
        crowd.refill();
        clock.touch_cache();
        cold_picks.push(clock.time(|| crowd.pick()));
    }
    let pick = Percentiles::of(picks);
    let ratio = format!(
        "{:.2}/{:.2}",
        pick.of_p50(BAR_P50_NS),
        pick.of_p99(BAR_P99_NS)
    );
    let (end, cold) = (Percentiles::of(ends), Percentiles::of(cold_picks));
    format!("{pick:>15} {ratio:>11} {end:>15} {cold:>15}")
}
