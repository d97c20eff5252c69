//! The system's allocator, counting how many bytes are in use and how many were at most.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts bytes asked for, without what the allocator itself adds.
pub(crate) struct CountingAllocator {
    bytes: AtomicUsize,
    most_bytes: AtomicUsize,
}

impl CountingAllocator {
    pub(crate) const fn new() -> Self {
        Self {
            bytes: AtomicUsize::new(0),
            most_bytes: AtomicUsize::new(0),
        }
    }

    /// Forgets the most, and says how many bytes are in use.
    pub(crate) fn restart(&self) -> usize {
        let bytes = self.bytes.load(Ordering::Relaxed);
        self.most_bytes.store(bytes, Ordering::Relaxed);
        bytes
    }

    pub(crate) fn most_bytes(&self) -> usize {
        self.most_bytes.load(Ordering::Relaxed)
    }

    fn add(&self, bytes: usize) {
        let before = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.most_bytes.fetch_max(before + bytes, Ordering::Relaxed);
    }
}

#[expect(unsafe_code, reason = "an allocator is unsafe by its trait")]
// SAFETY: every call goes to the system's allocator with the arguments as they came.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.add(layout.size());
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        self.bytes.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // The old and the new may stand side by side for a moment; count the larger alone, as
        // the system moves large blocks by remapping them.
        self.bytes.fetch_sub(layout.size(), Ordering::Relaxed);
        self.add(new_size);
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(pointer, layout, new_size) }
    }
}
