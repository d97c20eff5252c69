//! What a core shares with others: its interrupt, its slice's end, where its thread stands.

use crate::parallel::Bound;
use crate::parking::Parker;
use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// One core of the executor: a worker thread, or a virtual core. Aligned so that two cores never
/// share a cache line or the pair that a prefetcher fetches.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Core {
    pub(crate) index: usize,
    pub(crate) parker: Parker,
    /// Set when the slice should end at the next chunk boundary.
    interrupt: AtomicBool,
    /// How many indexes of the claim at work are to run.
    claim_bound: AtomicU64,
    /// When the slice ends, on the clock of progress.
    slice_ends_ns: AtomicU64,
    /// CPU time spent on requests, in nanoseconds.
    pub(crate) busy_ns: AtomicU64,
    /// Slices worked.
    pub(crate) slices: AtomicU64,
}

impl Core {
    pub(crate) fn new(index: usize) -> Self {
        Self {
            index,
            parker: Parker::new(),
            interrupt: AtomicBool::new(false),
            claim_bound: AtomicU64::new(0),
            slice_ends_ns: AtomicU64::new(0),
            busy_ns: AtomicU64::new(0),
            slices: AtomicU64::new(0),
        }
    }

    /// Asks the slice to end at the next chunk boundary.
    pub(crate) fn interrupt(&self) {
        self.interrupt.store(true, Ordering::SeqCst);
        self.claim_bound.store(0, Ordering::SeqCst);
    }

    /// Called under the lock under which the slice was decided, so that an interrupt meant for
    /// this slice comes after it.
    pub(crate) fn clear_interrupt(&self) {
        self.interrupt.store(false, Ordering::SeqCst);
    }

    fn is_interrupted(&self) -> bool {
        self.interrupt.load(Ordering::SeqCst)
    }

    /// Bounds the loop over a claim of so many indexes; an interrupt lowers the bound to nothing.
    /// One that comes before the bound is set is seen after it: the flag is raised first and the
    /// bound lowered second, and here the bound is set first and the flag read second.
    pub(crate) fn bound_claim(&self, indexes: u64) -> Bound<'_> {
        self.claim_bound.store(indexes, Ordering::SeqCst);
        if self.is_interrupted() {
            self.claim_bound.store(0, Ordering::SeqCst);
        }
        Bound::new(&self.claim_bound)
    }

    pub(crate) fn begin_slice(&self, ends_ns: u64) {
        self.slice_ends_ns.store(ends_ns, Ordering::Relaxed);
    }

    pub(crate) fn slice_is_over(&self, progress_ns: u64) -> bool {
        self.is_interrupted() || progress_ns >= self.slice_ends_ns.load(Ordering::Relaxed)
    }
}

/// What this thread is doing for the executor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nothing: it is not a worker, or between slices.
    Outside,
    /// Polling the body of the request at this address.
    Body(usize),
    /// Running a chunk of some request.
    Chunk,
    /// Between two chunks of the request at this address.
    Slice(usize),
}

thread_local! {
    static PLACE: Cell<Place> = const { Cell::new(Place::Outside) };
    static CORE: RefCell<Option<Arc<Core>>> = const { RefCell::new(None) };
}

/// Where this thread stands.
pub(crate) fn place() -> Place {
    PLACE.with(Cell::get)
}

/// Runs `work` with this thread standing somewhere else.
pub(crate) fn standing<R>(place: Place, work: impl FnOnce() -> R) -> R {
    let before = PLACE.with(|cell| cell.replace(place));
    let _back = Back(before);
    work()
}

struct Back(Place);

impl Drop for Back {
    fn drop(&mut self) {
        PLACE.with(|cell| cell.set(self.0));
    }
}

/// Makes this thread the given core, until it becomes another.
pub(crate) fn become_core(core: &Arc<Core>) {
    CORE.with(|here| *here.borrow_mut() = Some(Arc::clone(core)));
}

/// Makes this thread a core for a while: it is what it was when this goes.
#[derive(Debug)]
pub(crate) struct StandIn(Option<Arc<Core>>);

impl StandIn {
    pub(crate) fn for_core(core: &Arc<Core>) -> Self {
        Self(CORE.with(|here| here.borrow_mut().replace(Arc::clone(core))))
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        CORE.with(|here| *here.borrow_mut() = self.0.take());
    }
}

/// The core that this thread is.
pub(crate) fn current_core() -> Option<Arc<Core>> {
    CORE.with(|here| here.borrow().clone())
}
