//! What came of burning: CPU time, stalls and response times, as text and as JSON.

use crate::burn::plan::Plan;
use crate::burn::worker::Work;
use crate::text::{Unit, align, count};
use serde::{Deserialize, Serialize};

/// What threads that burnt got; times are in seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Burnt {
    /// The number of this shape: it grows when a key changes its meaning or goes.
    pub schema: u32,
    /// How long it lasted.
    pub wall_s: f64,
    /// CPU time of all threads.
    pub cpu_s: f64,
    /// The same over how long it lasted, in thousandths of a core.
    pub received_m: f64,
    /// The longest time that a thread stood still.
    pub longest_stall_s: f64,
    /// Each thread.
    pub threads: Vec<ThreadUse>,
    /// How long requests took, if there were any.
    pub requests: Option<Requests>,
    /// By how much the CPU time in a period differed where a quota was used up to find out when it
    /// is renewed: a tick, or less where the kernel looks more often.
    pub quota_spread_s: Option<f64>,
}

/// What one thread got.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ThreadUse {
    /// CPU time, by its own clock.
    pub cpu_s: f64,
    /// The longest time between two looks at the clock.
    pub longest_stall_s: f64,
    /// How often it gave its core away, to wait.
    pub waited: u64,
    /// How often its core was taken from it.
    pub pushed_out: u64,
}

/// How long requests took.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Requests {
    /// The CPU time of each.
    pub size_s: f64,
    /// How many were done.
    pub count: usize,
    /// Their mean.
    pub mean_s: Option<f64>,
    /// Half of them were not longer.
    pub p50_s: Option<f64>,
    /// 99 of 100 were not longer.
    pub p99_s: Option<f64>,
    /// The longest.
    pub max_s: Option<f64>,
    /// Each, in the order in which they were taken, if all were there at the start.
    pub responses_s: Option<Vec<f64>>,
}

const SCHEMA: u32 = 1;

impl Burnt {
    pub(super) fn new(plan: &Plan, start_ns: u64, works: Vec<Work>) -> Self {
        let ended_ns = works.iter().map(|work| work.ended_ns).max();
        let wall_s = (ended_ns.unwrap_or(start_ns) - start_ns) as f64 / 1e9;
        let cpu_s: f64 = works.iter().map(|work| work.used.cpu_s).sum();
        let stalls = works.iter().map(|work| work.used.longest_stall_s);
        let longest_stall_s = stalls.fold(0.0, f64::max);
        let mut responses_ns: Vec<(usize, u64)> = Vec::new();
        let mut threads = Vec::with_capacity(works.len());
        for work in works {
            responses_ns.extend(work.responses_ns);
            threads.push(work.used);
        }
        let requests = plan.request_ns.map(|size_ns| {
            responses_ns.sort_unstable();
            let all_s = responses_ns
                .iter()
                .map(|&(_, ns)| ns as f64 / 1e9)
                .collect();
            Requests::new(size_ns as f64 / 1e9, all_s, plan.at_once.is_some())
        });
        Self {
            schema: SCHEMA,
            wall_s,
            cpu_s,
            received_m: 1000.0 * cpu_s / wall_s.max(1e-9),
            longest_stall_s,
            threads,
            requests,
            quota_spread_s: None,
        }
    }

    /// What can be seen of it without its threads: for how long and how much CPU time, the longest
    /// stall, and its requests.
    pub(crate) fn seen_from_outside(
        (wall_s, cpu_s): (f64, f64),
        longest_stall_s: f64,
        requests: Requests,
    ) -> Self {
        Self {
            schema: SCHEMA,
            wall_s,
            cpu_s,
            received_m: 1000.0 * cpu_s / wall_s.max(1e-9),
            longest_stall_s,
            threads: Vec::new(),
            requests: Some(requests),
            quota_spread_s: None,
        }
    }

    /// One JSON object in one line.
    ///
    /// # Errors
    ///
    /// None that is known: every field is a number or a list of them.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// Lines for people.
    #[must_use]
    pub fn to_text(&self) -> String {
        let unit = Unit::for_times_to(self.wall_s * 1e9);
        let time = |seconds: f64| format!("{} {}", unit.format(seconds * 1e9), unit.name);
        let switches = |of: fn(&ThreadUse) -> u64| self.threads.iter().map(of).sum::<u64>();
        let mut rows = vec![
            (
                "ran",
                format!(
                    "{}, {}",
                    time(self.wall_s),
                    count(self.threads.len(), "thread")
                ),
            ),
            ("CPU time", time(self.cpu_s)),
            ("received", format!("{:.1}m", self.received_m)),
            ("longest stall", time(self.longest_stall_s)),
            (
                "switches",
                format!(
                    "{} to wait, {} pushed out",
                    switches(|it| it.waited),
                    switches(|it| it.pushed_out)
                ),
            ),
        ];
        if let Some(requests) = &self.requests {
            let size = time(requests.size_s);
            rows.push((
                "requests",
                format!("{} of {size} of CPU time", requests.count),
            ));
            let named = [
                ("mean", requests.mean_s),
                ("p50", requests.p50_s),
                ("p99", requests.p99_s),
                ("max", requests.max_s),
            ];
            rows.extend(
                named
                    .into_iter()
                    .filter_map(|(name, it)| Some((name, time(it?)))),
            );
        }
        let rows: Vec<Vec<String>> = rows
            .into_iter()
            .map(|(name, value)| vec![name.to_owned(), value])
            .collect();
        align(&rows, 2)
    }
}

impl Requests {
    pub(crate) fn new(size_s: f64, all_s: Vec<f64>, has_order: bool) -> Self {
        let mut sorted = all_s.clone();
        sorted.sort_by(f64::total_cmp);
        let count = sorted.len();
        // The smallest that so many per cent are not above.
        let percentile = |percent: usize| {
            let rank = (count * percent).div_ceil(100).max(1);
            sorted.get(rank - 1).copied()
        };
        Self {
            size_s,
            count,
            mean_s: (count > 0).then(|| sorted.iter().sum::<f64>() / count as f64),
            p50_s: percentile(50),
            p99_s: percentile(99),
            max_s: sorted.last().copied(),
            responses_s: has_order.then_some(all_s),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Burnt, ThreadUse};
    use crate::burn::plan::Plan;
    use crate::burn::worker::Work;

    fn burnt(request_ns: Option<u64>, responses_ms: &[u64]) -> Burnt {
        let plan = Plan {
            threads: 2,
            time_ns: None,
            request_ns,
            at_once: None,
            align_ns: None,
        };
        let work = |cpu_s, longest_stall_s, responses_ns| Work {
            used: ThreadUse {
                cpu_s,
                longest_stall_s,
                waited: 1,
                pushed_out: 20,
            },
            responses_ns,
            ended_ns: 12_000_000_000,
        };
        let responses = responses_ms.iter().map(|ms| (0, ms * 1_000_000)).collect();
        let works = vec![work(0.25, 0.125, responses), work(0.75, 0.0625, Vec::new())];
        Burnt::new(&plan, 10_000_000_000, works)
    }

    #[test]
    fn what_came_of_it_is_told() {
        let text = burnt(Some(20_000_000), &[40, 20, 30]).to_text();
        let expected = "\
ran            2.000 s, 2 threads
CPU time       1.000 s
received       500.0m
longest stall  0.125 s
switches       2 to wait, 40 pushed out
requests       3 of 0.020 s of CPU time
mean           0.030 s
p50            0.030 s
p99            0.040 s
max            0.040 s
";
        assert_eq!(text, expected, "{text}");
        assert_eq!(burnt(None, &[]).to_text().lines().count(), 5);
    }

    #[test]
    fn it_goes_through_a_pipe() {
        for burnt in [burnt(None, &[]), burnt(Some(1_000_000), &[1])] {
            let json = burnt.to_json().unwrap();
            assert_eq!(json.lines().count(), 1);
            assert_eq!(serde_json::from_str::<Burnt>(&json).unwrap(), burnt);
        }
    }
}
