//! The bandwidth controller of a group: a pool that periods fill up, and what each processor has
//! taken out of it.

use super::{Bandwidth, Counters};
use crate::duration::MILLISECOND_NS;

/// What a processor keeps of a slice when it has nothing more to do for the group.
const KEPT_NS: i64 = 1_000_000;

/// For how long what was given back waits for more, before it goes to who stands still.
const SLACK_DELAY_NS: u64 = 5 * MILLISECOND_NS;

#[derive(Debug)]
pub(super) struct Controller {
    bandwidth: Bandwidth,
    pool_ns: i64,
    /// When the next period begins.
    refill_at_ns: u64,
    /// Somebody has asked for CPU time in this period.
    is_wanted: bool,
    /// Periods pass and are counted. Once nobody has wanted anything in one, they are not.
    is_active: bool,
    slack_at_ns: Option<u64>,
    shares: Vec<Share>,
    /// The processors that stand still, the first one first.
    throttled: Vec<usize>,
    periods: u64,
    throttled_periods: u64,
    throttled_ns: u64,
}

/// What a processor has of the quota. Below zero is debt.
#[derive(Clone, Copy, Debug, Default)]
struct Share {
    left_ns: i64,
    throttled_since_ns: Option<u64>,
}

impl Controller {
    pub(super) fn new(bandwidth: Bandwidth, processors: usize) -> Self {
        // As after an idle time.
        let full_ns = bandwidth.quota_ns.saturating_add(bandwidth.burst_ns);
        Self {
            pool_ns: signed(full_ns),
            refill_at_ns: bandwidth.period_ns - bandwidth.phase_ns,
            bandwidth,
            is_wanted: false,
            is_active: false,
            slack_at_ns: None,
            shares: vec![Share::default(); processors],
            throttled: Vec::new(),
            periods: 0,
            throttled_periods: 0,
            throttled_ns: 0,
        }
    }

    pub(super) fn is_throttled(&self, processor: usize) -> bool {
        self.shares[processor].throttled_since_ns.is_some()
    }

    /// A processor has run the group for so long.
    pub(super) fn charge(&mut self, processor: usize, used_ns: u64) {
        let share = &mut self.shares[processor];
        share.left_ns = share.left_ns.saturating_sub(signed(used_ns));
    }

    /// Whether a processor may run the group on: takes a slice if it has nothing left, and stands
    /// still if there is none.
    pub(super) fn may_run(&mut self, now_ns: u64, processor: usize) -> bool {
        let share = &mut self.shares[processor];
        if share.throttled_since_ns.is_some() {
            return false;
        }
        if share.left_ns > 0 {
            return true;
        }
        if !self.is_active {
            self.is_active = true;
            self.skip_idle_periods(now_ns);
        }
        let wanted_ns = signed(self.bandwidth.slice_ns) - self.shares[processor].left_ns;
        let taken_ns = wanted_ns.min(self.pool_ns).max(0);
        self.is_wanted |= taken_ns > 0;
        self.pool_ns -= taken_ns;
        let share = &mut self.shares[processor];
        share.left_ns += taken_ns;
        if share.left_ns > 0 {
            return true;
        }
        share.throttled_since_ns = Some(now_ns);
        self.throttled.push(processor);
        false
    }

    /// Periods begin when they always did, whether they were counted or not.
    fn skip_idle_periods(&mut self, now_ns: u64) {
        let period_ns = self.bandwidth.period_ns;
        let late_ns = now_ns.saturating_sub(self.refill_at_ns);
        if now_ns >= self.refill_at_ns {
            let skipped_ns = (late_ns / period_ns + 1).saturating_mul(period_ns);
            self.refill_at_ns = self.refill_at_ns.saturating_add(skipped_ns);
        }
    }

    /// A processor has nothing more to do for the group.
    pub(super) fn give_back(&mut self, now_ns: u64, processor: usize) {
        let share = &mut self.shares[processor];
        let slack_ns = share.left_ns - KEPT_NS;
        if slack_ns <= 0 {
            return;
        }
        share.left_ns = KEPT_NS;
        self.pool_ns += slack_ns;
        let is_worth_it = self.pool_ns > signed(self.bandwidth.slice_ns);
        if is_worth_it && !self.throttled.is_empty() && self.slack_at_ns.is_none() {
            self.slack_at_ns = Some(now_ns.saturating_add(SLACK_DELAY_NS));
        }
    }

    /// When it has something to do next.
    pub(super) fn next_ns(&self) -> Option<u64> {
        let refill = self.is_active.then_some(self.refill_at_ns);
        refill.into_iter().chain(self.slack_at_ns).min()
    }

    /// Does what is due; the processors that may go on are in the answer.
    pub(super) fn step(&mut self, now_ns: u64) -> Vec<usize> {
        let mut freed = Vec::new();
        if self.slack_at_ns.is_some_and(|at_ns| at_ns <= now_ns) {
            self.slack_at_ns = None;
            if self.pool_ns > signed(self.bandwidth.slice_ns) {
                self.distribute(now_ns, &mut freed);
            }
        }
        if self.is_active && self.refill_at_ns <= now_ns {
            self.begin_period();
            self.distribute(now_ns, &mut freed);
        }
        freed
    }

    fn begin_period(&mut self) {
        let Bandwidth {
            quota_ns,
            period_ns,
            burst_ns,
            ..
        } = self.bandwidth;
        self.refill_at_ns = self.refill_at_ns.saturating_add(period_ns);
        let most_ns = signed(quota_ns).saturating_add(signed(burst_ns));
        self.pool_ns = self.pool_ns.saturating_add(signed(quota_ns)).min(most_ns);
        self.periods += 1;
        self.throttled_periods += u64::from(!self.throttled.is_empty());
        self.is_active = self.is_wanted || !self.throttled.is_empty();
        self.is_wanted = false;
    }

    /// Pays the debts of who stands still, and lets them go on.
    fn distribute(&mut self, now_ns: u64, freed: &mut Vec<usize>) {
        let mut waiting = std::mem::take(&mut self.throttled);
        waiting.retain(|&processor| {
            let share = &mut self.shares[processor];
            let paid_ns = (1 - share.left_ns).min(self.pool_ns).max(0);
            self.is_wanted |= paid_ns > 0;
            self.pool_ns -= paid_ns;
            share.left_ns += paid_ns;
            if share.left_ns <= 0 {
                return true;
            }
            let since_ns = share.throttled_since_ns.take().unwrap_or(now_ns);
            self.throttled_ns += now_ns.saturating_sub(since_ns);
            freed.push(processor);
            false
        });
        self.throttled = waiting;
    }

    /// What was counted; who stands still at the end has done so until then.
    pub(super) fn count(&self, now_ns: u64, counters: &mut Counters) {
        let still = self.shares.iter().filter_map(|it| it.throttled_since_ns);
        let still_ns: u64 = still.map(|since_ns| now_ns.saturating_sub(since_ns)).sum();
        counters.periods = self.periods;
        counters.throttled_periods = self.throttled_periods;
        counters.throttled_ns = self.throttled_ns.saturating_add(still_ns);
    }
}

fn signed(ns: u64) -> i64 {
    i64::try_from(ns).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::Controller;
    use crate::kernel::{Counters, Kernel};

    const MS: u64 = 1_000_000;

    fn controller(quota_ms: u64, burst_ms: u64, processors: usize) -> Controller {
        let mut bandwidth = Kernel::new(processors)
            .with_quota(quota_ms * MS, 100 * MS)
            .bandwidth
            .unwrap();
        bandwidth.burst_ns = burst_ms * MS;
        Controller::new(bandwidth, processors)
    }

    /// Runs one processor from `from_ms` in steps of a millisecond until it may not; how long.
    #[track_caller]
    fn check_runs(controller: &mut Controller, from_ms: u64, expected_ms: u64) {
        let mut ran_ms = 0;
        while ran_ms < 1000 && controller.may_run((from_ms + ran_ms) * MS, 0) {
            controller.charge(0, MS);
            ran_ms += 1;
            controller.step((from_ms + ran_ms) * MS);
        }
        assert_eq!(ran_ms, expected_ms, "from {from_ms} ms");
    }

    #[test]
    fn a_quota_is_used_up_and_comes_back() {
        let mut controller = controller(20, 0, 2);
        check_runs(&mut controller, 0, 20);
        assert!(controller.is_throttled(0));
        assert_eq!(controller.step(99 * MS), []);
        assert_eq!(controller.step(100 * MS), [0]);
        check_runs(&mut controller, 100, 20);
        let mut counters = Counters::default();
        controller.count(150 * MS, &mut counters);
        assert_eq!((counters.periods, counters.throttled_periods), (1, 1));
        assert_eq!(counters.throttled_ns, (80 + 30) * MS);
    }

    #[test]
    fn a_debt_is_paid_before_anybody_runs() {
        let mut controller = controller(10, 0, 1);
        assert!(controller.may_run(0, 0));
        controller.charge(0, 35 * MS);
        assert!(!controller.may_run(35 * MS, 0));
        for (period_ms, expected) in [(100, &[][..]), (200, &[]), (300, &[0])] {
            assert_eq!(controller.step(period_ms * MS), expected, "{period_ms} ms");
        }
    }

    #[test]
    fn unused_quota_is_saved_up_to_the_burst() {
        for (burst_ms, expected_ms) in [(0, 11), (10, 20)] {
            let mut controller = controller(10, burst_ms, 1);
            controller.pool_ns = 10_000_000;
            assert!(controller.may_run(0, 0));
            controller.give_back(0, 0);
            controller.step(100 * MS);
            // What the processor kept of its first slice is beside the pool.
            check_runs(&mut controller, 100, expected_ms);
        }
    }

    #[test]
    fn what_is_given_back_goes_to_who_stands_still() {
        let mut controller = controller(10, 0, 2);
        assert!(controller.may_run(0, 0) && controller.may_run(0, 1));
        controller.charge(0, 6 * MS);
        assert!(!controller.may_run(6 * MS, 0));
        controller.give_back(7 * MS, 1);
        // Four milliseconds: less than a slice wait for the period's end.
        assert_eq!(controller.next_ns(), Some(100 * MS));
        controller.shares[1].left_ns = 10_000_000;
        controller.give_back(8 * MS, 1);
        assert_eq!(controller.next_ns(), Some(13 * MS));
        assert_eq!(controller.step(13 * MS), [0]);
    }

    #[test]
    fn idle_periods_are_not_counted_and_keep_their_beat() {
        let mut controller = controller(10, 0, 1);
        assert!(controller.may_run(0, 0));
        controller.charge(0, 4 * MS);
        controller.give_back(4 * MS, 0);
        controller.step(100 * MS);
        controller.step(200 * MS);
        assert_eq!(controller.next_ns(), None);
        controller.charge(0, 5 * MS);
        assert!(controller.may_run(555 * MS, 0));
        assert_eq!(controller.next_ns(), Some(600 * MS));
        let mut counters = Counters::default();
        controller.count(555 * MS, &mut counters);
        assert_eq!(counters.periods, 2);
    }
}
