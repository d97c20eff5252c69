//! A parallel loop: a range with a cursor, whose chunks the cores of a request claim.
//!
//! A claim takes as many indexes as are worth about the target of work, found by measuring the
//! claims before; near the end of the range claims shrink, so that the cores end together. A claim
//! is one chunk, unless the caller fixed the length of a chunk: then it may take many, and the
//! core looks between any two of them whether it should stop. What it has not run then goes back
//! to the loop.
//!
//! Results are combined in the order of the range: each is joined with the neighbours that are
//! there already, outside the lock, until one result covers the range.

use crate::completion::lock;
use crate::cores::{Core, Place, standing};
use crate::index::Index;
use crate::slice::Slice;
use crate::task::Task;
use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU64;
use std::ops::Range;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

/// An open loop with its types erased.
pub(crate) trait AnyLoop: Send + Sync {
    /// How many chunks nobody has claimed.
    fn unclaimed(&self) -> u64;
    /// Indexes in all, and how many of them are claimed.
    fn progress(&self) -> (u64, u64);
    /// Claims indexes and runs them; the commit makes the result count.
    fn run_claim(self: Arc<Self>, slice: &Slice<'_>) -> Option<Commit>;
    /// Lets nobody claim any more.
    fn abandon(&self);
}

/// Makes the result of a claim count; true if that completed the loop.
pub(crate) type Commit = Box<dyn FnOnce() -> bool + Send>;

/// What a loop runs: made by the methods of [`Cpu`](crate::Cpu).
pub trait LoopBody: Send + Sync + 'static {
    /// What it counts by.
    type Index: Index;
    /// What a part of the range yields.
    type Output: Send + 'static;

    /// Runs a part of the range.
    fn map(&self, range: Range<Self::Index>) -> Self::Output;

    /// Combines what two adjacent parts yielded.
    fn reduce(&self, left: Self::Output, right: Self::Output) -> Self::Output;

    /// Runs a part of the range in chunks of so many indexes, the last one shorter, as long as what
    /// has run is below the bound. Says what it yielded and how many indexes ran, if any did.
    fn map_chunks(
        &self,
        range: Range<Self::Index>,
        chunk_len: NonZeroU64,
        bound: Bound<'_>,
    ) -> Option<(Self::Output, u64)> {
        let (start, len) = (range.start, range.start.distance(range.end));
        let chunk = |from: u64| {
            let to = from.saturating_add(chunk_len.get()).min(len);
            (self.map(start.plus(from)..start.plus(to)), to)
        };
        if bound.get() == 0 {
            return None;
        }
        let (mut value, mut reached) = chunk(0);
        while reached < bound.get() {
            let (next, to) = chunk(reached);
            value = self.reduce(value, next);
            reached = to;
        }
        Some((value, reached))
    }
}

/// How many indexes of a claim are to run: all of them, or none further once the core should stop.
///
/// The bound of the loop itself is what an interrupt lowers, so that a look between two chunks costs
/// nothing but the load of the number that the loop compares with anyway.
#[derive(Clone, Copy, Debug)]
pub struct Bound<'a>(&'a AtomicU64);

impl<'a> Bound<'a> {
    pub(crate) const fn new(indexes: &'a AtomicU64) -> Self {
        Self(indexes)
    }

    /// How many indexes are to run, as of now.
    #[inline]
    #[must_use]
    pub fn get(self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

pub(crate) struct OpenLoop<W: LoopBody> {
    work: W,
    start: W::Index,
    len: u64,
    chunk_len: Option<NonZeroU64>,
    /// The first offset that was never claimed.
    cursor: AtomicU64,
    /// Indexes worth the target of work, as measured.
    claim_len: AtomicU64,
    /// Claimed but not run, because a core was called away.
    returned: Mutex<Vec<Range<u64>>>,
    /// How many indexes those are; changes only under their lock.
    returned_len: AtomicU64,
    /// Results by the offset of their first index.
    parts: Mutex<BTreeMap<u64, Part<W::Output>>>,
    delivery: Mutex<Delivery<W::Output>>,
    task: Arc<Task>,
}

struct Part<T> {
    end: u64,
    value: T,
}

struct Delivery<T> {
    value: Option<T>,
    waker: Option<Waker>,
}

impl<W: LoopBody> OpenLoop<W> {
    fn range(&self, offsets: Range<u64>) -> Range<W::Index> {
        self.start.plus(offsets.start)..self.start.plus(offsets.end)
    }

    fn chunk_len(&self) -> u64 {
        self.chunk_len.map_or(1, NonZeroU64::get)
    }

    /// Takes indexes worth the target, fewer near the end.
    fn claim(&self, cores: u64) -> Option<Range<u64>> {
        if self.returned_len.load(Ordering::SeqCst) > 0
            && let Some(range) = lock(&self.returned).pop()
        {
            self.returned_len
                .fetch_sub(range.end - range.start, Ordering::SeqCst);
            return Some(range);
        }
        let worth = self.claim_len.load(Ordering::Relaxed);
        let mut cursor = self.cursor.load(Ordering::SeqCst);
        while cursor < self.len {
            let left = self.len - cursor;
            let tail = (left / (2 * cores)).max(worth / TAIL_SHARE);
            let wanted = worth.min(tail).max(1);
            let wanted = wanted.checked_next_multiple_of(self.chunk_len());
            let end = cursor + wanted.unwrap_or(left).min(left);
            let claimed =
                self.cursor
                    .compare_exchange(cursor, end, Ordering::SeqCst, Ordering::SeqCst);
            match claimed {
                Ok(_) => return Some(cursor..end),
                Err(newer) => cursor = newer,
            }
        }
        None
    }

    /// Runs claimed indexes; gives the result and how many ran, nothing if the core is called away
    /// before the first.
    fn run(&self, claimed: &Range<u64>, core: &Core) -> Option<(W::Output, u64)> {
        let (range, len) = (self.range(claimed.clone()), claimed.end - claimed.start);
        let bound = core.bound_claim(len);
        match self.chunk_len {
            Some(chunk_len) => self.work.map_chunks(range, chunk_len, bound),
            None => (bound.get() > 0).then(|| (self.work.map(range), len)),
        }
    }

    /// Learns from a claim how many indexes are worth the target of work.
    fn learn(&self, indexes: u64, took_ns: u64, target_ns: u64) {
        let worth = u128::from(indexes) * u128::from(target_ns) / u128::from(took_ns.max(1));
        let before = self.claim_len.load(Ordering::Relaxed);
        let worth = u64::try_from(worth).unwrap_or(u64::MAX);
        let bounded = worth
            .clamp(before / GROWTH, before.saturating_mul(GROWTH))
            .max(1);
        self.claim_len.store(bounded, Ordering::Relaxed);
    }

    fn give_back(&self, rest: Range<u64>) {
        if !rest.is_empty() {
            let mut returned = lock(&self.returned);
            self.returned_len
                .fetch_add(rest.end - rest.start, Ordering::SeqCst);
            returned.push(rest);
        }
    }

    /// Joins a result with its neighbours until none is left; true if it covers the range.
    fn join(&self, mut start: u64, mut end: u64, mut value: W::Output) -> bool {
        loop {
            let mut parts = lock(&self.parts);
            let left = parts
                .range(..start)
                .next_back()
                .filter(|(_, part)| part.end == start);
            if let Some(left_start) = left.map(|(&left_start, _)| left_start) {
                let left = parts.remove(&left_start);
                drop(parts);
                if let Some(left) = left {
                    value = self.work.reduce(left.value, value);
                    start = left_start;
                }
            } else if let Some(right) = parts.remove(&end) {
                drop(parts);
                value = self.work.reduce(value, right.value);
                end = right.end;
            } else if start == 0 && end == self.len {
                drop(parts);
                self.deliver(value);
                return true;
            } else {
                parts.insert(start, Part { end, value });
                return false;
            }
        }
    }

    fn deliver(&self, value: W::Output) {
        let mut delivery = lock(&self.delivery);
        delivery.value = Some(value);
        let waker = delivery.waker.take();
        drop(delivery);
        self.task.close_loop(self);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// A claim near the end of a range is never less than this part of a usual one.
const TAIL_SHARE: u64 = 16;
/// Claims grow and shrink by no more than this factor at once.
const GROWTH: u64 = 16;

impl<W: LoopBody> AnyLoop for OpenLoop<W> {
    fn unclaimed(&self) -> u64 {
        let fresh = self.len.saturating_sub(self.cursor.load(Ordering::SeqCst));
        let returned = self.returned_len.load(Ordering::SeqCst);
        fresh.saturating_add(returned).div_ceil(self.chunk_len())
    }

    fn progress(&self) -> (u64, u64) {
        let returned = self.returned_len.load(Ordering::SeqCst);
        let claimed = self
            .cursor
            .load(Ordering::SeqCst)
            .min(self.len)
            .saturating_sub(returned);
        (self.len, claimed)
    }

    fn run_claim(self: Arc<Self>, slice: &Slice<'_>) -> Option<Commit> {
        let claimed = self.claim(slice.cores())?;
        let before_ns = slice.progress_ns();
        let ran = standing(Place::Chunk, || self.run(&claimed, slice.core));
        let took_ns = slice.progress_ns().saturating_sub(before_ns);
        let Some((value, indexes)) = ran else {
            self.give_back(claimed);
            return Some(Box::new(|| false));
        };
        let reached = claimed.start + indexes;
        self.give_back(reached..claimed.end);
        self.learn(indexes, took_ns, slice.target_ns());
        Some(Box::new(move || self.join(claimed.start, reached, value)))
    }

    fn abandon(&self) {
        self.cursor.fetch_max(self.len, Ordering::SeqCst);
        let mut returned = lock(&self.returned);
        returned.clear();
        self.returned_len.store(0, Ordering::SeqCst);
    }
}

/// A parallel loop that runs when it is awaited, on every core the policy gives.
///
/// Awaited inside a chunk of the same executor it runs right there, on the chunk's core.
#[must_use = "a loop runs when it is awaited"]
pub struct ParallelLoop<W: LoopBody> {
    stage: Stage<W>,
}

enum Stage<W: LoopBody> {
    Unopened {
        task: Arc<Task>,
        work: W,
        range: Range<W::Index>,
        chunk_len: Option<NonZeroU64>,
    },
    Open(Arc<OpenLoop<W>>),
    Over,
}

impl<W: LoopBody> ParallelLoop<W> {
    pub(crate) const fn new(task: Arc<Task>, range: Range<W::Index>, work: W) -> Self {
        Self {
            stage: Stage::Unopened {
                task,
                work,
                range,
                chunk_len: None,
            },
        }
    }

    /// Fixes how many indexes a chunk has: the core looks between any two chunks whether another
    /// request should go first. Without it chunks of about 100 µs are cut.
    pub fn chunk_len(mut self, indexes: NonZeroU64) -> Self {
        if let Stage::Unopened { chunk_len, .. } = &mut self.stage {
            *chunk_len = Some(indexes);
        }
        self
    }

    /// Runs the whole loop on this thread, now: for a loop inside a chunk.
    pub fn inline(mut self) -> W::Output {
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Unopened { work, range, .. } => work.map(range),
            Stage::Open(_) | Stage::Over => {
                unreachable!("only polling opens a loop, and what is polled cannot be moved here")
            }
        }
    }

    fn open(&mut self, waker: &Waker) -> Poll<W::Output> {
        let Stage::Unopened {
            task,
            work,
            range,
            chunk_len,
        } = std::mem::replace(&mut self.stage, Stage::Over)
        else {
            return Poll::Pending;
        };
        let len = range.start.distance(range.end);
        if len == 0 || crate::cores::place() == Place::Chunk {
            return Poll::Ready(work.map(range));
        }
        let open = Arc::new(OpenLoop {
            work,
            start: range.start,
            len,
            chunk_len,
            cursor: AtomicU64::new(0),
            claim_len: AtomicU64::new(1),
            returned: Mutex::new(Vec::new()),
            returned_len: AtomicU64::new(0),
            parts: Mutex::new(BTreeMap::new()),
            delivery: Mutex::new(Delivery {
                value: None,
                waker: Some(waker.clone()),
            }),
            task: Arc::clone(&task),
        });
        self.stage = Stage::Open(Arc::clone(&open));
        task.open(open);
        Poll::Pending
    }
}

impl<W: LoopBody> Unpin for ParallelLoop<W> {}

impl<W: LoopBody> Future for ParallelLoop<W> {
    type Output = W::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<W::Output> {
        let value = match &self.stage {
            Stage::Unopened { .. } => return self.open(context.waker()),
            Stage::Open(open) => {
                let mut delivery = lock(&open.delivery);
                if delivery.value.is_none() {
                    delivery.waker = Some(context.waker().clone());
                }
                delivery.value.take()
            }
            Stage::Over => None,
        };
        match value {
            Some(value) => {
                self.stage = Stage::Over;
                Poll::Ready(value)
            }
            None => Poll::Pending,
        }
    }
}

impl<W: LoopBody> Drop for ParallelLoop<W> {
    fn drop(&mut self) {
        if let Stage::Open(open) = &self.stage {
            open.abandon();
            open.task.close_loop(open.as_ref());
        }
    }
}

impl<W: LoopBody> fmt::Debug for ParallelLoop<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParallelLoop").finish_non_exhaustive()
    }
}
