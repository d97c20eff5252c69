//! The caller's end of a request: await it, wait for it, watch it, cancel it.

use crate::completion::Completion;
use crate::error::Error;
use crate::task::Task;
use crate::usage::Progress;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// A request on its way. A future on any runtime, and [`Handle::wait`] blocks.
///
/// Dropping the handle cancels the request; [`Handle::detach`] lets it go on.
#[derive(Debug)]
#[must_use = "dropping the handle cancels the request"]
pub struct Handle<T> {
    task: Arc<Task>,
    completion: Arc<Completion<T>>,
    detached: bool,
}

impl<T> Handle<T> {
    pub(crate) const fn new(task: Arc<Task>, completion: Arc<Completion<T>>) -> Self {
        Self {
            task,
            completion,
            detached: false,
        }
    }

    /// Blocks this thread until the request has ended.
    ///
    /// Do not call it in the body of another request: await the handle there, because a body that
    /// blocks holds its core.
    ///
    /// # Errors
    ///
    /// Why the request has no result.
    pub fn wait(self) -> Result<T, Error> {
        self.completion.wait()
    }

    /// Starts no further chunk of the request. Chunks that run end; what they did is lost.
    pub fn cancel(&self) {
        self.task.dispatcher.cancel(&self.task, Error::Cancelled);
    }

    /// How far the request is, and what it has used so far.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let now_ns = self.task.dispatcher.clock.now_ns();
        self.task.usage.snapshot(now_ns, self.task.loop_progress())
    }

    /// Whether the request has ended, with or without a result.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.completion.is_published()
    }

    /// The executor's number for the request, as its journal names it.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.task.id
    }

    /// Lets the request go on without anybody waiting for it.
    pub fn detach(mut self) {
        self.detached = true;
    }
}

impl<T> Future for Handle<T> {
    type Output = Result<T, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.completion.poll(context)
    }
}

impl<T> Drop for Handle<T> {
    fn drop(&mut self) {
        if !self.detached && !self.completion.is_published() {
            self.cancel();
        }
        self.completion.give_up();
    }
}
