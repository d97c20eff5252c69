//! What happened in a round, from the executor's journal: who arrived, was done, held which core.

use crate::divide::round::Round;
use millicore::Decision;
use millicore::journal::{Answer, Entry, Event};
use serde::{Serialize, Serializer};

/// A core works on one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Stay {
    /// The core, counted from 0.
    pub core: usize,
    /// The request, counted from 1 in the order of submission.
    pub request: usize,
    /// When it begins, in nanoseconds after the first arrival.
    #[serde(rename = "start_s", serialize_with = "as_seconds")]
    pub start_ns: u64,
    /// When it ends, in nanoseconds after the first arrival.
    #[serde(rename = "end_s", serialize_with = "as_seconds")]
    pub end_ns: u64,
}

fn as_seconds<S: Serializer>(ns: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(*ns as f64 / 1e9)
}

/// Collects what happens in a round. Times are those of the executor's clock until the end.
#[derive(Debug)]
pub(crate) struct Recording {
    requests: Vec<Account>,
    /// The request in each of the scheduler's slots.
    slots: Vec<usize>,
    cores: Vec<CoreState>,
    stays: Vec<Stay>,
    /// Stays begin and end at multiples of this.
    step_ns: u64,
}

#[derive(Clone, Debug, Default)]
struct Account {
    arrival_ns: Option<u64>,
    completion_ns: Option<u64>,
    cpu_ns: u64,
}

#[derive(Clone, Debug, Default)]
struct CoreState {
    /// The request it works on, and since when.
    works_on: Option<(usize, u64)>,
    /// Where its latest stay stands in the list of stays.
    latest: Option<usize>,
}

impl Recording {
    /// For so many requests that take about `makespan_ns` together: a stay too short to be seen in
    /// it is not kept, so that a long round fits the memory.
    pub(crate) fn new(requests: usize, cores: usize, makespan_ns: u64) -> Self {
        const STEPS: u64 = 20_000;
        Self {
            requests: vec![Account::default(); requests],
            slots: Vec::new(),
            cores: vec![CoreState::default(); cores],
            stays: Vec::new(),
            step_ns: (makespan_ns / STEPS).max(1),
        }
    }

    /// Takes in what the journal says next.
    pub(crate) fn extend(&mut self, entries: impl IntoIterator<Item = Entry>) {
        for entry in entries {
            self.take_in(&entry);
        }
    }

    fn take_in(&mut self, entry: &Entry) {
        let now_ns = entry.now_ns;
        match (&entry.event, &entry.answer) {
            (Event::Arrive(arrival), Answer::Arrived(Ok(key))) => {
                let Some(request) = self.request(arrival.id) else {
                    return;
                };
                self.requests[request].arrival_ns = Some(now_ns);
                let slot = key.index();
                self.slots.resize(self.slots.len().max(slot + 1), 0);
                self.slots[slot] = request;
            }
            (Event::Complete { request }, Answer::WasLive(true)) => {
                let request = self.slots[request.index()];
                self.requests[request].completion_ns = Some(now_ns);
            }
            (Event::Pick { core }, Answer::Decided(Decision::Run { id, .. })) => {
                if let Some(request) = self.request(*id) {
                    self.cores[*core].works_on = Some((request, now_ns));
                }
            }
            (Event::EndSlice { core, used_ns, .. }, _) => self.end_slice(*core, *used_ns, now_ns),
            _ => {}
        }
    }

    /// The executor numbers requests from 0 in the order of submission.
    fn request(&self, id: u64) -> Option<usize> {
        usize::try_from(id)
            .ok()
            .filter(|&request| request < self.requests.len())
    }

    fn end_slice(&mut self, core: usize, used_ns: u64, now_ns: u64) {
        let Some((request, since_ns)) = self.cores[core].works_on.take() else {
            return;
        };
        self.requests[request].cpu_ns += used_ns;
        let start_ns = since_ns.next_multiple_of(self.step_ns);
        let end_ns = now_ns.next_multiple_of(self.step_ns);
        if start_ns == end_ns {
            return;
        }
        let request = request + 1;
        let latest = self.cores[core].latest.map(|index| &mut self.stays[index]);
        if let Some(latest) = latest
            && latest.request == request
            && latest.end_ns == start_ns
        {
            latest.end_ns = end_ns;
            return;
        }
        self.cores[core].latest = Some(self.stays.len());
        self.stays.push(Stay {
            core,
            request,
            start_ns,
            end_ns,
        });
    }

    /// What the round came to; nothing if a request is not done.
    pub(crate) fn finish(self) -> Option<Round> {
        let arrivals: Option<Vec<u64>> = self.requests.iter().map(|it| it.arrival_ns).collect();
        let arrivals = arrivals?;
        let (first_ns, last_ns) = (*arrivals.iter().min()?, *arrivals.iter().max()?);
        let responses_ns: Option<Vec<u64>> = self
            .requests
            .iter()
            .zip(&arrivals)
            .map(|(it, arrival_ns)| Some(it.completion_ns?.saturating_sub(*arrival_ns)))
            .collect();
        let since_first = |stay: Stay| Stay {
            start_ns: stay.start_ns.saturating_sub(first_ns),
            end_ns: stay.end_ns.saturating_sub(first_ns),
            ..stay
        };
        Some(Round {
            responses_ns: responses_ns?,
            cpu_ns: self.requests.iter().map(|it| it.cpu_ns).collect(),
            submission_spread_ns: last_ns - first_ns,
            timeline: self.stays.into_iter().map(since_first).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Recording, Stay};
    use crate::divide::round::Round;
    use millicore::{Executor, Policy, Request, VirtualExecutor};
    use std::num::NonZeroUsize;
    use std::time::Duration;

    const MS: u64 = 1_000_000;

    /// Two requests of 10 ms on two virtual cores, in slices of 2 ms, one submitted 1 ms after the
    /// other.
    fn record(policy: Policy, makespan_ns: u64) -> Round {
        let two = NonZeroUsize::new(2).unwrap();
        let builder = Executor::builder().policy(policy).cores(two).journal(true);
        let mut executor = VirtualExecutor::new(builder).unwrap();
        let mut recording = Recording::new(2, 2, makespan_ns);
        let submit = |executor: &VirtualExecutor| {
            executor.submit(Request::new(), |cpu| async move {
                let each = cpu.clone();
                cpu.for_each(0..10, move |_| each.declare(Duration::from_millis(1)))
                    .await;
            })
        };
        let first = submit(&executor);
        executor.run_until(Duration::from_millis(1));
        let second = submit(&executor);
        recording.extend(executor.take_journal());
        executor.run_to_end();
        recording.extend(executor.take_journal());
        assert_eq!((first.wait(), second.wait()), (Ok(()), Ok(())));
        recording.finish().unwrap()
    }

    fn stay(core: usize, request: usize, start_ms: u64, end_ms: u64) -> Stay {
        Stay {
            core,
            request,
            start_ns: start_ms * MS,
            end_ns: end_ms * MS,
        }
    }

    #[test]
    fn a_kept_core_is_one_stay() {
        let round = record(Policy::fifo(), 0);
        assert_eq!(round.responses_ns, [10 * MS, 10 * MS]);
        assert_eq!(round.cpu_ns, [10 * MS, 10 * MS]);
        assert_eq!(round.submission_spread_ns, MS);
        assert_eq!(round.timeline, [stay(0, 1, 0, 10), stay(1, 2, 1, 11)]);
    }

    #[test]
    fn stays_add_up_to_the_work() {
        for policy in [Policy::fifo(), Policy::fair(), Policy::focus()] {
            let round = record(policy, 0);
            for request in [1, 2] {
                let stays = round.timeline.iter().filter(|stay| stay.request == request);
                let held_ns: u64 = stays.map(|stay| stay.end_ns - stay.start_ns).sum();
                assert_eq!(held_ns, 10 * MS, "request {request} under {policy}");
            }
        }
    }

    #[test]
    fn a_long_round_is_recorded_in_longer_steps() {
        let round = record(Policy::fifo(), 20_000 * 4 * MS);
        assert_eq!(round.timeline, [stay(0, 1, 0, 12), stay(1, 2, 4, 12)]);
        let round = record(Policy::fifo(), 20_000 * 100 * MS);
        assert_eq!(round.timeline, [stay(0, 1, 0, 100)]);
    }

    #[test]
    fn a_round_that_did_not_end_is_none() {
        assert_eq!(Recording::new(1, 1, 0).finish(), None);
    }
}
