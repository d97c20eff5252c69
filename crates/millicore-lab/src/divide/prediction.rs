//! What the simulator and theory say a plan will come to.

use crate::divide::plan::Plan;
use millicore::{Policy, Width};
use millicore_sim::closed_form::batch_mean;
use millicore_sim::statistics::Summary;
use millicore_sim::{SimulateError, Workload, simulate};

/// What is expected of one policy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    /// The mean response time on the simulated machine, in nanoseconds. Its slices are those of
    /// the executor, and so is its CPU limit.
    pub mean_ns: f64,
    /// When the last request completes there, in nanoseconds.
    pub makespan_ns: u64,
    /// The mean response time by theory, in nanoseconds, where it knows one. Under a CPU limit all
    /// cores are slower by the same factor, which is theory as long as all of them are busy.
    pub closed_form_mean_ns: Option<f64>,
}

impl Prediction {
    /// Predicts the requests of the plan under one of its policies.
    ///
    /// # Errors
    ///
    /// Says why they cannot be simulated.
    pub fn new(plan: &Plan, policy: Policy) -> Result<Self, SimulateError> {
        let sizes_ns = vec![plan.size_ns; plan.requests];
        let workload = Workload::batch(&sizes_ns);
        let schedule = simulate(&workload, &plan.setup(policy))?;
        let summary = Summary::new(&workload, &schedule);
        Ok(Self {
            mean_ns: summary.mean_response_ns.unwrap_or(0.0),
            makespan_ns: summary.makespan_ns.unwrap_or(0),
            closed_form_mean_ns: in_theory_ns(plan, policy, &sizes_ns),
        })
    }
}

fn in_theory_ns(plan: &Plan, policy: Policy, sizes_ns: &[u64]) -> Option<f64> {
    let cores = plan.cores.get();
    let mean_ns = batch_mean(&policy, sizes_ns, cores)?;
    let slowdown = plan.slowdown();
    // Where a core is left without a request, the others have its part of the limit.
    let all_are_busy = policy.width() == Width::All || sizes_ns.len().is_multiple_of(cores);
    (all_are_busy || slowdown <= 1.0).then_some(mean_ns * slowdown)
}

/// Predicts every policy of the plan, in its order.
///
/// # Errors
///
/// As [`Prediction::new`].
pub fn predict(plan: &Plan) -> Result<Vec<Prediction>, SimulateError> {
    let policies = plan.policies.iter();
    policies
        .map(|&policy| Prediction::new(plan, policy))
        .collect()
}

/// How long the run will take, in nanoseconds, if the machine has nothing else to do.
#[must_use]
pub fn run_time_ns(plan: &Plan, predictions: &[Prediction]) -> u64 {
    let one_repeat_ns = predictions
        .iter()
        .map(|prediction| prediction.makespan_ns)
        .fold(0, u64::saturating_add);
    one_repeat_ns.saturating_mul(plan.repeats as u64)
}

#[cfg(test)]
mod tests {
    use super::{Prediction, predict, run_time_ns};
    use crate::divide::{Plan, Wishes};
    use millicore_quota::ProcessLimit;
    use millicore_sim::LimitSpec;
    use std::num::NonZeroUsize;

    fn plan() -> Plan {
        let process = ProcessLimit {
            group: None,
            affinity_cores: NonZeroUsize::new(2).unwrap(),
            warnings: Vec::new(),
        };
        Plan::new(&Wishes::default(), &process).unwrap()
    }

    fn check(plan: &Plan, policy: &str, mean_s: f64, closed_form_mean_s: Option<f64>) {
        let prediction = Prediction::new(plan, policy.parse().unwrap()).unwrap();
        let expected = (mean_s * 1e9, closed_form_mean_s.map(|mean_s| mean_s * 1e9));
        assert_eq!(
            (prediction.mean_ns, prediction.closed_form_mean_ns),
            expected,
            "{policy}"
        );
    }

    #[test]
    fn four_requests_of_a_second_on_two_cores() {
        check(&plan(), "fifo", 1.5, Some(1.5));
        check(&plan(), "fair", 1.999, Some(2.0));
        check(&plan(), "focus", 1.25, Some(1.25));
        check(&plan(), "srpt/one", 1.5, None);
    }

    #[test]
    fn a_limit_of_one_core_halves_the_speed() {
        let limited = Plan {
            capacity: "1000m".parse().unwrap(),
            pace: Some(LimitSpec::TokenBucket {
                rate_millicores: 1000,
                burst_ns: 1,
            }),
            ..plan()
        };
        let focus = "focus".parse().unwrap();
        let prediction = Prediction::new(&limited, focus).unwrap();
        let twice_ns = 2.0 * 1.25e9;
        assert_eq!(prediction.closed_form_mean_ns, Some(twice_ns));
        assert!((prediction.mean_ns - twice_ns).abs() < 0.005 * twice_ns);
        let odd = Plan {
            requests: 5,
            ..limited
        };
        let in_theory = |policy: &str| {
            let prediction = Prediction::new(&odd, policy.parse().unwrap()).unwrap();
            prediction.closed_form_mean_ns
        };
        // The fifth has a core to itself, and with it the limit of both.
        assert_eq!(in_theory("fifo"), None);
        assert_eq!(in_theory("focus"), Some(3e9));
    }

    #[test]
    fn on_one_core_the_order_alone_decides() {
        let wishes = Wishes {
            size: "250ms".to_owned(),
            cpu: Some("500m".to_owned()),
            ..Wishes::default()
        };
        let process = ProcessLimit {
            group: None,
            affinity_cores: NonZeroUsize::new(2).unwrap(),
            warnings: Vec::new(),
        };
        let half = Plan::new(&wishes, &process).unwrap();
        assert_eq!(half.cores.get(), 1);
        for (policy, mean_s) in [("fifo", 1.25), ("fair", 2.0), ("focus", 1.25)] {
            let prediction = Prediction::new(&half, policy.parse().unwrap()).unwrap();
            assert_eq!(prediction.closed_form_mean_ns, Some(mean_s * 1e9));
            // The executor stays a little below the limit.
            let above = prediction.mean_ns / (mean_s * 1e9);
            assert!((0.98..1.04).contains(&above), "{policy}: {above}");
        }
    }

    #[test]
    fn the_run_takes_the_makespans_of_all_rounds() {
        let predictions = predict(&plan()).unwrap();
        assert_eq!(predictions.len(), 3);
        assert_eq!(run_time_ns(&plan(), &predictions), 3 * 3 * 2_000_000_000);
    }
}
