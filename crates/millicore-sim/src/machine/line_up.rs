//! Arrivals and cancellations in the order in which they happen.

use crate::workload::{Request, Workload};
use millicore_policy::RequestKey;

/// What comes from outside the machine, and what is needed to cancel it.
#[derive(Debug)]
pub(super) struct LineUp {
    /// Indices of requests by (arrival, id); empty where the workload is in that order already.
    by_arrival: Vec<u32>,
    arrived: usize,
    cancellations: Vec<Cancellation>,
    cancelled: usize,
    /// For each request, where any is cancelled.
    entered: Vec<Option<Entered>>,
    keeps_cores: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Cancellation {
    at_ns: u64,
    id: u64,
    request: u32,
}

/// A request that the scheduler knows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entered {
    pub(super) key: RequestKey,
    /// The core it keeps, where the policy keeps cores.
    pub(super) core: Option<usize>,
}

impl LineUp {
    pub(super) fn new(workload: &Workload, keeps_cores: bool) -> Self {
        let requests = &workload.requests;
        let place = |request: &Request| (request.arrival_ns, request.id);
        let mut by_arrival = Vec::new();
        if !requests.is_sorted_by_key(place) {
            by_arrival.extend((0..).zip(requests).map(|(index, _): (u32, _)| index));
            by_arrival.sort_unstable_by_key(|&index| place(&requests[index as usize]));
        }
        let cancelled = (0..).zip(requests).filter(|(_, request)| request.enters());
        let mut cancellations: Vec<Cancellation> = cancelled
            .filter_map(|(index, request)| {
                let at_ns = request.cancel_ns?;
                Some(Cancellation {
                    at_ns,
                    id: request.id,
                    request: index,
                })
            })
            .collect();
        cancellations.sort_unstable();
        let entered = if cancellations.is_empty() {
            0
        } else {
            requests.len()
        };
        Self {
            by_arrival,
            arrived: 0,
            cancellations,
            cancelled: 0,
            entered: vec![None; entered],
            keeps_cores,
        }
    }

    /// When the next request arrives or is cancelled.
    pub(super) fn next_ns(&self, workload: &Workload) -> Option<u64> {
        let arrival_ns = self
            .first_arrival(workload)
            .map(|index| workload.requests[index as usize].arrival_ns);
        let cancel_ns = self
            .cancellations
            .get(self.cancelled)
            .map(|first| first.at_ns);
        arrival_ns.into_iter().chain(cancel_ns).min()
    }

    /// The next request that is cancelled at this time.
    pub(super) fn next_cancellation(&mut self, now_ns: u64) -> Option<u32> {
        let first = self.cancellations.get(self.cancelled)?;
        (first.at_ns == now_ns).then(|| {
            self.cancelled += 1;
            first.request
        })
    }

    /// The next request that arrives at this time and has not been cancelled yet.
    pub(super) fn next_arrival(&mut self, workload: &Workload, now_ns: u64) -> Option<u32> {
        loop {
            let index = self.first_arrival(workload)?;
            let request = &workload.requests[index as usize];
            if request.arrival_ns != now_ns {
                return None;
            }
            self.arrived += 1;
            if request.enters() {
                return Some(index);
            }
        }
    }

    fn first_arrival(&self, workload: &Workload) -> Option<u32> {
        if self.by_arrival.is_empty() {
            let is_there = self.arrived < workload.requests.len();
            is_there.then(|| u32::try_from(self.arrived).unwrap_or(u32::MAX))
        } else {
            self.by_arrival.get(self.arrived).copied()
        }
    }

    pub(super) fn enter(&mut self, request: u32, key: RequestKey) {
        if let Some(entered) = self.entered.get_mut(request as usize) {
            *entered = Some(Entered { key, core: None });
        }
    }

    /// A chunk of a request starts on a core.
    pub(super) fn start(&mut self, request: u32, core: usize) {
        if self.keeps_cores
            && let Some(Some(entered)) = self.entered.get_mut(request as usize)
        {
            entered.core = Some(core);
        }
    }

    pub(super) fn entered(&self, request: u32) -> Option<Entered> {
        self.entered.get(request as usize).copied().flatten()
    }
}
