//! Something that is not a stream, such as a listener, and that can be waited for.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A source of events and what waits for them.
#[derive(Debug)]
pub(super) struct Readable<T> {
    source: T,
    /// A descriptor of our own for the same thing, so that nobody closes it under the runtime.
    descriptor: AsyncFd<OwnedFd>,
}

impl<T: AsFd> Readable<T> {
    /// On the runtime that calls.
    pub(super) fn new(source: T) -> io::Result<Self> {
        let descriptor = source.as_fd().try_clone_to_owned()?;
        // SAFETY: an `OwnedFd` is open, and the same, as long as it lives, and `AsyncFd` owns it.
        #[expect(unsafe_code, reason = "the caller vouches for the descriptor")]
        let descriptor = unsafe { AsyncFd::register_with_interest(descriptor, Interest::READABLE) };
        let descriptor = descriptor?;
        Ok(Self { source, descriptor })
    }

    pub(super) const fn get(&self) -> &T {
        &self.source
    }

    /// Waits until `take` takes something, which it is asked to whenever there may be something.
    pub(super) async fn take<R>(
        &self,
        take: impl Fn(&T) -> io::Result<Option<R>>,
    ) -> io::Result<R> {
        loop {
            let mut ready = self.descriptor.readable().await?;
            match take(&self.source)? {
                Some(taken) => return Ok(taken),
                None => ready.clear_ready(),
            }
        }
    }
}
