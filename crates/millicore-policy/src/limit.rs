//! Limits on CPU time: the kernel's bandwidth controller and the token bucket, in whole numbers.

/// How much CPU time somebody may use, and how it comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LimitSpec {
    /// `quota_ns` of CPU time in every period of `period_ns`, periods counted from time 0, as in
    /// the Linux CFS bandwidth controller (`Documentation/scheduler/sched-bwc.rst`). Debt is
    /// carried over, unused quota is not.
    Bandwidth {
        /// CPU time granted a period, in nanoseconds, at least 1.
        quota_ns: u64,
        /// Length of a period in nanoseconds, at least 1.
        period_ns: u64,
    },
    /// `rate_millicores` of CPU time flowing in steadily, at most `burst_ns` of it kept.
    TokenBucket {
        /// CPU time that flows in, in thousandths of a core, at least 1.
        rate_millicores: u64,
        /// Most CPU time that can be saved up, in nanoseconds, at least 1.
        burst_ns: u64,
    },
}

/// What is left of a limit. Work may start while something is left; it is charged in full at its
/// start, so what is left may become negative.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    spec: LimitSpec,
    /// Nanoseconds for bandwidth, thousandths of a nanosecond for a token bucket.
    left: i128,
    /// The last period accounted for, or the last nanosecond.
    accounted: u64,
}

const THOUSANDTHS: i128 = 1000;

impl Limit {
    /// A limit that is full. Zeros in the specification count as ones.
    pub(crate) fn new(spec: LimitSpec, now_ns: u64) -> Self {
        let spec = match spec {
            LimitSpec::Bandwidth {
                quota_ns,
                period_ns,
            } => LimitSpec::Bandwidth {
                quota_ns: quota_ns.max(1),
                period_ns: period_ns.max(1),
            },
            LimitSpec::TokenBucket {
                rate_millicores,
                burst_ns,
            } => LimitSpec::TokenBucket {
                rate_millicores: rate_millicores.max(1),
                burst_ns: burst_ns.max(1),
            },
        };
        let accounted = match spec {
            LimitSpec::Bandwidth { period_ns, .. } => now_ns / period_ns,
            LimitSpec::TokenBucket { .. } => now_ns,
        };
        let mut limit = Self {
            spec,
            left: 0,
            accounted,
        };
        limit.left = limit.full();
        limit
    }

    /// Brings the account up to `now_ns`.
    pub(crate) fn advance(&mut self, now_ns: u64) {
        match self.spec {
            LimitSpec::Bandwidth {
                quota_ns,
                period_ns,
            } => {
                let period = now_ns / period_ns;
                let passed = period.saturating_sub(self.accounted);
                if passed > 0 {
                    let granted = i128::from(quota_ns) * i128::from(passed);
                    self.left = (self.left + granted).min(self.full());
                    self.accounted = period;
                }
            }
            LimitSpec::TokenBucket {
                rate_millicores, ..
            } => {
                let passed = now_ns.saturating_sub(self.accounted);
                let flowed = i128::from(rate_millicores) * i128::from(passed);
                self.left = (self.left + flowed).min(self.full());
                self.accounted = self.accounted.max(now_ns);
            }
        }
    }

    /// Whether work may start now; the account must be up to date.
    pub(crate) const fn is_open(&self) -> bool {
        self.left > 0
    }

    /// The first nanosecond at which work may start if nothing more is charged.
    pub(crate) fn opens_at_ns(&self) -> u64 {
        let at = match self.spec {
            LimitSpec::Bandwidth {
                quota_ns,
                period_ns,
            } => {
                let periods = if self.is_open() {
                    0
                } else {
                    -self.left / i128::from(quota_ns) + 1
                };
                (i128::from(self.accounted) + periods) * i128::from(period_ns)
            }
            LimitSpec::TokenBucket {
                rate_millicores, ..
            } => {
                let rate = i128::from(rate_millicores);
                let wait = if self.is_open() {
                    0
                } else {
                    -self.left / rate + 1
                };
                i128::from(self.accounted) + wait
            }
        };
        u64::try_from(at).unwrap_or(u64::MAX)
    }

    /// Takes `cost_ns` out.
    pub(crate) fn charge(&mut self, cost_ns: u64) {
        self.left -= i128::from(cost_ns) * self.units_per_ns();
    }

    /// Corrects a charge of `planned_ns` to what was used. What has come back by then is counted
    /// first, so that the account does not depend on who asked in between.
    pub(crate) fn reconcile(&mut self, now_ns: u64, planned_ns: u64, used_ns: u64) {
        self.advance(now_ns);
        let unused = (i128::from(planned_ns) - i128::from(used_ns)) * self.units_per_ns();
        self.left = (self.left + unused).min(self.full());
    }

    /// When the limit opens, if it is shut at `now_ns`.
    pub(crate) fn shut_until_ns(&mut self, now_ns: u64) -> Option<u64> {
        self.advance(now_ns);
        (!self.is_open()).then(|| self.opens_at_ns())
    }

    const fn units_per_ns(&self) -> i128 {
        match self.spec {
            LimitSpec::Bandwidth { .. } => 1,
            LimitSpec::TokenBucket { .. } => THOUSANDTHS,
        }
    }

    fn full(&self) -> i128 {
        match self.spec {
            LimitSpec::Bandwidth { quota_ns, .. } => i128::from(quota_ns),
            LimitSpec::TokenBucket { burst_ns, .. } => i128::from(burst_ns) * THOUSANDTHS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Limit, LimitSpec};

    const MS: u64 = 1_000_000;

    fn check(spec: LimitSpec, charges: &[(u64, u64)], expected_opening_ns: u64) {
        let mut limit = Limit::new(spec, 0);
        for &(now_ns, cost_ns) in charges {
            limit.advance(now_ns);
            limit.charge(cost_ns);
        }
        let opens_at_ns = limit.opens_at_ns();
        assert_eq!(
            opens_at_ns, expected_opening_ns,
            "{spec:?} after {charges:?}"
        );
        if !limit.is_open() {
            let mut before = limit;
            before.advance(opens_at_ns - 1);
            assert!(!before.is_open(), "open one nanosecond early");
            limit.advance(opens_at_ns);
            assert!(limit.is_open(), "still shut when it should open");
        }
    }

    #[test]
    fn bandwidth_carries_debt_over_periods() {
        let spec = LimitSpec::Bandwidth {
            quota_ns: 40 * MS,
            period_ns: 100 * MS,
        };
        check(spec, &[(0, 39 * MS)], 0);
        check(spec, &[(0, 40 * MS)], 100 * MS);
        check(spec, &[(0, 80 * MS)], 200 * MS);
        check(spec, &[(0, 80 * MS + 1)], 200 * MS);
        check(spec, &[(0, 120 * MS), (310 * MS, 41 * MS)], 400 * MS);
    }

    #[test]
    fn unused_bandwidth_is_not_saved() {
        let spec = LimitSpec::Bandwidth {
            quota_ns: 40 * MS,
            period_ns: 100 * MS,
        };
        check(spec, &[(950 * MS, 40 * MS)], 1000 * MS);
    }

    #[test]
    fn a_token_bucket_opens_at_the_first_nanosecond_with_tokens() {
        let spec = LimitSpec::TokenBucket {
            rate_millicores: 400,
            burst_ns: 40 * MS,
        };
        check(spec, &[(0, 40 * MS - 1)], 0);
        check(spec, &[(0, 40 * MS)], 1);
        check(spec, &[(0, 44 * MS)], 10 * MS + 1);
        check(spec, &[(0, 40 * MS), (100 * MS, 44 * MS)], 110 * MS + 1);
    }

    #[test]
    fn a_correction_never_overfills() {
        let mut limit = Limit::new(
            LimitSpec::TokenBucket {
                rate_millicores: 1,
                burst_ns: 5,
            },
            0,
        );
        limit.charge(5);
        limit.reconcile(0, 9, 0);
        limit.charge(5);
        assert!(!limit.is_open());
    }
}
