//! What each process or thread does: compute, tell, double; and again, one round later.

use crate::affinity::keep_to;
use crate::fork::event::{Event, What};
use crate::fork::log::Log;
use crate::fork::plan::Plan;
use crate::text::with_sources;
use millicore_workload::factorial::{Digest, NaiveFactorial};
use millicore_workload::spin::thread_cpu_time;
use std::error::Error;

/// What all of them know.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) plan: Plan,
    pub(crate) log: Log,
}

/// One process or thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) id: i32,
    pub(crate) parent: i32,
}

/// Why one does not go on: it has told, if anybody listened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failed;

impl Member<'_> {
    /// Computes in `first_round` and in each after it, and doubles between them. `double` starts
    /// another one, which begins in the round that it is given, and answers with its id if that is
    /// known. Nobody waits for anybody between rounds.
    pub(crate) fn live<E: Error>(
        self,
        first_round: u32,
        mut double: impl FnMut(u32) -> Result<Option<i32>, E>,
    ) -> Result<(), Failed> {
        for round in first_round..=self.shared.plan.rounds {
            self.compute(round)?;
            if round == self.shared.plan.rounds {
                break;
            }
            let asked_ns = self.shared.log.now_ns();
            match double(round + 1) {
                Ok(child) => self.tell(round, What::Forked { asked_ns, child })?,
                Err(error) => return Err(self.fail(round, with_sources(&error))),
            }
        }
        Ok(())
    }

    fn compute(self, round: u32) -> Result<(), Failed> {
        /// Between two questions whether factors are left.
        const STEPS: u64 = 1000;
        self.tell(round, What::Started)?;
        let cpu_before = thread_cpu_time();
        let mut factorial = NaiveFactorial::new(self.shared.plan.number);
        while factorial.step(STEPS) {}
        let fnv1a = Digest::of(&factorial.into_product()).fnv1a;
        let cpu = thread_cpu_time().saturating_sub(cpu_before);
        let cpu_ns = u64::try_from(cpu.as_nanos()).unwrap_or(u64::MAX);
        self.tell(round, What::Computed { cpu_ns, fnv1a })
    }

    pub(crate) fn tell(self, round: u32, what: What) -> Result<(), Failed> {
        let event = Event {
            at_ns: self.shared.log.now_ns(),
            round,
            id: self.id,
            parent: self.parent,
            what,
        };
        self.shared.log.tell(&event).map_err(|_| Failed)
    }

    pub(crate) fn fail(self, round: u32, reason: String) -> Failed {
        // Where nobody listens there is nobody to be told.
        let _ = self.tell(round, What::Failed { reason });
        Failed
    }

    /// Holds the calling thread, and all that come after it, to the first cores of its mask.
    pub(crate) fn keep_to_cores(self) -> Result<(), Failed> {
        let cores = self.shared.plan.cores.get();
        keep_to(cores)
            .map(drop)
            .map_err(|error| self.fail(0, format!("cannot keep to {cores} cores: {error}")))
    }
}
