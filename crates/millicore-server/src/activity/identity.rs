//! Which thread of which process it is: what a row of the table says of its owner.

/// A thread of a process, packed into one integer that is never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity(u64);

impl Identity {
    /// The calling thread. Two system calls: a value kept by the thread would be wrong after a fork.
    pub(super) fn current() -> Self {
        let thread = rustix::thread::gettid().as_raw_nonzero().get();
        Self(u64::from(std::process::id()) << 32 | u64::from(thread.unsigned_abs()))
    }

    pub(super) const fn from_bits(bits: u64) -> Option<Self> {
        match bits {
            0 => None,
            bits => Some(Self(bits)),
        }
    }

    pub(super) const fn bits(self) -> u64 {
        self.0
    }

    pub(super) const fn pid(self) -> u32 {
        (self.0 >> 32) as u32
    }

    #[expect(clippy::cast_possible_truncation, reason = "the lower half is wanted")]
    pub(super) const fn thread_id(self) -> u32 {
        self.0 as u32
    }
}
