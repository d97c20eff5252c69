//! The same crowd of requests on millicore, on rayon's global pool, on tokio's blocking threads.

use millicore::{CpuLimit, Executor, Policy, Request};
use millicore_sim::Workload;
use millicore_workload::spin::{Calibration, spin_iterations};
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

pub(crate) const CORES: usize = 2;

/// What one index of a request's loop takes.
const STEP: Duration = Duration::from_micros(10);

/// Requests as fixed work.
pub(crate) struct Crowd {
    members: Vec<Member>,
    iterations_a_step: u64,
}

#[derive(Clone, Copy)]
struct Member {
    steps: u64,
    size: Duration,
    deadline: Duration,
}

impl Crowd {
    /// Sizes become steps of work that take so long while all cores are busy.
    pub(crate) fn calibrated(workload: &Workload) -> Self {
        let cores = NonZeroUsize::new(CORES).expect("two");
        let calibration = Calibration::measure_with_busy_cores(cores).expect("two threads start");
        let step_ns = u64::try_from(STEP.as_nanos()).unwrap_or(u64::MAX);
        let members = workload.requests.iter().map(|request| Member {
            steps: request.size_ns.div_ceil(step_ns),
            size: Duration::from_nanos(request.size_ns),
            deadline: Duration::from_nanos(request.deadline_ns.unwrap_or(u64::MAX)),
        });
        Self {
            members: members.collect(),
            iterations_a_step: calibration.iterations(STEP),
        }
    }

    /// Submits everybody and waits for all; the mean response in seconds.
    fn mean_response_s(&self, submit: impl Fn(&Member, u64, Sender<Instant>)) -> f64 {
        let (ended, ends): (Sender<Instant>, Receiver<Instant>) = channel();
        let arrived = Instant::now();
        for member in &self.members {
            submit(member, self.iterations_a_step, ended.clone());
        }
        drop(ended);
        let responses = ends
            .iter()
            .map(|end| end.duration_since(arrived).as_secs_f64());
        let responses: Vec<f64> = responses.collect();
        assert_eq!(responses.len(), self.members.len(), "a request was lost");
        responses.iter().sum::<f64>() / responses.len() as f64
    }
}

fn report_end(ended: &Sender<Instant>) {
    ended
        .send(Instant::now())
        .expect("the submitter waits for all");
}

/// An executor under one policy.
pub(crate) struct Scheduled {
    executor: Executor,
}

impl Scheduled {
    pub(crate) fn start(policy: Policy) -> Self {
        let executor = Executor::builder()
            .policy(policy)
            .cores(NonZeroUsize::new(CORES).expect("two"))
            .cpu_limit(CpuLimit::Unlimited)
            .build()
            .expect("two workers start");
        Self { executor }
    }

    pub(crate) fn run(&self, crowd: &Crowd) -> f64 {
        crowd.mean_response_s(|member, iterations, ended| {
            let request = Request::new().size(member.size).deadline(member.deadline);
            let steps = member.steps;
            let handle = self.executor.submit(request, move |cpu| async move {
                cpu.for_each(0..steps, move |_| spin_iterations(iterations))
                    .await;
                report_end(&ended);
            });
            handle.detach();
        })
    }
}

pub(crate) fn on_rayon(crowd: &Crowd) -> f64 {
    crowd.mean_response_s(|member, iterations, ended| {
        let steps = member.steps;
        rayon::spawn(move || {
            (0..steps)
                .into_par_iter()
                .for_each(|_| spin_iterations(iterations));
            report_end(&ended);
        });
    })
}

pub(crate) fn on_tokio(crowd: &Crowd) -> f64 {
    // A runtime of its own for each round: its blocking threads are started as a server's are.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(CORES)
        .build()
        .expect("two workers start");
    crowd.mean_response_s(|member, iterations, ended| {
        let steps = member.steps;
        runtime.spawn_blocking(move || {
            (0..steps).for_each(|_| spin_iterations(iterations));
            report_end(&ended);
        });
    })
}
