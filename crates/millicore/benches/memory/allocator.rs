//! An allocator that counts what is live, by size.
#![expect(unsafe_code, reason = "an allocator can only be written with `unsafe`")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::array;
use std::sync::atomic::{AtomicI64, Ordering};

/// Sizes from here on are counted together.
pub(crate) const LARGE: usize = 4096;

/// How many blocks of each size are live, and how many bytes the large ones have.
pub(crate) struct Counting {
    blocks: [AtomicI64; LARGE],
    large_bytes: AtomicI64,
}

impl Counting {
    pub(crate) const fn new() -> Self {
        Self {
            blocks: [const { AtomicI64::new(0) }; LARGE],
            large_bytes: AtomicI64::new(0),
        }
    }

    /// What is live now.
    pub(crate) fn census(&self) -> Census {
        Census {
            blocks: array::from_fn(|size| self.blocks[size].load(Ordering::Relaxed)),
            large_bytes: self.large_bytes.load(Ordering::Relaxed),
        }
    }

    fn count(&self, size: usize, blocks: i64) {
        match self.blocks.get(size) {
            Some(counter) => counter.fetch_add(blocks, Ordering::Relaxed),
            None => {
                let bytes = i64::try_from(size).unwrap_or(i64::MAX);
                self.large_bytes
                    .fetch_add(blocks * bytes, Ordering::Relaxed)
            }
        };
    }
}

// SAFETY: every block comes from and goes back to the system's allocator, with the layout that the
// caller gave; counting allocates nothing. `realloc` and `alloc_zeroed` default to these two.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.count(layout.size(), 1);
        // SAFETY: the caller keeps the contract of this method, which is that of the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        self.count(layout.size(), -1);
        // SAFETY: the block came from `alloc` above with this layout.
        unsafe { System.dealloc(block, layout) }
    }
}

/// What was live at one moment.
pub(crate) struct Census {
    pub(crate) blocks: [i64; LARGE],
    pub(crate) large_bytes: i64,
}

impl Census {
    pub(crate) fn since(mut self, earlier: &Self) -> Self {
        for (now, before) in self.blocks.iter_mut().zip(&earlier.blocks) {
            *now -= before;
        }
        self.large_bytes -= earlier.large_bytes;
        self
    }

    /// Bytes in all.
    pub(crate) fn bytes(&self) -> i64 {
        let small = (0_i64..)
            .zip(&self.blocks)
            .map(|(size, blocks)| size * blocks);
        small.sum::<i64>() + self.large_bytes
    }
}
