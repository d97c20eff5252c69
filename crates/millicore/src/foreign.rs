//! CPU time that others use of the same limit: threads that serve I/O, processes in the same group.

use millicore_quota::{GroupUsage, ProcessLimit};

/// Compares what the kernel counts with what this executor has spent itself.
///
/// The kernel forgets a period once it is over. So what was used longer ago than one is not charged:
/// after an idle hour in which others used a little, the limit is not exhausted.
#[derive(Debug)]
pub(crate) struct ForeignUse {
    counted_in: CountedIn,
    /// When it was compared last; nothing if never.
    compared_ns: Option<u64>,
    /// What the kernel had counted then.
    counted_ns: u64,
    /// What slices have used since.
    own_ns: u64,
    /// What slices have used and the kernel has not counted yet: those that still ran when it was
    /// compared come out the next time.
    ahead_ns: u64,
}

#[derive(Debug)]
enum CountedIn {
    Group(GroupUsage),
    #[cfg(test)]
    Test(u64),
}

/// How often it is compared.
const EVERY_NS: u64 = 20_000_000;

/// For how long what others used is held against this executor: the usual period of the kernel.
const KEPT_NS: u64 = 100_000_000;

impl ForeignUse {
    /// Of everybody in the group whose limit is kept; nothing if the kernel does not tell.
    pub(crate) fn of_group(process: &ProcessLimit) -> Option<Self> {
        GroupUsage::open(process).map(|usage| Self::new(CountedIn::Group(usage)))
    }

    fn new(counted_in: CountedIn) -> Self {
        Self {
            counted_in,
            compared_ns: None,
            counted_ns: 0,
            own_ns: 0,
            ahead_ns: 0,
        }
    }

    /// A slice of the executor has used so much.
    pub(crate) const fn add_own(&mut self, cpu_ns: u64) {
        self.own_ns = self.own_ns.saturating_add(cpu_ns);
    }

    /// What others have used since it was compared last, if that is long enough ago.
    pub(crate) fn due_ns(&mut self, now_ns: u64) -> Option<u64> {
        let elapsed_ns = self
            .compared_ns
            .map(|then_ns| now_ns.saturating_sub(then_ns));
        if elapsed_ns.is_some_and(|elapsed_ns| elapsed_ns < EVERY_NS) {
            return None;
        }
        // What cannot be read now will be counted in the next reading.
        let counted_ns = self.counted_in.read()?;
        let grown_ns = counted_ns.saturating_sub(self.counted_ns);
        let own_ns = self.own_ns.saturating_add(self.ahead_ns);
        self.counted_ns = counted_ns;
        self.compared_ns = Some(now_ns);
        self.own_ns = 0;
        // Of the time before the first comparison nothing is known.
        let elapsed_ns = elapsed_ns?;
        if elapsed_ns > KEPT_NS {
            self.ahead_ns = 0;
            let foreign_ns = u128::from(grown_ns.saturating_sub(own_ns));
            let kept_ns = foreign_ns * u128::from(KEPT_NS) / u128::from(elapsed_ns);
            return u64::try_from(kept_ns).ok().filter(|&ns| ns > 0);
        }
        self.ahead_ns = own_ns.saturating_sub(grown_ns);
        Some(grown_ns.saturating_sub(own_ns)).filter(|&ns| ns > 0)
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
    use super::{CountedIn, ForeignUse};

    const MS: u64 = 1_000_000;

    /// At each time so much was counted in all and used by slices since before; expected is what is
    /// charged.
    #[track_caller]
    fn check(steps: &[(u64, u64, u64, Option<u64>)]) {
        let mut foreign = ForeignUse::new(CountedIn::Test(0));
        for &(now_ms, counted_ms, own_ms, expected_ms) in steps {
            foreign.counted_in = CountedIn::Test(counted_ms * MS);
            foreign.add_own(own_ms * MS);
            let due = foreign.due_ns(now_ms * MS);
            assert_eq!(due, expected_ms.map(|ms| ms * MS), "{now_ms} of {steps:?}");
        }
    }

    #[test]
    fn what_others_used_is_charged_every_20_ms() {
        check(&[
            (0, 500, 0, None),
            (10, 506, 5, None),
            (20, 512, 5, Some(2)),
            (40, 522, 10, None),
            (60, 535, 10, Some(3)),
        ]);
    }

    #[test]
    fn what_the_kernel_counts_late_is_not_charged_again() {
        check(&[(0, 0, 0, None), (20, 8, 10, None), (40, 20, 10, None)]);
    }

    #[test]
    fn what_was_used_longer_ago_than_a_period_is_forgotten() {
        check(&[
            (0, 0, 0, None),
            (1000, 50, 0, Some(5)),
            (1020, 51, 0, Some(1)),
        ]);
    }
}
