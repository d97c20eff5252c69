//! A round: all requests once, under one policy, on an executor of its own.

use crate::divide::recording::{Recording, Stay};
use crate::divide::run::RunError;
use crate::divide::work::Work;
use crate::stop::Stop;
use millicore::{CpuLimit, Executor, Handle, Policy, Request};
use millicore_workload::primes::PrimesError;
use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// What was measured in one round, by request in the order of submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Round {
    /// From arrival to completion, in nanoseconds.
    pub responses_ns: Vec<u64>,
    /// CPU time used, in nanoseconds.
    pub cpu_ns: Vec<u64>,
    /// Between the first arrival and the last, in nanoseconds.
    pub submission_spread_ns: u64,
    /// Which request each core worked on, in no order; neighbours are merged.
    pub timeline: Vec<Stay>,
}

impl Round {
    /// The mean response time in nanoseconds.
    #[must_use]
    pub fn mean_response_ns(&self) -> f64 {
        let sum: f64 = self.responses_ns.iter().map(|&ns| ns as f64).sum();
        sum / self.responses_ns.len().max(1) as f64
    }
}

/// A round to be run.
#[derive(Clone, Debug)]
pub(crate) struct RoundPlan {
    pub(crate) policy: Policy,
    pub(crate) cores: NonZeroUsize,
    pub(crate) cpu_limit: CpuLimit,
    pub(crate) requests: usize,
    pub(crate) size_ns: u64,
}

type Answer = Result<u64, PrimesError>;

/// How often a run looks up: rarely enough to take nothing from the cores.
const LOOK_UP: Duration = Duration::from_millis(100);

impl RoundPlan {
    /// Runs it; nothing if it was stopped. `watch` is called now and then.
    pub(crate) fn run(
        &self,
        work: &Work,
        stop: &Stop,
        watch: &mut dyn FnMut(),
    ) -> Result<Option<Round>, RunError> {
        let executor = Executor::builder()
            .policy(self.policy)
            .cores(self.cores)
            .cpu_limit(self.cpu_limit)
            // It would turn a policy into another one in a round that takes half a minute.
            .ageing(None)
            .journal(true)
            .build()?;
        let (submitted, ended) = self.submit(&executor, work);
        let mut recording = Recording::new(self.requests, self.cores.get(), self.total_ns());
        let mut live = self.requests;
        while live > 0 {
            if stop.is_asked_for() {
                return Ok(None);
            }
            watch();
            // It cannot be disconnected: a sender is in this function's hands.
            live -= usize::from(ended.recv_timeout(LOOK_UP).is_ok());
            recording.extend(executor.take_journal());
        }
        let answers: Result<Vec<Answer>, _> = submitted.into_iter().map(Handle::wait).collect();
        check_answers(answers?, self.policy)?;
        recording.extend(executor.take_journal());
        let incomplete = RunError::Incomplete {
            policy: self.policy,
        };
        recording.finish().map(Some).ok_or(incomplete)
    }

    fn submit(&self, executor: &Executor, work: &Work) -> (Vec<Handle<Answer>>, Receiver<()>) {
        let (sender, ended) = channel();
        let submit = |_| {
            let request = Request::new().size(Duration::from_nanos(self.size_ns));
            let (work, end) = (work.clone(), End(sender.clone()));
            executor.submit(request, |cpu| async move {
                let _end = end;
                work.run(&cpu).await
            })
        };
        ((0..self.requests).map(submit).collect(), ended)
    }

    fn total_ns(&self) -> u64 {
        self.size_ns
            .saturating_mul(self.requests as u64)
            .div_ceil(self.cores.get() as u64)
    }
}

/// Tells that a body has ended, in whichever way.
struct End(Sender<()>);

impl Drop for End {
    fn drop(&mut self) {
        // A run that was stopped does not listen any more.
        let _ = self.0.send(());
    }
}

/// All requests do the same, so their answers are the same, or chunks were lost.
fn check_answers(answers: Vec<Answer>, policy: Policy) -> Result<(), RunError> {
    let answers = answers.into_iter().collect::<Result<Vec<u64>, _>>()?;
    match answers.windows(2).find(|pair| pair[0] != pair[1]) {
        Some(pair) => Err(RunError::WrongAnswer {
            policy,
            answers: [pair[0], pair[1]],
        }),
        None => Ok(()),
    }
}
