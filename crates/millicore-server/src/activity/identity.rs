//! Which thread of which process it is: what a row of the table says of its owner.

use std::cell::Cell;
use std::sync::atomic::{AtomicU32, Ordering};

/// How many forks lie between the first process and this one.
static FORKS: AtomicU32 = AtomicU32::new(0);

thread_local! {
    /// This thread, and the number of forks when it was asked for.
    static KNOWN: Cell<Option<(u32, Identity)>> = const { Cell::new(None) };
}

/// This process was just forked: what its thread knew of itself is what its parent is.
pub(crate) fn forget() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

/// A thread of a process, packed into one integer that is never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity(u64);

impl Identity {
    /// The calling thread, as it was found when it was last asked for since the last fork.
    pub(super) fn current() -> Self {
        let forks = FORKS.load(Ordering::Relaxed);
        KNOWN.with(|known| match known.get() {
            Some((as_of, identity)) if as_of == forks => identity,
            _ => {
                let identity = Self::ask();
                known.set(Some((forks, identity)));
                identity
            }
        })
    }

    /// Two system calls.
    fn ask() -> Self {
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
