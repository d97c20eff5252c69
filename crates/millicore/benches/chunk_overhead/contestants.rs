//! The ways to run empty chunks on two threads: millicore, rayon, tokio, async-executor.
//!
//! The threads of a pool stay on processors 0 and 1. A run lasts a millisecond or two, and the
//! kernel may leave two threads on one processor for as long: that would be measured otherwise.

use crate::processor::stay_on;
use async_executor::Executor as AsyncExecutor;
use futures_lite::future;
use millicore::{CpuLimit, Executor, Policy, Request};
use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};
use std::hint::black_box;
use std::num::{NonZeroU64, NonZeroUsize};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

pub(crate) const THREADS: usize = 2;

/// What every contestant calls once per index.
pub(crate) trait Chunk: Fn(u64) + Copy + Send + Sync + 'static {}

impl<F: Fn(u64) + Copy + Send + Sync + 'static> Chunk for F {}

/// A pool of two threads of each kind, at rest unless it is measured.
pub(crate) struct Contestants {
    millicore: Executor,
    rayon: rayon::ThreadPool,
    tokio: tokio::runtime::Runtime,
    async_executor: Arc<AsyncExecutor<'static>>,
}

impl Contestants {
    pub(crate) fn start() -> Self {
        let async_executor = Arc::new(AsyncExecutor::new());
        for processor in 0..THREADS {
            let executor = Arc::clone(&async_executor);
            // Ends with the process.
            std::thread::spawn(move || {
                stay_on(processor);
                future::block_on(executor.run(future::pending::<()>()));
            });
        }
        let started = AtomicUsize::new(0);
        Self {
            millicore: Executor::builder()
                .policy(Policy::focus())
                .cores(NonZeroUsize::new(THREADS).expect("two"))
                .cpu_limit(CpuLimit::Unlimited)
                .pin_to([0, 1])
                .build()
                .expect("two workers start"),
            rayon: rayon::ThreadPoolBuilder::new()
                .num_threads(THREADS)
                .start_handler(|thread| {
                    stay_on(thread);
                })
                .build()
                .expect("two workers start"),
            tokio: tokio::runtime::Builder::new_multi_thread()
                .worker_threads(THREADS)
                .on_thread_start(move || {
                    stay_on(started.fetch_add(1, Ordering::Relaxed) % THREADS);
                })
                .build()
                .expect("two workers start"),
            async_executor,
        }
    }

    pub(crate) fn millicore_adaptive(&self, chunks: u64, chunk: impl Chunk) {
        let request = self
            .millicore
            .submit(Request::new(), move |cpu| async move {
                cpu.for_each(0..chunks, chunk).await;
            });
        request.wait().expect("no chunk panics");
    }

    pub(crate) fn millicore_fixed(&self, chunks: u64, chunk: impl Chunk) {
        let request = self
            .millicore
            .submit(Request::new(), move |cpu| async move {
                cpu.for_each(0..chunks, chunk)
                    .chunk_len(NonZeroU64::MIN)
                    .await;
            });
        request.wait().expect("no chunk panics");
    }

    pub(crate) fn rayon_default(&self, chunks: u64, chunk: impl Chunk) {
        self.rayon
            .install(|| (0..chunks).into_par_iter().for_each(chunk));
    }

    pub(crate) fn rayon_max_len(&self, chunks: u64, chunk: impl Chunk) {
        let chunks = usize::try_from(chunks).expect("a machine of 64 bits");
        let by_index = |index: usize| chunk(index as u64);
        self.rayon.install(|| {
            (0..chunks)
                .into_par_iter()
                .with_max_len(1)
                .for_each(by_index);
        });
    }

    pub(crate) fn tokio_spawn(&self, chunks: u64, chunk: impl Chunk) {
        let spawn_all = self.tokio.spawn(async move {
            let spawn = |index| tokio::spawn(async move { chunk(index) });
            let tasks: Vec<_> = (0..chunks).map(spawn).collect();
            for task in tasks {
                task.await.expect("no chunk panics");
            }
        });
        self.tokio.block_on(spawn_all).expect("no chunk panics");
    }

    pub(crate) fn async_executor_spawn(&self, chunks: u64, chunk: impl Chunk) {
        let executor = Arc::clone(&self.async_executor);
        let spawn_all = self.async_executor.spawn(async move {
            let spawn = |index| executor.spawn(async move { chunk(index) });
            let tasks: Vec<_> = (0..chunks).map(spawn).collect();
            for task in tasks {
                task.await;
            }
        });
        future::block_on(spawn_all);
    }
}

/// The least that a claim of a single chunk could cost.
pub(crate) fn fetch_add(chunks: u64) {
    let counter = AtomicU64::new(0);
    for _ in 0..chunks {
        black_box(&counter).fetch_add(1, Ordering::Relaxed);
    }
}
