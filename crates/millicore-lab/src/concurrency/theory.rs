//! What must come out: by arithmetic, and for what computes by the simulator as well.

use crate::concurrency::contender::{Contender, Part, PartKind};
use crate::concurrency::plan::Plan;
use crate::divide::SLICE_NS;
use millicore::{CpuLimit, Policy, Width};
use millicore_quota::{Bandwidth, ProcessLimit};
use millicore_server::model::ConcurrencyModel;
use millicore_sim::closed_form::batch_mean;
use millicore_sim::duration::MILLISECOND_NS;
use millicore_sim::statistics::Summary;
use millicore_sim::{Kernel, LimitSpec, Setup, SimulateError, Workload, simulate};
use std::time::Duration;

/// What is expected of a contender, were nothing else on the machine and nothing but the requests
/// took time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Theory {
    /// The mean response time in nanoseconds, where there is a formula. A CPU limit makes what
    /// computes slower in proportion, as if it had no periods.
    pub mean_ns: Option<f64>,
    /// When the last response comes, in nanoseconds, where there is a formula.
    pub last_ns: Option<f64>,
    /// The mean response time on the simulated machine, in nanoseconds: of what computes only.
    pub predicted_mean_ns: Option<f64>,
}

impl Theory {
    /// What is expected of this contender of the plan.
    ///
    /// # Errors
    ///
    /// Says why it cannot be simulated.
    pub fn new(plan: &Plan, part: Part, contender: Contender) -> Result<Self, SimulateError> {
        let blocks = contender.model != ConcurrencyModel::Scheduled;
        let sizes_ns = vec![part.length_ns(); plan.requests];
        let (mean_ns, last_ns) = match (part.kind, contender.policy) {
            (PartKind::Spin, Some(policy)) => closed_form(policy, &sizes_ns, plan),
            (kind, _) => {
                let cores = match kind {
                    // Who waits needs no core.
                    PartKind::Sleep => plan.requests as f64,
                    PartKind::Spin => plan.capacity_in_cores(),
                };
                let slots = contender.slots(plan.requests);
                let (mean, last) = in_slots(plan.requests, slots, cores);
                let length_ns = part.length_ns() as f64;
                (Some(mean * length_ns), Some(last * length_ns))
            }
        };
        let setup = match (part.kind, contender.policy) {
            (PartKind::Sleep, _) => None,
            (PartKind::Spin, Some(policy)) => Some(Setup {
                chunk_ns: SLICE_NS,
                machine_limit: pace(plan),
                ..Setup::new(policy, plan.cores.get())
            }),
            (PartKind::Spin, None) if blocks => left_to_the_kernel(plan, part, contender),
            (PartKind::Spin, None) => None,
        };
        let predicted = setup.map(|setup| simulated_mean_ns(&sizes_ns, &setup));
        Ok(Self {
            mean_ns,
            last_ns,
            predicted_mean_ns: predicted.transpose()?.flatten(),
        })
    }
}

/// The mean and the last response time of a blocking model, in lengths of a request: batches of as
/// many as there are slots, one after the other, each of which shares the cores equally. With a
/// core for every slot that is first come, first served; with a slot for every request, the
/// kernel's fair share.
fn in_slots(requests: usize, slots: usize, cores: f64) -> (f64, f64) {
    let (mut left, mut end, mut sum) = (requests, 0.0, 0.0);
    while left > 0 {
        let batch = left.min(slots);
        end += (batch as f64 / cores).max(1.0);
        sum += batch as f64 * end;
        left -= batch;
    }
    (sum / requests as f64, end)
}

/// What `scheduled` holds itself to.
fn pace(plan: &Plan) -> Option<LimitSpec> {
    let limit = plan.is_held_back().then_some(plan.capacity)?;
    // The same for every process: it is the limit that counts.
    CpuLimit::AtMost(limit).pace(&ProcessLimit {
        group: None,
        affinity_cores: plan.cores,
        warnings: Vec::new(),
    })
}

/// The mean and the last response time under a policy.
fn closed_form(policy: Policy, sizes_ns: &[u64], plan: &Plan) -> (Option<f64>, Option<f64>) {
    let (requests, cores) = (sizes_ns.len(), plan.cores.get());
    let slowdown = cores as f64 / plan.capacity_in_cores();
    // Where a core is left without a request, the others have its part of the limit.
    let all_are_busy = policy.width() == Width::All || requests.is_multiple_of(cores);
    if plan.is_held_back() && !all_are_busy {
        return (None, None);
    }
    let mean_ns = batch_mean(&policy, sizes_ns, cores).map(|mean_ns| mean_ns * slowdown);
    let Some(&size_ns) = sizes_ns.first() else {
        return (mean_ns, None);
    };
    let lengths = match policy.width() {
        Width::All => Some(requests as f64 / cores as f64),
        Width::Kept => Some(requests.div_ceil(cores) as f64),
        _ => None,
    };
    let last_ns = lengths.map(|lengths| lengths * size_ns as f64 * slowdown);
    (mean_ns, last_ns)
}

/// What a kernel does with slots that compute: each is a thread of a group, whose quota it keeps.
/// Nothing where there are more of them than cores and fewer than requests, because then two things
/// decide: who has a slot and who has a core.
fn left_to_the_kernel(plan: &Plan, part: Part, contender: Contender) -> Option<Setup> {
    let (slots, cores) = (contender.slots(plan.requests), plan.cores.get());
    if slots > cores && slots != plan.requests {
        return None;
    }
    let mut kernel = Kernel::new(cores);
    if plan.is_held_back() {
        let bandwidth = Bandwidth::of(plan.capacity);
        let [quota_ns, period_ns] = [bandwidth.quota(), bandwidth.period()].map(nanoseconds);
        kernel = kernel.with_quota(quota_ns, period_ns);
    }
    Some(Setup {
        chunk_ns: part.length_ns(),
        kernel: Some(kernel),
        ..Setup::new(Policy::fifo(), slots)
    })
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn simulated_mean_ns(sizes_ns: &[u64], setup: &Setup) -> Result<Option<f64>, SimulateError> {
    let workload = Workload::batch(sizes_ns);
    let schedule = simulate(&workload, setup)?;
    Ok(Summary::new(&workload, &schedule).mean_response_ns)
}

/// How long a plan takes, in nanoseconds, on a machine that has nothing else to do: what all
/// contenders together need, and a moment for each to start and stop.
#[must_use]
pub fn run_time_ns(plan: &Plan) -> u64 {
    const TO_START_AND_STOP_NS: u64 = 50 * MILLISECOND_NS;
    let of_part = |part: &Part| -> u64 {
        let contenders = plan.contenders(part.kind);
        let one = |contender: &Contender| TO_START_AND_STOP_NS + last_ns(plan, *part, *contender);
        contenders.iter().map(one).sum()
    };
    let once: u64 = plan.parts.iter().map(of_part).sum();
    once.saturating_mul(plan.repeats as u64)
}

/// When the last response should come at the latest, on a machine that has nothing else to do.
pub(super) fn last_ns(plan: &Plan, part: Part, contender: Contender) -> u64 {
    let batches = match (part.kind, contender.model) {
        (PartKind::Sleep, _) | (PartKind::Spin, ConcurrencyModel::Sync) => {
            plan.requests.div_ceil(contender.slots(plan.requests))
        }
        (PartKind::Spin, _) => {
            let slots = contender.slots(plan.requests).min(plan.cores.get());
            plan.requests.div_ceil(slots)
        }
    };
    let whole_ns = part.length_ns().saturating_mul(batches as u64);
    match part.kind {
        PartKind::Spin if plan.is_held_back() => {
            let all_ns = part.length_ns().saturating_mul(plan.requests as u64);
            let limited_ns = all_ns.saturating_mul(1000) / u64::from(plan.capacity.get());
            whole_ns.max(limited_ns)
        }
        _ => whole_ns,
    }
}

#[cfg(test)]
mod tests {
    use super::{Theory, in_slots, run_time_ns};
    use crate::concurrency::contender::PartKind::{self, Sleep, Spin};
    use crate::concurrency::{Plan, Wishes};
    use millicore_quota::ProcessLimit;
    use std::num::NonZeroUsize;

    /// Ten requests of a second on two cores, as in the article.
    fn plan() -> Plan {
        let process = ProcessLimit {
            group: None,
            affinity_cores: NonZeroUsize::new(2).unwrap(),
            warnings: Vec::new(),
        };
        let wishes = Wishes {
            workers: Some("2,3,10".to_owned()),
            policy: "fifo,fair,focus,srpt/one".to_owned(),
            ..Wishes::default()
        };
        Plan::new(&wishes, &process).unwrap()
    }

    /// Mean and last response time, and the predicted mean, in seconds.
    #[track_caller]
    fn check(kind: PartKind, name: &str, expected: [Option<f64>; 3]) {
        let plan = plan();
        let part = *plan.parts.iter().find(|part| part.kind == kind).unwrap();
        let mut contenders = plan.contenders(kind).into_iter();
        let contender = contenders.find(|it| it.to_string() == name).unwrap();
        let theory = Theory::new(&plan, part, contender).unwrap();
        let seconds = [theory.mean_ns, theory.last_ns, theory.predicted_mean_ns];
        // Slices make the simulator's share a little less than equal.
        let rounded = |ns: Option<f64>| ns.map(|ns| (ns / 1e7).round() / 100.0);
        assert_eq!(seconds.map(rounded), expected, "{name}");
    }

    #[test]
    fn ten_seconds_in_a_row_or_one_at_once() {
        check(Sleep, "sync", [Some(5.5), Some(10.0), None]);
        for name in ["threads", "forks", "prefork 10", "scheduled"] {
            check(Sleep, name, [Some(1.0), Some(1.0), None]);
        }
        check(Sleep, "prefork 2", [Some(3.0), Some(5.0), None]);
        check(Sleep, "prefork 3", [Some(2.2), Some(4.0), None]);
    }

    #[test]
    fn ten_seconds_of_computing_on_two_cores() {
        check(Spin, "sync", [Some(5.5), Some(10.0), Some(5.5)]);
        for name in ["threads", "forks", "prefork 10"] {
            check(Spin, name, [Some(5.0), Some(5.0), Some(4.99)]);
        }
        check(Spin, "prefork 2", [Some(3.0), Some(5.0), Some(3.0)]);
        // 1.5 s for each three, and a second for the tenth, which has one core.
        check(Spin, "prefork 3", [Some(3.25), Some(5.5), None]);
        check(Spin, "scheduled fifo", [Some(3.0), Some(5.0), Some(3.0)]);
        check(Spin, "scheduled fair", [Some(5.0), Some(5.0), Some(5.0)]);
        check(Spin, "scheduled focus", [Some(2.75), Some(5.0), Some(2.75)]);
        check(Spin, "scheduled srpt/one", [None, None, Some(3.0)]);
    }

    #[test]
    fn more_slots_than_requests_and_more_cores_than_slots_stay_idle() {
        assert_eq!(in_slots(3, 3, 8.0), (1.0, 1.0));
        assert_eq!(in_slots(1, 1, 1.0), (1.0, 1.0));
    }

    #[test]
    fn a_cpu_limit_slows_down_what_computes() {
        let limited = Plan {
            capacity: "500m".parse().unwrap(),
            cores: NonZeroUsize::MIN,
            ..plan()
        };
        let [sleep, spin] = *limited.parts else {
            panic!("two parts");
        };
        let check = |part: super::Part, name: &str, mean_s: f64, last_s: f64| {
            let mut contenders = limited.contenders(part.kind).into_iter();
            let contender = contenders.find(|it| it.to_string() == name).unwrap();
            let theory = Theory::new(&limited, part, contender).unwrap();
            let seconds = [theory.mean_ns, theory.last_ns].map(|ns| ns.map(|ns| ns / 1e9));
            assert_eq!(seconds, [Some(mean_s), Some(last_s)], "{name}");
            // Periods, and what the executor leaves unused, make little difference over seconds.
            let predicted_s = theory.predicted_mean_ns.map(|ns| ns / 1e9);
            let is_near = |predicted_s: f64| (predicted_s / mean_s - 1.0).abs() < 0.04;
            let is_computed = part.kind == Spin;
            assert_eq!(
                predicted_s.map(is_near),
                is_computed.then_some(true),
                "{name}"
            );
        };
        check(sleep, "sync", 5.5, 10.0);
        check(spin, "sync", 11.0, 20.0);
        check(spin, "threads", 20.0, 20.0);
        check(spin, "scheduled fifo", 11.0, 20.0);
        check(spin, "scheduled fair", 20.0, 20.0);
        check(spin, "scheduled focus", 11.0, 20.0);
    }

    #[test]
    fn the_experiment_of_the_article_takes_about_a_minute() {
        let by_default = Plan::new(
            &Wishes::default(),
            &ProcessLimit {
                group: None,
                affinity_cores: NonZeroUsize::new(2).unwrap(),
                warnings: Vec::new(),
            },
        );
        let seconds = run_time_ns(&by_default.unwrap()) / 1_000_000_000;
        assert!((60..70).contains(&seconds), "{seconds}");
    }
}
