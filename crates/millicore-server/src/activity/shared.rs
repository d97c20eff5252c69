//! The shared mapping: all the unsafe code of what is counted, behind a reference to atomics.

use super::Board;
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};
use std::io;
use std::ops::Deref;
use std::ptr::{self, NonNull};

/// A board in memory that this process shares with the ones it forks.
#[derive(Debug)]
pub(super) struct SharedBoard {
    at: NonNull<Board>,
}

impl SharedBoard {
    /// Maps a board of zeros.
    pub(super) fn new() -> io::Result<Self> {
        let (access, kind) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED);
        // SAFETY: without an address to map at, the kernel takes one where nothing is mapped, so
        // that no memory in use is replaced.
        #[expect(unsafe_code, reason = "memory is shared by mapping it")]
        let mapped = unsafe { mmap_anonymous(ptr::null_mut(), size_of::<Board>(), access, kind) };
        match NonNull::new(mapped?.cast()) {
            Some(at) => Ok(Self { at }),
            None => Err(io::ErrorKind::OutOfMemory.into()),
        }
    }
}

impl Deref for SharedBoard {
    type Target = Board;

    fn deref(&self) -> &Board {
        // SAFETY: the mapping is as long as a board, begins at a page and so is aligned for it, and
        // stays mapped as long as `self`. It began as zeros, which every atomic integer may be, and
        // a board is made of nothing else. Only references to atomics are ever made to it, here and
        // in the other processes, so that nobody's writing breaks what another may assume.
        #[expect(unsafe_code, reason = "memory is shared by mapping it")]
        unsafe {
            self.at.as_ref()
        }
    }
}

impl Drop for SharedBoard {
    fn drop(&mut self) {
        // SAFETY: it was mapped with this length, and references to it live no longer than `self`.
        #[expect(unsafe_code, reason = "memory is shared by mapping it")]
        let unmapped = unsafe { munmap(self.at.as_ptr().cast(), size_of::<Board>()) };
        // Unmapping what was mapped does not fail.
        let _ = unmapped;
    }
}

// SAFETY: a board may be used from all threads at once, being made of atomics, and its mapping
// belongs to the process, not to the thread that made it.
#[expect(unsafe_code, reason = "a pointer does not say that it is shareable")]
mod shareable {
    use super::SharedBoard;

    // SAFETY: a board may be used from all threads at once, being made of atomics, and its mapping
    // belongs to the process, not to the thread that made it.
    unsafe impl Send for SharedBoard {}

    // SAFETY: as for `Send`: `&SharedBoard` gives nothing but `&Board`.
    unsafe impl Sync for SharedBoard {}
}

/// Holds at compile time what the above relies on.
const _: () = {
    const fn is_shareable<T: Sync>() {}
    is_shareable::<Board>();
    assert!(align_of::<Board>() <= 4096, "a mapping begins at a page");
};
