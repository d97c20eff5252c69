//! The two machines behind one trait: a setup and requests in, a schedule out.

use millicore::journal::{Answer, Entry, Event};
use millicore::{Builder, Cpu, CpuLimit, Decision, Executor, Handle, Policy, VirtualExecutor};
use millicore_quota::Millicores;
use millicore_sim::{LimitSpec, TenantSpec, Workload, simulate_observed, workload};
use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::time::Duration;

/// What both machines are set up with. Limits are token buckets, as the executor has them.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) policy: Policy,
    pub(crate) cores: usize,
    /// A slice is one chunk.
    pub(crate) chunk_ns: u64,
    pub(crate) ageing_ns: Option<u64>,
    pub(crate) tenants: Vec<Tenant>,
    pub(crate) limit: Option<Millicores>,
}

#[derive(Clone, Debug)]
pub(crate) struct Tenant {
    pub(crate) name: &'static str,
    pub(crate) weight: NonZeroU32,
    pub(crate) limit: Option<Millicores>,
}

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Schedule {
    /// In the order of the requests; nothing for one that was cancelled.
    pub(crate) completions_ns: Vec<Option<u64>>,
    /// Start, request and cost of every chunk, sorted: which core it ran on does not matter.
    pub(crate) chunks: Vec<(u64, u64, u64)>,
}

pub(crate) trait Machine {
    const NAME: &'static str;

    fn run(setup: &Setup, workload: &Workload) -> Schedule;
}

/// The simulator.
pub(crate) struct Simulated;

/// The executor on virtual cores.
pub(crate) struct Executed;

impl Machine for Simulated {
    const NAME: &'static str = "the simulator";

    fn run(setup: &Setup, workload: &Workload) -> Schedule {
        let mut chunks = Vec::new();
        let schedule = simulate_observed(workload, &setup.simulator(), |dispatch| {
            chunks.push((dispatch.now_ns, dispatch.id, dispatch.cost_ns));
        });
        let schedule = schedule.expect("a valid workload");
        chunks.sort_unstable();
        Schedule {
            completions_ns: schedule.completions_ns().collect(),
            chunks,
        }
    }
}

impl Machine for Executed {
    const NAME: &'static str = "the executor";

    fn run(setup: &Setup, workload: &Workload) -> Schedule {
        let builder = setup.builder().journal(true);
        let executor = VirtualExecutor::new(builder).expect("a valid setup");
        let mut run = Run {
            executor,
            chunk_ns: setup.chunk_ns,
            workload,
            handles: BTreeMap::new(),
        };
        run.finish();
        run.schedule()
    }
}

impl Setup {
    pub(crate) fn new(policy: Policy, cores: usize, chunk_ns: u64) -> Self {
        Self {
            policy,
            cores,
            chunk_ns,
            ageing_ns: None,
            tenants: Vec::new(),
            limit: None,
        }
    }

    pub(crate) fn simulator(&self) -> millicore_sim::Setup {
        let tenant = |tenant: &Tenant| TenantSpec {
            name: tenant.name.to_owned(),
            weight: tenant.weight.get(),
            limit: tenant.limit.map(|limit| token_bucket(limit.get().into())),
        };
        millicore_sim::Setup {
            chunk_ns: self.chunk_ns,
            ageing_ns: self.ageing_ns,
            tenants: self.tenants.iter().map(tenant).collect(),
            // The executor stays just under the limit of its machine.
            machine_limit: self
                .limit
                .map(|limit| token_bucket(u64::from(limit.get()) * 98 / 100)),
            ..millicore_sim::Setup::new(self.policy, self.cores)
        }
    }

    pub(crate) fn builder(&self) -> Builder {
        let builder = Executor::builder()
            .policy(self.policy)
            .cores(NonZeroUsize::new(self.cores).expect("a core"))
            .slice(Duration::from_nanos(self.chunk_ns))
            // A claim is one chunk.
            .chunk_target(Duration::from_nanos(1))
            .ageing(self.ageing_ns.map(Duration::from_nanos))
            .cpu_limit(self.limit.map_or(CpuLimit::Unlimited, CpuLimit::AtMost));
        self.tenants.iter().fold(builder, |builder, tenant| {
            builder.tenant(tenant.name, tenant.weight, tenant.limit)
        })
    }
}

fn token_bucket(rate_millicores: u64) -> LimitSpec {
    LimitSpec::TokenBucket {
        rate_millicores,
        burst_ns: 10_000_000,
    }
}

/// A workload on its way through the executor.
struct Run<'a> {
    executor: VirtualExecutor,
    chunk_ns: u64,
    workload: &'a Workload,
    /// By the id of the request.
    handles: BTreeMap<u64, Handle<()>>,
}

impl Run<'_> {
    /// At one instant chunks end first, then requests are cancelled, then requests arrive.
    fn finish(&mut self) {
        let workload = self.workload;
        let mut events: Vec<(u64, bool, u64, &workload::Request)> = Vec::new();
        for request in workload.requests.iter().filter(|request| request.enters()) {
            events.push((request.arrival_ns, true, request.id, request));
            let cancelled = request.cancel_ns;
            events.extend(cancelled.map(|cancel_ns| (cancel_ns, false, request.id, request)));
        }
        events.sort_unstable_by_key(|&(time_ns, arrives, id, _)| (time_ns, arrives, id));
        for (time_ns, arrives, id, request) in events {
            self.executor.run_until(Duration::from_nanos(time_ns));
            if arrives {
                let handle = self.submit(request);
                self.handles.insert(id, handle);
            } else {
                self.handles[&id].cancel();
            }
        }
        self.executor.run_to_end();
    }

    fn submit(&self, request: &workload::Request) -> Handle<()> {
        let (size_ns, chunk_ns) = (request.size_ns, self.chunk_ns);
        let tenant = &self.workload.tenants[request.tenant as usize];
        self.executor
            .submit(described(request, tenant), move |cpu| {
                chunks(cpu, size_ns, chunk_ns)
            })
    }

    fn schedule(mut self) -> Schedule {
        let chunks = self.chunks();
        let completions_ns = self.workload.requests.iter().map(|request| {
            let handle = self.handles.remove(&request.id)?;
            assert!(handle.is_finished(), "request {} never ends", request.id);
            let age = handle.progress().age;
            let completed = handle.wait().is_ok();
            completed.then(|| request.arrival_ns + nanoseconds(age))
        });
        Schedule {
            completions_ns: completions_ns.collect(),
            chunks,
        }
    }

    /// The slices that the journal tells of; a slice without cost was no chunk.
    fn chunks(&self) -> Vec<(u64, u64, u64)> {
        let ids: BTreeMap<u64, u64> = self
            .handles
            .iter()
            .map(|(&id, handle)| (handle.id(), id))
            .collect();
        let mut begun: BTreeMap<usize, (u64, u64)> = BTreeMap::new();
        let mut chunks = Vec::new();
        for Entry {
            now_ns,
            event,
            answer,
            ..
        } in self.executor.take_journal()
        {
            match (event, answer) {
                (Event::Pick { core }, Answer::Decided(Decision::Run { id, .. })) => {
                    begun.insert(core, (now_ns, ids[&id]));
                }
                (Event::EndSlice { core, used_ns, .. }, _) if used_ns > 0 => {
                    let (start_ns, id) = begun[&core];
                    chunks.push((start_ns, id, used_ns));
                }
                _ => {}
            }
        }
        chunks.sort_unstable();
        chunks
    }
}

/// A request with its size as an estimate, as the executor knows sizes.
pub(crate) fn described(request: &workload::Request, tenant: &str) -> millicore::Request {
    let mut described = millicore::Request::new()
        .size(Duration::from_nanos(request.size_ns))
        .priority(request.priority)
        .weight(NonZeroU32::new(request.weight).expect("a weight"))
        .tenant(tenant);
    if let Some(cores) = request.max_cores {
        described = described.max_cores(cores);
    }
    if let Some(deadline_ns) = request.deadline_ns {
        described = described.deadline(Duration::from_nanos(deadline_ns - request.arrival_ns));
    }
    described
}

/// One parallel loop: an index a chunk, which declares what it costs.
pub(crate) async fn chunks(cpu: Cpu, size_ns: u64, chunk_ns: u64) {
    let chunk = cpu.clone();
    let cost = move |index| {
        let cost_ns = chunk_ns.min(size_ns - index * chunk_ns);
        chunk.declare(Duration::from_nanos(cost_ns));
    };
    cpu.for_each(0..size_ns.div_ceil(chunk_ns), cost)
        .chunk_len(NonZeroU64::MIN)
        .await;
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).expect("a time within 64 bits")
}
