//! The threads that burn: gathered first, so that all of them begin at one moment.

use crate::burn::alignment::next_renewal;
use crate::burn::burnt::Burnt;
use crate::burn::clock::monotonic_ns;
use crate::burn::plan::Plan;
use crate::burn::worker::{Work, burn};
use crate::stop::Stop;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

/// Threads that wait for their beginning.
#[derive(Debug)]
pub struct Team {
    plan: Plan,
    starts: Vec<Sender<u64>>,
    works: Receiver<Work>,
}

impl Team {
    /// Starts the threads of the plan. Once `stop` is asked for they end, with what they have.
    ///
    /// # Errors
    ///
    /// Says what the system said to one thread more.
    pub fn gather(plan: &Plan, stop: &Stop) -> io::Result<Self> {
        let (done, works) = channel();
        let line = Arc::new(AtomicUsize::new(0));
        let mut starts = Vec::with_capacity(plan.threads);
        for number in 0..plan.threads {
            let (start, started) = channel();
            let (done, line, stop, plan) = (done.clone(), Arc::clone(&line), stop.clone(), *plan);
            let body = move || {
                // Without a start the team was given up.
                if let Ok(start_ns) = started.recv() {
                    let _ = done.send(burn(&plan, (number, start_ns), &line, &stop));
                }
            };
            thread::Builder::new().name("burn".to_owned()).spawn(body)?;
            starts.push(start);
        }
        Ok(Self {
            plan: *plan,
            starts,
            works,
        })
    }

    /// Begins, at this moment of the monotonic clock or at once, and waits for the end.
    #[must_use]
    pub fn burn(self, start_ns: Option<u64>) -> Burnt {
        let renewal = self.plan.align_ns.map(next_renewal);
        let aligned_ns = renewal.map(|it| it.at_ns);
        let start_ns = aligned_ns.or(start_ns).unwrap_or_else(monotonic_ns);
        for start in &self.starts {
            // A thread that is gone has panicked, and its work is missing below.
            let _ = start.send(start_ns);
        }
        let works: Vec<Work> = self.works.iter().collect();
        Burnt {
            quota_spread_s: renewal.and_then(|it| Some(it.spread?.as_secs_f64())),
            ..Burnt::new(&self.plan, start_ns, works)
        }
    }
}
