//! What a group uses of its CPU quota: others beside the executor, and all of them in any one period.

use millicore_quota::{GroupUsage, ProcessLimit};
use std::collections::VecDeque;

/// Compares what the kernel counts with what the executor has spent itself, and with the quota.
///
/// Two things are charged to the executor's limit:
///
/// - What others have used: threads that serve I/O, processes in the same group. The kernel forgets a
///   period once it is over, so that what was used longer ago than one is not charged.
/// - What the executor may still use, and the quota of the running period would not pay for: after an
///   idle time it spends what it has saved up, and would be frozen at the end of that period. It waits
///   instead, and only its requests do. Nobody tells when a period begins, so this holds for every
///   stretch of time that is as long as one.
#[derive(Debug)]
pub(crate) struct GroupUse {
    counted_in: CountedIn,
    quota_ns: u64,
    period_ns: u64,
    /// Those of the last period, the oldest first.
    looks: VecDeque<Look>,
    /// What slices have used since the last one.
    own_ns: u64,
    /// What slices have used and the kernel has not counted yet: those that still ran at the last look
    /// come out at the next.
    ahead_ns: u64,
}

/// How much had been used at a time.
#[derive(Clone, Copy, Debug)]
struct Look {
    at_ns: u64,
    counted_ns: u64,
}

#[derive(Debug)]
enum CountedIn {
    Group(GroupUsage),
    #[cfg(test)]
    Test(u64),
}

/// How often it is looked at in a period.
const LOOKS_A_PERIOD: u64 = 5;

impl GroupUse {
    /// Of everybody in the group whose limit is kept; nothing if the kernel does not tell.
    pub(crate) fn of(process: &ProcessLimit) -> Option<Self> {
        let usage = GroupUsage::open(process)?;
        let group = process.group.as_ref()?;
        let [quota_ns, period_ns] =
            [group.quota_us, group.period_us].map(|us| us.saturating_mul(1000));
        Some(Self::new(CountedIn::Group(usage), quota_ns, period_ns))
    }

    fn new(counted_in: CountedIn, quota_ns: u64, period_ns: u64) -> Self {
        Self {
            counted_in,
            quota_ns,
            period_ns,
            looks: VecDeque::new(),
            own_ns: 0,
            ahead_ns: 0,
        }
    }

    /// A slice of the executor has used so much.
    pub(crate) const fn add_own(&mut self, cpu_ns: u64) {
        self.own_ns = self.own_ns.saturating_add(cpu_ns);
    }

    /// What is to be charged now, if it is time to look. `granted_ns` tells what the executor's limit
    /// would let it use in a time.
    pub(crate) fn due_ns(&mut self, now_ns: u64, granted_ns: impl Fn(u64) -> u64) -> Option<u64> {
        let every_ns = (self.period_ns / LOOKS_A_PERIOD).max(1);
        let last = self.looks.back().copied();
        if last.is_some_and(|last| now_ns.saturating_sub(last.at_ns) < every_ns) {
            return None;
        }
        // What cannot be read now will be counted at the next look.
        let counted_ns = self.counted_in.read()?;
        let look = Look {
            at_ns: now_ns,
            counted_ns,
        };
        let foreign_ns = last.map_or(0, |last| self.foreign_ns(last, look));
        self.own_ns = 0;
        // What was used before this has left the period by the next look.
        let since_ns = now_ns.saturating_sub(self.period_ns.saturating_sub(every_ns));
        self.keep(look, since_ns);
        let used_ns = counted_ns.saturating_sub(self.counted_at_ns(since_ns));
        let granted_ns = granted_ns(every_ns).saturating_sub(foreign_ns);
        let allowed_ns = self.quota_ns.saturating_sub(used_ns);
        let due_ns = foreign_ns.saturating_add(granted_ns.saturating_sub(allowed_ns));
        (due_ns > 0).then_some(due_ns)
    }

    /// What others have used between two looks, as far as that is in the last period.
    fn foreign_ns(&mut self, last: Look, look: Look) -> u64 {
        let elapsed_ns = look.at_ns.saturating_sub(last.at_ns);
        let grown_ns = look.counted_ns.saturating_sub(last.counted_ns);
        let own_ns = self.own_ns.saturating_add(self.ahead_ns);
        let foreign_ns = grown_ns.saturating_sub(own_ns);
        if elapsed_ns <= self.period_ns {
            self.ahead_ns = own_ns.saturating_sub(grown_ns);
            return foreign_ns;
        }
        self.ahead_ns = 0;
        let kept_ns = u128::from(foreign_ns) * u128::from(self.period_ns) / u128::from(elapsed_ns);
        u64::try_from(kept_ns).unwrap_or(foreign_ns)
    }

    /// Keeps a look, and of the others those since a time and the last one before it.
    fn keep(&mut self, look: Look, since_ns: u64) {
        self.looks.push_back(look);
        while self.looks.get(1).is_some_and(|it| it.at_ns <= since_ns) {
            self.looks.pop_front();
        }
        let is_long_ago = |it: &Look| look.at_ns.saturating_sub(it.at_ns) > self.period_ns;
        if self.looks.front().is_some_and(is_long_ago) {
            // Nothing is known of the time between, which is mostly idle.
            self.looks.pop_front();
        }
    }

    /// How much had been used at a time, as if between two looks it had been used evenly.
    fn counted_at_ns(&self, at_ns: u64) -> u64 {
        let mut looks = self.looks.iter();
        match (looks.next(), looks.next()) {
            (Some(first), Some(second)) if first.at_ns < at_ns => {
                let passed_ns = u128::from(at_ns - first.at_ns);
                let between_ns = u128::from(second.at_ns.saturating_sub(first.at_ns)).max(1);
                let grown_ns = u128::from(second.counted_ns.saturating_sub(first.counted_ns));
                let part_ns = u64::try_from(grown_ns * passed_ns / between_ns);
                first.counted_ns.saturating_add(part_ns.unwrap_or(0))
            }
            (Some(first), _) => first.counted_ns,
            (None, _) => 0,
        }
    }
}

impl CountedIn {
    fn read(&mut self) -> Option<u64> {
        match self {
            Self::Group(usage) => u64::try_from(usage.read().ok()?.as_nanos()).ok(),
            #[cfg(test)]
            Self::Test(used_ns) => Some(*used_ns),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{CountedIn, GroupUse};

    const MS: u64 = 1_000_000;

    /// At 500m, at each time so much was counted in all, slices have used so much since before, and the
    /// executor may use so much in the next 20 ms; expected is what is charged.
    #[track_caller]
    fn check(steps: &[(u64, u64, u64, u64, Option<u64>)]) {
        let mut group = GroupUse::new(CountedIn::Test(0), 50 * MS, 100 * MS);
        for &(now_ms, counted_ms, own_ms, granted_ms, expected_ms) in steps {
            group.counted_in = CountedIn::Test(counted_ms * MS);
            group.add_own(own_ms * MS);
            let due = group.due_ns(now_ms * MS, |_| granted_ms * MS);
            assert_eq!(due, expected_ms.map(|ms| ms * MS), "{now_ms} of {steps:?}");
        }
    }

    #[test]
    fn what_others_used_is_charged_five_times_a_period() {
        check(&[
            (0, 500, 0, 10, None),
            (10, 506, 5, 10, None),
            (20, 512, 5, 10, Some(2)),
            (40, 522, 10, 10, None),
            (60, 535, 10, 10, Some(3)),
        ]);
    }

    #[test]
    fn what_the_kernel_counts_late_is_not_charged_again() {
        check(&[
            (0, 0, 0, 10, None),
            (20, 8, 10, 10, None),
            (40, 20, 10, 10, None),
        ]);
    }

    #[test]
    fn what_was_used_longer_ago_than_a_period_is_forgotten() {
        check(&[
            (0, 0, 0, 10, None),
            (1000, 50, 0, 10, Some(5)),
            (1020, 51, 0, 10, Some(1)),
        ]);
    }

    #[test]
    fn what_a_period_would_not_pay_for_is_charged_before_it_is_spent() {
        check(&[
            // Saved up: ten, and ten that flow in.
            (0, 0, 0, 20, None),
            (20, 20, 20, 10, None),
            (40, 30, 10, 10, None),
            (60, 40, 10, 10, None),
            // Fifty are the quota: none are left for the next 20 ms.
            (80, 50, 10, 10, Some(10)),
            // The first twenty are over.
            (100, 50, 0, 10, None),
            (120, 60, 10, 10, None),
        ]);
    }

    #[test]
    fn looks_that_come_late_are_no_debt() {
        // 485 thousandths, every 22 ms: what was used between 80 and 88 ms ago is not counted.
        check(&[
            (0, 0, 0, 10, None),
            (22, 11, 11, 10, None),
            (44, 21, 10, 10, None),
            (66, 32, 11, 10, None),
            (88, 43, 11, 10, None),
            (110, 53, 10, 10, None),
        ]);
    }
}
