//! Only an arrival takes memory, and only where the crowd is larger than ever: an allocation in a
//! decision would make every core wait for the allocator.
#![expect(
    unsafe_code,
    reason = "an allocator that counts implements an unsafe trait"
)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use millicore_policy::admission::Admission;
use millicore_policy::limit::LimitSpec;
use millicore_policy::policies::ALL;
use millicore_policy::scheduler::{Arrival, Config, Decision, Scheduler};
use millicore_policy::work::Size;
use millicore_policy::{Policy, RequestKey, TenantId, TenantSpec};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator unchanged; the counter is a constant-initialised
// thread-local without a destructor, which neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of `alloc`, which is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: `pointer` came from `System` with this layout, as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of `realloc`, which is passed on.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const CORES: usize = 3;
const SLICE_NS: u64 = 1_000;
const CROWD: u64 = 300;

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(1)))), 1);
}

#[test]
fn no_policy_allocates_once_it_is_warm() {
    for definition in ALL {
        for width in ["", "/kept", "/one", "/2", "/all"] {
            for ageing_ns in [None, Some(20 * SLICE_NS)] {
                check(&format!("{}{width}", definition.name), ageing_ns);
            }
        }
    }
}

fn check(policy: &str, ageing_ns: Option<u64>) {
    let policy: Policy = policy.parse().unwrap();
    let mut crowd = Crowd::new(policy, ageing_ns);
    for _ in 0..CROWD {
        crowd.arrive();
    }
    for _ in 0..2 {
        crowd.live_on();
    }
    crowd.taken_by_arrivals = 0;
    let count = allocations(|| crowd.live_on()) - crowd.taken_by_arrivals;
    assert!(
        crowd.chunks > 1_000,
        "{policy} started {} chunks only",
        crowd.chunks
    );
    assert_eq!(count, 0, "{policy} with ageing {ageing_ns:?}");
}

fn allocations(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

struct Crowd {
    scheduler: Scheduler,
    tenants: [TenantId; 3],
    keys: Vec<RequestKey>,
    now_ns: u64,
    next_id: u64,
    chunks: u64,
    taken_by_arrivals: u64,
}

impl Crowd {
    fn new(policy: Policy, ageing_ns: Option<u64>) -> Self {
        let bucket = LimitSpec::TokenBucket {
            rate_millicores: 900,
            burst_ns: 3 * SLICE_NS,
        };
        let quota = LimitSpec::Bandwidth {
            quota_ns: 9 * SLICE_NS,
            period_ns: 10 * SLICE_NS,
        };
        let mut scheduler = Scheduler::new(&Config {
            policy,
            cores: CORES,
            slice_ns: SLICE_NS,
            ageing_ns,
            machine_limit: Some(LimitSpec::Bandwidth {
                quota_ns: 25 * SLICE_NS,
                period_ns: 10 * SLICE_NS,
            }),
            admission: Admission {
                max_waiting: None,
                max_wait_ns: Some(2 * CROWD * SLICE_NS),
                refuse_late: true,
            },
        });
        let mut tenant = |name: &str, weight, limit| {
            let spec = TenantSpec {
                name: name.to_owned(),
                weight,
                limit,
            };
            scheduler.set_tenant(0, spec).unwrap()
        };
        let tenants = [
            tenant("ant", 3, Some(bucket)),
            tenant("bee", 7, Some(quota)),
            tenant("cat", 1, None),
        ];
        let keys = Vec::with_capacity(usize::try_from(2 * CROWD).unwrap());
        Self {
            scheduler,
            tenants,
            keys,
            now_ns: 0,
            next_id: 0,
            chunks: 0,
            taken_by_arrivals: 0,
        }
    }

    fn arrive(&mut self) {
        let id = self.next_id;
        self.next_id += 1;
        let arrival = Arrival {
            weight: 1 + u32::try_from(id % 7).unwrap(),
            priority: i32::from(id.is_multiple_of(11)),
            deadline_ns: Some(self.now_ns + (1 + id % 50) * 40 * SLICE_NS),
            tenant: self.tenants[usize::try_from(id % 3).unwrap()],
            ..Arrival::new(id, Size::Exact(1 + id * 977 % (6 * SLICE_NS)))
        };
        self.taken_by_arrivals += allocations(|| {
            self.keys
                .push(self.scheduler.arrive(self.now_ns, &arrival).unwrap());
        });
    }

    /// Some turns of all cores, with cancellations, recalls and expiries among them; who leaves is
    /// replaced.
    fn live_on(&mut self) {
        let mut running = [0; CORES];
        for turn in 0..1_000_u64 {
            self.now_ns += SLICE_NS;
            for (core, planned_ns) in running.iter_mut().enumerate() {
                let used_ns = *planned_ns * (50 + turn % 60) / 100;
                self.scheduler
                    .end_slice(self.now_ns, core, used_ns, u32::MAX);
                *planned_ns = 0;
            }
            while self.scheduler.expire(self.now_ns).is_some() {}
            if turn % 3 == 0 && !self.keys.is_empty() {
                let index = usize::try_from(turn * 31).unwrap() % self.keys.len();
                let key = self.keys.swap_remove(index);
                self.scheduler.offer(self.now_ns, key, 1);
                self.scheduler.cancel(self.now_ns, key);
            }
            self.keys.retain(|&key| self.scheduler.work(key).is_some());
            while self.keys.len() < usize::try_from(CROWD).unwrap() {
                self.arrive();
            }
            for (core, planned) in running.iter_mut().enumerate() {
                if let Decision::Run { planned_ns, .. } = self.scheduler.pick(self.now_ns, core) {
                    *planned = planned_ns;
                    self.chunks += 1;
                }
            }
            if let Some(&newest) = self.keys.last() {
                self.scheduler.recall(self.now_ns, newest);
            }
        }
        for (core, planned_ns) in running.into_iter().enumerate() {
            self.scheduler
                .end_slice(self.now_ns, core, planned_ns, u32::MAX);
        }
        self.keys.retain(|&key| self.scheduler.work(key).is_some());
    }
}
