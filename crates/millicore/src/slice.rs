//! A slice: the longest a core works on one request before it asks again.

use crate::clock::Clock;
use crate::cores::{Core, Place, standing};
use crate::panics::caught;
use crate::parallel::Commit;
use crate::task::{Claim, Task};
use std::sync::Arc;

/// How finely work is cut.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grain {
    /// The longest a core works on one request before it asks again, in nanoseconds.
    pub(crate) slice_ns: u64,
    /// The work that a claim should be worth, in nanoseconds.
    pub(crate) target_ns: u64,
}

/// A core at work on a request.
#[derive(Debug)]
pub(crate) struct Slice<'a> {
    pub(crate) core: &'a Core,
    pub(crate) clock: &'a Clock,
    pub(crate) task: &'a Arc<Task>,
    pub(crate) grain: Grain,
    pub(crate) cores: usize,
}

/// One step of a slice.
pub(crate) enum Step {
    /// Nothing was left to claim.
    Nothing,
    /// A chunk ran; its result counts once committed.
    Ran(Commit),
    /// The body was polled.
    Polled,
    /// The body returned.
    Done,
    /// Something panicked, with this message.
    Panicked(String),
}

/// How a slice ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum SliceEnd {
    /// The request goes on.
    Open,
    /// Its body returned.
    Done,
    /// Something panicked, with this message.
    Panicked(String),
}

impl Slice<'_> {
    pub(crate) fn progress_ns(&self) -> u64 {
        self.clock.progress_ns()
    }

    pub(crate) fn target_ns(&self) -> u64 {
        self.grain.target_ns
    }

    pub(crate) fn cores(&self) -> u64 {
        self.cores.max(1) as u64
    }

    /// Works until the slice is over or nothing is left to claim.
    pub(crate) fn run(&self) -> SliceEnd {
        self.core
            .begin_slice(self.progress_ns().saturating_add(self.grain.slice_ns));
        standing(Place::Slice(self.task.address()), || {
            loop {
                if let Some(end) = self.commit(self.step()) {
                    return end;
                }
            }
        })
    }

    /// Makes a step count; says how the slice ended if it does not go on.
    pub(crate) fn commit(&self, step: Step) -> Option<SliceEnd> {
        let completed_loop = match step {
            Step::Nothing => return Some(SliceEnd::Open),
            Step::Done => return Some(SliceEnd::Done),
            Step::Panicked(message) => return Some(SliceEnd::Panicked(message)),
            Step::Polled => false,
            Step::Ran(commit) => match caught(commit) {
                Ok(completed_loop) => completed_loop,
                Err(message) => return Some(SliceEnd::Panicked(message)),
            },
        };
        // Who completes a loop also polls the body that waited for it, so that a request does not
        // wait for its turn only to end.
        let goes_on = !self.core.slice_is_over(self.progress_ns())
            || (completed_loop && self.task.body_is_ready());
        (!goes_on).then_some(SliceEnd::Open)
    }

    /// Claims something and runs it.
    pub(crate) fn step(&self) -> Step {
        loop {
            let ran = match self.task.claim() {
                None => return Step::Nothing,
                Some(Claim::Poll) => {
                    let body = Place::Body(self.task.address());
                    return match caught(|| standing(body, || self.task.poll_body())) {
                        Ok(true) => Step::Done,
                        Ok(false) => Step::Polled,
                        Err(message) => Step::Panicked(message),
                    };
                }
                Some(Claim::Loop(open)) => caught(|| open.run_claim(self)),
            };
            match ran {
                Ok(Some(commit)) => return Step::Ran(commit),
                // Another core was faster; there may be more to claim.
                Ok(None) => {}
                Err(message) => return Step::Panicked(message),
            }
        }
    }
}
