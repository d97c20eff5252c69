//! A second simulator, written from the rules alone: a clock that ticks every nanosecond, lists
//! that are searched from end to end, and nothing shared with the first.

use std::cmp::Reverse;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Fifo,
    Fair,
    Focus,
    Sjf,
    Srpt,
    Las,
    Edf,
    HeSrpt { exponent: u32 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Width {
    Kept,
    AtMost(u32),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Limit {
    Bandwidth { quota: u64, period: u64 },
    Bucket { millicores: u64, burst: u64 },
}

#[derive(Clone, Debug)]
pub(crate) struct Tenant {
    pub(crate) name: &'static str,
    pub(crate) weight: u32,
    pub(crate) limit: Option<Limit>,
}

#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) id: u64,
    pub(crate) arrival: u64,
    pub(crate) size: u64,
    pub(crate) priority: i32,
    pub(crate) weight: u32,
    pub(crate) max_cores: Option<u32>,
    pub(crate) deadline: Option<u64>,
    pub(crate) cancel: Option<u64>,
    /// An index into the tenants.
    pub(crate) tenant: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) order: Order,
    pub(crate) width: Width,
    pub(crate) cores: usize,
    pub(crate) chunk: u64,
    pub(crate) overhead: u64,
    pub(crate) ageing: Option<u64>,
    pub(crate) limit: Option<Limit>,
    pub(crate) tenants: Vec<Tenant>,
    pub(crate) jobs: Vec<Job>,
}

/// Time, core, id and cost of a chunk that starts.
pub(crate) type Start = (u64, usize, u64, u64);

pub(crate) struct Outcome {
    pub(crate) starts: Vec<Start>,
    /// By the order of the jobs.
    pub(crate) completions: Vec<Option<u64>>,
}

pub(crate) fn run(case: &Case) -> Outcome {
    let mut naive = Naive::new(case);
    let mut now = 0;
    while !naive.is_done() {
        naive.tick(now);
        now += 1;
        assert!(now < 1_000_000, "the case never ends: {case:?}");
    }
    Outcome {
        starts: naive.starts,
        completions: naive.jobs.iter().map(|job| job.end).collect(),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Outside,
    Live,
    Gone,
}

#[derive(Debug)]
struct JobState {
    stage: Stage,
    dispatched: u64,
    in_flight: u32,
    last_start: u64,
    virtual_time: u128,
    share: u64,
    kept_by: Option<usize>,
    end: Option<u64>,
}

#[derive(Debug)]
struct TenantState {
    virtual_time: u128,
    /// The virtual time of its own instance of the policy.
    inner_time: u128,
    account: Option<Account>,
    ranks_are_old: bool,
}

#[derive(Debug)]
struct Account {
    limit: Limit,
    left: i128,
}

#[derive(Clone, Copy, Debug)]
struct Running {
    job: usize,
    until: u64,
}

struct Naive<'a> {
    case: &'a Case,
    jobs: Vec<JobState>,
    tenants: Vec<TenantState>,
    tenant_time: u128,
    machine: Option<Account>,
    running: Vec<Option<Running>>,
    starts: Vec<Start>,
}

impl<'a> Naive<'a> {
    fn new(case: &'a Case) -> Self {
        let job = |_| JobState {
            stage: Stage::Outside,
            dispatched: 0,
            in_flight: 0,
            last_start: 0,
            virtual_time: 0,
            share: 0,
            kept_by: None,
            end: None,
        };
        let tenant = |tenant: &Tenant| TenantState {
            virtual_time: 0,
            inner_time: 0,
            account: tenant.limit.map(Account::full),
            ranks_are_old: false,
        };
        Self {
            case,
            jobs: case.jobs.iter().map(job).collect(),
            tenants: case.tenants.iter().map(tenant).collect(),
            tenant_time: 0,
            machine: case.limit.map(Account::full),
            running: vec![None; case.cores],
            starts: Vec::new(),
        }
    }

    fn is_done(&self) -> bool {
        self.running.iter().all(Option::is_none)
            && self.jobs.iter().all(|job| job.stage == Stage::Gone)
    }

    fn tick(&mut self, now: u64) {
        for core in 0..self.case.cores {
            self.end_chunk(now, core);
        }
        for job in self.by_id() {
            if self.case.jobs[job].cancel == Some(now) && self.jobs[job].stage == Stage::Live {
                self.leave(job);
            }
        }
        if now > 0 {
            let tenants = self
                .tenants
                .iter_mut()
                .filter_map(|tenant| tenant.account.as_mut());
            for account in tenants.chain(self.machine.as_mut()) {
                account.replenish(now);
            }
        }
        for job in self.by_id() {
            if self.case.jobs[job].arrival == now {
                self.arrive(now, job);
            }
        }
        for core in 0..self.case.cores {
            if self.running[core].is_none()
                && let Some(job) = self.choose(now, core)
            {
                self.start(now, core, job);
            }
        }
    }

    fn by_id(&self) -> Vec<usize> {
        let mut jobs: Vec<usize> = (0..self.jobs.len()).collect();
        jobs.sort_by_key(|&job| self.case.jobs[job].id);
        jobs
    }

    fn end_chunk(&mut self, now: u64, core: usize) {
        let Some(running) = self.running[core].filter(|running| running.until == now) else {
            return;
        };
        self.running[core] = None;
        let job = &mut self.jobs[running.job];
        job.in_flight -= 1;
        let is_last = job.dispatched == self.case.jobs[running.job].size && job.in_flight == 0;
        if job.stage == Stage::Live && is_last {
            job.end = Some(now);
            self.leave(running.job);
        }
    }

    fn leave(&mut self, job: usize) {
        self.jobs[job].stage = Stage::Gone;
        self.jobs[job].kept_by = None;
        self.tenants[self.case.jobs[job].tenant].ranks_are_old = true;
    }

    fn arrive(&mut self, now: u64, job: usize) {
        let spec = &self.case.jobs[job];
        if spec.cancel.is_some_and(|cancel| cancel <= now) {
            self.jobs[job].stage = Stage::Gone;
            return;
        }
        let tenant_is_idle = !self
            .live()
            .any(|other| self.case.jobs[other].tenant == spec.tenant);
        let tenant = &mut self.tenants[spec.tenant];
        if tenant_is_idle {
            tenant.virtual_time = tenant.virtual_time.max(self.tenant_time);
        }
        tenant.ranks_are_old = true;
        let state = &mut self.jobs[job];
        state.stage = Stage::Live;
        state.virtual_time = tenant.inner_time;
        state.last_start = now;
    }

    fn live(&self) -> impl Iterator<Item = usize> {
        (0..self.jobs.len()).filter(|&job| self.jobs[job].stage == Stage::Live)
    }

    fn choose(&self, now: u64, core: usize) -> Option<usize> {
        if !is_open(self.machine.as_ref()) {
            return None;
        }
        if let Some(kept) = self
            .live()
            .find(|&job| self.jobs[job].kept_by == Some(core))
        {
            let tenant = &self.tenants[self.case.jobs[kept].tenant];
            return is_open(tenant.account.as_ref()).then_some(kept);
        }
        let candidates: Vec<usize> = self.live().filter(|&job| self.could_start(job)).collect();
        let tenant = candidates
            .iter()
            .map(|&job| self.case.jobs[job].tenant)
            .filter(|&tenant| is_open(self.tenants[tenant].account.as_ref()))
            .min_by_key(|&tenant| {
                (
                    self.tenants[tenant].virtual_time,
                    self.case.tenants[tenant].name,
                )
            })?;
        candidates
            .into_iter()
            .filter(|&job| self.case.jobs[job].tenant == tenant)
            .min_by_key(|&job| self.standing(now, job))
    }

    fn could_start(&self, job: usize) -> bool {
        let (spec, state) = (&self.case.jobs[job], &self.jobs[job]);
        let width = match self.case.width {
            Width::Kept => 1,
            Width::AtMost(cores) => cores.min(spec.max_cores.unwrap_or(u32::MAX)),
        };
        state.kept_by.is_none() && state.in_flight < width && state.dispatched < spec.size
    }

    /// Aged first, then by priority, then by what the policy compares, then by arrival and id.
    fn standing(&self, now: u64, job: usize) -> (bool, Reverse<i32>, u128, u64, u64) {
        let (spec, state) = (&self.case.jobs[job], &self.jobs[job]);
        let is_aged = self
            .case
            .ageing
            .is_some_and(|bound| now - state.last_start >= bound);
        if is_aged {
            return (false, Reverse(0), 0, spec.arrival, spec.id);
        }
        let key = match self.case.order {
            Order::Fifo | Order::Focus => 0,
            Order::Fair | Order::HeSrpt { .. } => state.virtual_time,
            Order::Sjf => spec.size.into(),
            Order::Srpt => (spec.size - state.dispatched).into(),
            Order::Las => state.dispatched.into(),
            Order::Edf => spec.deadline.map_or(u128::MAX, u128::from),
        };
        (true, Reverse(spec.priority), key, spec.arrival, spec.id)
    }

    fn start(&mut self, now: u64, core: usize, job: usize) {
        let spec = &self.case.jobs[job];
        let cost = self.case.chunk.min(spec.size - self.jobs[job].dispatched);
        self.rank_anew(spec.tenant);

        let state = &mut self.jobs[job];
        let tenant = &mut self.tenants[spec.tenant];
        tenant.inner_time = tenant.inner_time.max(state.virtual_time);
        state.virtual_time += match self.case.order {
            Order::HeSrpt { .. } => (u128::from(cost) << 64) / u128::from(state.share),
            _ => (u128::from(cost) << 32) / u128::from(spec.weight),
        };
        state.dispatched += cost;
        state.in_flight += 1;
        state.last_start = now;
        if self.case.width == Width::Kept {
            state.kept_by = Some(core);
        }

        self.tenant_time = self.tenant_time.max(tenant.virtual_time);
        let weight = self.case.tenants[spec.tenant].weight;
        tenant.virtual_time += (u128::from(cost) << 32) / u128::from(weight);
        for account in tenant.account.iter_mut().chain(self.machine.as_mut()) {
            account.charge(cost);
        }
        self.running[core] = Some(Running {
            job,
            until: now + cost + self.case.overhead,
        });
        self.starts.push((now, core, spec.id, cost));
    }

    /// After an arrival or a departure: the largest remaining gets rank 1 of m, and the share of
    /// rank i is (i/m)^E - ((i-1)/m)^E.
    fn rank_anew(&mut self, tenant: usize) {
        let Order::HeSrpt { exponent } = self.case.order else {
            return;
        };
        if !std::mem::take(&mut self.tenants[tenant].ranks_are_old) {
            return;
        }
        let of_tenant = |&job: &usize| self.case.jobs[job].tenant == tenant;
        let mut members: Vec<usize> = self.live().filter(of_tenant).collect();
        members.sort_by_key(|&job| {
            let spec = &self.case.jobs[job];
            Reverse((spec.size - self.jobs[job].dispatched, spec.arrival, spec.id))
        });
        let count = members.len() as u128;
        for (rank, job) in (1..).zip(members) {
            let share = (power(rank, count, exponent) - power(rank - 1, count, exponent)) >> 32;
            self.jobs[job].share = u64::try_from(share).unwrap().max(1);
        }
    }
}

/// (rank/count)^exponent with 64 fractional bits, rounded down at every step.
fn power(rank: u128, count: u128, exponent: u32) -> u128 {
    let base = (rank << 64) / count;
    if rank == count {
        return base;
    }
    (1..exponent).fold(base, |power, _| (power * base) >> 64)
}

fn is_open(account: Option<&Account>) -> bool {
    account.is_none_or(|account| account.left > 0)
}

impl Account {
    fn full(limit: Limit) -> Self {
        let mut account = Self { limit, left: 0 };
        account.left = account.most();
        account
    }

    fn most(&self) -> i128 {
        match self.limit {
            Limit::Bandwidth { quota, .. } => quota.into(),
            Limit::Bucket { burst, .. } => i128::from(burst) * 1000,
        }
    }

    /// Once every nanosecond but the first.
    fn replenish(&mut self, now: u64) {
        let comes_in = match self.limit {
            Limit::Bandwidth { quota, period } => {
                if now.is_multiple_of(period) {
                    quota.into()
                } else {
                    0
                }
            }
            Limit::Bucket { millicores, .. } => i128::from(millicores),
        };
        self.left = self.most().min(self.left + comes_in);
    }

    fn charge(&mut self, cost: u64) {
        self.left -= match self.limit {
            Limit::Bandwidth { .. } => i128::from(cost),
            Limit::Bucket { .. } => i128::from(cost) * 1000,
        };
    }
}
