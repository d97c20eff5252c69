//! `forks`: a forked process for each job.

use super::{Ended, FIRST_TOKEN, Private, Refused, Slots, Verdict, Work};
use crate::poller::{Poller, Watch};
use crate::process::{self, Child, Exit, ForkError};
use crate::signals;
use std::collections::BTreeMap;
use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;

/// Whether the parent keeps its copy of a job while a child works on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// It may come back idle.
    Jobs,
    /// The child's copy is the only one.
    Nothing,
}

pub(crate) struct Forks<J> {
    work: Work<J>,
    max_children: usize,
    keep: Keep,
    poller: Arc<Poller>,
    children: BTreeMap<u64, Running<J>>,
    started: u64,
    ended: Vec<Ended<J>>,
}

struct Running<J> {
    child: Child,
    job: Option<J>,
}

/// The exit status of a child whose job is idle.
const IDLE: i32 = 100;

impl<J> Forks<J> {
    pub(crate) fn new(
        work: Work<J>,
        max_children: NonZeroUsize,
        keep: Keep,
        poller: &Arc<Poller>,
    ) -> Self {
        Self {
            work,
            max_children: max_children.get(),
            keep,
            poller: Arc::clone(poller),
            children: BTreeMap::new(),
            started: 0,
            ended: Vec::new(),
        }
    }

    fn end(&mut self, token: u64, exit: Exit) {
        let Some(Running { child, job }) = self.children.remove(&token) else {
            return;
        };
        // Later children have copies of its descriptor, so that closing it does not suffice.
        let _ = self.poller.remove(&child);
        self.ended.push(match (exit, job) {
            (Exit::Status(IDLE), Some(job)) => Ended::Idle(job),
            (exit, job) => Ended::Over(job, Some((child.id(), exit))),
        });
    }

    fn reap(&mut self, token: u64) {
        let Some(running) = self.children.get_mut(&token) else {
            return;
        };
        match running.child.try_wait() {
            Ok(None) => {}
            Ok(Some(exit)) => self.end(token, exit),
            // Somebody else has reaped it: it is gone all the same.
            Err(_) => self.end(token, Exit::Status(1)),
        }
    }
}

/// In a forked process: lets go of what is the parent's, and works.
fn work_in_child<J>(work: &Work<J>, job: &mut J, private: Vec<i32>) -> i32 {
    process::close_all(private);
    // A child that cannot unblock its signals still works.
    let _ = signals::unblock_terminate();
    match work(job) {
        Verdict::Done => 0,
        Verdict::Failed | Verdict::Quit(_) => 1,
        Verdict::Idle => IDLE,
    }
}

impl<J> Slots<J> for Forks<J> {
    fn has_room(&mut self) -> bool {
        self.children.len() < self.max_children
    }

    fn start(&mut self, mut job: J, private: &Private<'_>) -> Result<(), Refused<J>> {
        // Asked here: each page of code and memory that a child touches first costs it a fault.
        let private = (private.0)();
        let child = match process::fork(|| work_in_child(&self.work, &mut job, private)) {
            Ok(child) => child,
            Err(error) => {
                let error = match error {
                    ForkError::System(error) => error,
                    not_alone @ ForkError::NotAlone { .. } => io::Error::other(not_alone),
                };
                return Err(Refused { job, error });
            }
        };
        self.started += 1;
        let token = FIRST_TOKEN + self.started;
        let watched = self.poller.add(&child, token, Watch::Always);
        let job = (self.keep == Keep::Jobs).then_some(job);
        self.children.insert(token, Running { child, job });
        if watched.is_err() {
            // It cannot be waited for beside others, so it is waited for alone.
            if let Some(running) = self.children.get_mut(&token) {
                let exit = running.child.wait().unwrap_or(Exit::Status(1));
                self.end(token, exit);
            }
        }
        Ok(())
    }

    fn on_ready(&mut self, token: u64, _private: &Private<'_>) -> io::Result<()> {
        self.reap(token);
        Ok(())
    }

    fn take_ended(&mut self) -> Vec<Ended<J>> {
        std::mem::take(&mut self.ended)
    }

    fn busy(&self) -> usize {
        self.children.len()
    }

    fn processes(&self) -> Vec<u32> {
        let children = self.children.values();
        children.map(|running| running.child.id()).collect()
    }

    fn kill(&mut self) {
        for running in self.children.values() {
            let _ = running.child.kill();
        }
    }

    fn wait(&mut self) {
        let tokens: Vec<u64> = self.children.keys().copied().collect();
        for token in tokens {
            if let Some(running) = self.children.get_mut(&token) {
                let exit = running.child.wait().unwrap_or(Exit::Status(1));
                self.end(token, exit);
            }
        }
    }

    fn resize(&mut self, slots: usize, _private: &Private<'_>) -> io::Result<()> {
        self.max_children = slots;
        Ok(())
    }
}
