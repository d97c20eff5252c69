//! What a request's body works with: parallel loops, single closures, checkpoints.

use crate::clock;
use crate::cores::current_core;
use crate::index::Index;
use crate::parallel::{Bound, LoopBody, ParallelLoop};
use crate::task::Task;
use std::marker::PhantomData;
use std::num::NonZeroU64;
use std::ops::Range;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

/// The cores, as one request sees them. Cheap to clone; move clones into loops and sub-futures.
#[derive(Clone, Debug)]
pub struct Cpu {
    task: Arc<Task>,
}

impl Cpu {
    pub(crate) const fn new(task: Arc<Task>) -> Self {
        Self { task }
    }

    /// Maps chunks of a range on every core the policy gives and combines the results in the
    /// order of the range. `reduce` must be associative; it need not be commutative. An empty
    /// range is mapped once, as it is.
    ///
    /// ```
    /// # let executor = millicore::Executor::builder().build()?;
    /// # let handle = executor.submit(millicore::Request::new(), |cpu| async move {
    /// let sum = cpu.map_reduce(0..1_000_u64, |range| range.sum::<u64>(), |a, b| a + b).await;
    /// assert_eq!(sum, 499_500);
    /// # });
    /// # handle.wait()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn map_reduce<I, T, M, R>(
        &self,
        range: Range<I>,
        map: M,
        reduce: R,
    ) -> ParallelLoop<MapReduce<I, T, M, R>>
    where
        I: Index,
        T: Send + 'static,
        M: Fn(Range<I>) -> T + Send + Sync + 'static,
        R: Fn(T, T) -> T + Send + Sync + 'static,
    {
        ParallelLoop::new(
            self.task(),
            range,
            MapReduce {
                map,
                reduce,
                types: PhantomData,
            },
        )
    }

    /// Runs `each` for every index of a range, on every core the policy gives, in no order.
    pub fn for_each<I, F>(&self, range: Range<I>, each: F) -> ParallelLoop<ForEach<I, F>>
    where
        I: Index,
        F: Fn(I) + Send + Sync + 'static,
        Range<I>: Iterator<Item = I>,
    {
        ParallelLoop::new(
            self.task(),
            range,
            ForEach {
                each,
                index: PhantomData,
            },
        )
    }

    /// Runs work that does not divide, as one chunk.
    pub fn run<T, F>(&self, work: F) -> ParallelLoop<RunOnce<F>>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        ParallelLoop::new(
            self.task(),
            0..1,
            RunOnce {
                work: Mutex::new(Some(work)),
            },
        )
    }

    /// Awaits two futures of this request together, such as two loops: their chunks are worked
    /// on side by side.
    pub async fn join<A: Future, B: Future>(&self, a: A, b: B) -> (A::Output, B::Output) {
        let (mut a, mut b) = (pin!(a), pin!(b));
        let (mut first, mut second) = (None, None);
        std::future::poll_fn(|context| {
            poll_into(&mut first, a.as_mut(), context);
            poll_into(&mut second, b.as_mut(), context);
            match (first.take(), second.take()) {
                (Some(a), Some(b)) => Poll::Ready((a, b)),
                (a, b) => {
                    (first, second) = (a, b);
                    Poll::Pending
                }
            }
        })
        .await
    }

    /// Lets others go first if this request's slice is over or somebody waits who should: call it
    /// now and then in a sequential loop. Costs a clock reading when nobody waits.
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            task: self.task(),
            yielded: false,
        }
    }

    /// Declares that this chunk takes so much CPU time: what a
    /// [`VirtualExecutor`](crate::VirtualExecutor) counts instead of a clock. Without effect on
    /// real cores.
    pub fn declare(&self, cpu_time: Duration) {
        clock::declare(u64::try_from(cpu_time.as_nanos()).unwrap_or(u64::MAX));
    }

    fn task(&self) -> Arc<Task> {
        Arc::clone(&self.task)
    }
}

fn poll_into<F: Future>(output: &mut Option<F::Output>, future: Pin<&mut F>, cx: &mut Context<'_>) {
    if output.is_none()
        && let Poll::Ready(value) = future.poll(cx)
    {
        *output = Some(value);
    }
}

/// Waits for this request's next turn, if its slice is over.
#[derive(Debug)]
#[must_use = "a checkpoint does nothing unless it is awaited"]
pub struct Checkpoint {
    task: Arc<Task>,
    yielded: bool,
}

impl Future for Checkpoint {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let progress_ns = self.task.dispatcher.clock.progress_ns();
        let over = current_core().is_some_and(|core| core.slice_is_over(progress_ns));
        if self.yielded || !over {
            return Poll::Ready(());
        }
        self.yielded = true;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

/// What [`Cpu::map_reduce`] runs.
#[derive(Debug)]
pub struct MapReduce<I, T, M, R> {
    map: M,
    reduce: R,
    types: PhantomData<fn(I) -> T>,
}

impl<I, T, M, R> LoopBody for MapReduce<I, T, M, R>
where
    I: Index,
    T: Send + 'static,
    M: Fn(Range<I>) -> T + Send + Sync + 'static,
    R: Fn(T, T) -> T + Send + Sync + 'static,
{
    type Index = I;
    type Output = T;

    fn map(&self, range: Range<I>) -> T {
        (self.map)(range)
    }

    fn reduce(&self, left: T, right: T) -> T {
        (self.reduce)(left, right)
    }
}

/// What [`Cpu::for_each`] runs.
#[derive(Debug)]
pub struct ForEach<I, F> {
    each: F,
    index: PhantomData<fn(I)>,
}

impl<I, F> LoopBody for ForEach<I, F>
where
    I: Index,
    F: Fn(I) + Send + Sync + 'static,
    Range<I>: Iterator<Item = I>,
{
    type Index = I;
    type Output = ();

    fn map(&self, range: Range<I>) {
        range.for_each(&self.each);
    }

    fn reduce(&self, (): (), (): ()) {}

    /// An index does not see in which chunk it is, so that only the looks are left of chunks.
    fn map_chunks(
        &self,
        range: Range<I>,
        chunk_len: NonZeroU64,
        bound: Bound<'_>,
    ) -> Option<((), u64)> {
        let (start, len) = (range.start, range.start.distance(range.end));
        let mut reached = 0;
        if chunk_len == NonZeroU64::MIN {
            while reached < bound.get() {
                (self.each)(start.plus(reached));
                reached += 1;
            }
        }
        while reached < bound.get() {
            let to = reached.saturating_add(chunk_len.get()).min(len);
            self.map(start.plus(reached)..start.plus(to));
            reached = to;
        }
        (reached > 0).then_some(((), reached))
    }
}

/// What [`Cpu::run`] runs.
#[derive(Debug)]
pub struct RunOnce<F> {
    work: Mutex<Option<F>>,
}

impl<T: Send + 'static, F: FnOnce() -> T + Send + 'static> LoopBody for RunOnce<F> {
    type Index = u32;
    type Output = T;

    #[expect(
        clippy::expect_used,
        reason = "a loop of one index maps it once and reduces nothing"
    )]
    fn map(&self, _range: Range<u32>) -> T {
        let work = crate::completion::lock(&self.work).take();
        work.expect("a single chunk runs once")()
    }

    fn reduce(&self, left: T, _right: T) -> T {
        left
    }
}
