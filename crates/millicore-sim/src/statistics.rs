//! Statistics of a schedule: response times, slowdowns, Little's law, standard errors.
//!
//! Sums and percentiles are exact, in whole nanoseconds; means are fractions of them.

mod estimate;

pub use estimate::{Estimate, after_warm_up, batch_means};

use crate::machine::Schedule;
use crate::workload::Workload;

/// What a schedule amounts to, over the requests that completed.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// How many completed.
    pub completed: usize,
    /// How many were cancelled.
    pub cancelled: usize,
    /// The mean response time in nanoseconds, if any completed.
    pub mean_response_ns: Option<f64>,
    /// The sum of the response times in nanoseconds.
    pub sum_response_ns: u128,
    /// The last completion on the clock that starts at 0, if any completed.
    pub makespan_ns: Option<u64>,
    /// The mean of response time / size, if any completed.
    pub mean_slowdown: Option<f64>,
    /// The greatest response time / size, if any completed.
    pub max_slowdown: Option<f64>,
    /// Response times in ascending order, for [`percentile`].
    pub sorted_responses_ns: Vec<u64>,
}

impl Summary {
    /// Sums up a schedule of this workload.
    #[must_use]
    pub fn new(workload: &Workload, schedule: &Schedule) -> Self {
        let mut responses_ns: Vec<u64> = Vec::with_capacity(workload.requests.len());
        let mut slowdown_sum = 0.0;
        let mut max_slowdown: Option<f64> = None;
        for (request, response_ns) in workload.requests.iter().zip(responses(workload, schedule)) {
            let Some(response_ns) = response_ns else {
                continue;
            };
            let slowdown = response_ns as f64 / request.size_ns as f64;
            slowdown_sum += slowdown;
            max_slowdown = Some(max_slowdown.map_or(slowdown, |most| most.max(slowdown)));
            responses_ns.push(response_ns);
        }
        responses_ns.sort_unstable();
        let completed = responses_ns.len();
        let sum_response_ns = responses_ns.iter().copied().map(u128::from).sum();
        let mean = |sum: f64| (completed > 0).then(|| sum / completed as f64);
        Self {
            completed,
            cancelled: workload.requests.len() - completed,
            mean_response_ns: mean(sum_response_ns as f64),
            sum_response_ns,
            makespan_ns: schedule.makespan_ns(),
            mean_slowdown: mean(slowdown_sum),
            max_slowdown,
            sorted_responses_ns: responses_ns,
        }
    }

    /// The response time that so many thousandths of the requests do not exceed: 500 is the
    /// median, 999 the 99.9th percentile.
    #[must_use]
    pub fn response_percentile_ns(&self, thousandths: u32) -> Option<u64> {
        percentile(&self.sorted_responses_ns, thousandths)
    }
}

/// The response time of each request in nanoseconds, in the order of the workload; nothing for
/// those that were cancelled.
pub fn responses<'a>(
    workload: &'a Workload,
    schedule: &'a Schedule,
) -> impl Iterator<Item = Option<u64>> + 'a {
    let arrivals = workload.requests.iter().map(|request| request.arrival_ns);
    schedule
        .completions_ns()
        .zip(arrivals)
        .map(|(completion_ns, arrival_ns)| completion_ns.map(|ns| ns.saturating_sub(arrival_ns)))
}

/// The nearest-rank percentile of ascending values: the least of them that is not exceeded by so
/// many thousandths. Nothing of nothing.
#[must_use]
pub fn percentile(ascending: &[u64], thousandths: u32) -> Option<u64> {
    let wanted = ascending.len() as u128 * u128::from(thousandths.min(1000));
    let rank = usize::try_from(wanted.div_ceil(1000)).ok()?.max(1);
    ascending.get(rank - 1).copied()
}

/// The two sides of Little's law, in nanoseconds times requests: they are equal on every schedule
/// that has come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LittlesLaw {
    /// The area under the number of requests in the system over time.
    pub area: u128,
    /// The sum of the response times.
    pub sum_response_ns: u128,
}

/// Counts both sides of Little's law over the requests that completed.
#[must_use]
pub fn littles_law(workload: &Workload, schedule: &Schedule) -> LittlesLaw {
    let mut steps: Vec<(u64, i64)> = Vec::new();
    for (request, completion_ns) in workload.requests.iter().zip(schedule.completions_ns()) {
        if let Some(completion_ns) = completion_ns {
            steps.push((request.arrival_ns, 1));
            steps.push((completion_ns, -1));
        }
    }
    steps.sort_unstable();
    let (mut area, mut live, mut since_ns) = (0_i128, 0_i64, 0);
    for (now_ns, step) in steps {
        area += i128::from(live) * i128::from(now_ns - since_ns);
        live += step;
        since_ns = now_ns;
    }
    let sum_response_ns = responses(workload, schedule)
        .flatten()
        .map(u128::from)
        .sum();
    LittlesLaw {
        area: area.unsigned_abs(),
        sum_response_ns,
    }
}

#[cfg(test)]
mod tests {
    use super::{LittlesLaw, Summary, littles_law, percentile};
    use crate::{Policy, Request, Setup, Workload, simulate};

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let check = |values: &[u64], thousandths: u32, expected: Option<u64>| {
            assert_eq!(percentile(values, thousandths), expected, "{thousandths}");
        };
        let five = [15, 20, 35, 40, 50];
        for (thousandths, expected) in [
            (0, 15),
            (50, 15),
            (300, 20),
            (400, 20),
            (401, 35),
            (500, 35),
            (1000, 50),
            (2000, 50),
        ] {
            check(&five, thousandths, Some(expected));
        }
        check(&[7], 1, Some(7));
        check(&[], 500, None);
    }

    #[test]
    fn a_summary_counts_what_completed() {
        let mut workload = Workload::batch(&[10, 20]);
        workload.requests.push(Request {
            cancel_ns: Some(5),
            ..Request::new(9, 0, 1)
        });
        let setup = Setup {
            chunk_ns: 100,
            ..Setup::new(Policy::fifo(), 1)
        };
        let schedule = simulate(&workload, &setup).unwrap();
        let summary = Summary::new(&workload, &schedule);
        assert_eq!((summary.completed, summary.cancelled), (2, 1));
        assert_eq!(summary.sorted_responses_ns, [10, 30]);
        assert_eq!(summary.sum_response_ns, 40);
        assert_eq!(summary.mean_response_ns, Some(20.0));
        assert_eq!(summary.makespan_ns, Some(30));
        assert_eq!(summary.mean_slowdown, Some(1.25));
        assert_eq!(summary.max_slowdown, Some(1.5));
        assert_eq!(summary.response_percentile_ns(990), Some(30));
        let both_sides = LittlesLaw {
            area: 40,
            sum_response_ns: 40,
        };
        assert_eq!(littles_law(&workload, &schedule), both_sides);
    }

    #[test]
    fn nothing_has_no_mean() {
        let workload = Workload::default();
        let schedule = simulate(&workload, &Setup::new(Policy::fair(), 1)).unwrap();
        let summary = Summary::new(&workload, &schedule);
        assert_eq!(
            (summary.mean_response_ns, summary.makespan_ns),
            (None, None)
        );
        assert_eq!((summary.mean_slowdown, summary.sum_response_ns), (None, 0));
        assert_eq!(summary.response_percentile_ns(500), None);
    }
}
