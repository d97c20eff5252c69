//! A limit as convention 6 of the design states it, period by period and token by token.

use millicore_policy::limit::LimitSpec;

#[derive(Debug)]
pub(crate) struct Account {
    spec: LimitSpec,
    /// Nanoseconds, or thousandths of them for a token bucket.
    left: i128,
    now_ns: u64,
}

impl Account {
    pub(crate) fn new(spec: LimitSpec, now_ns: u64) -> Self {
        let mut account = Self {
            spec,
            left: 0,
            now_ns,
        };
        account.left = account.full();
        account
    }

    pub(crate) fn advance(&mut self, now_ns: u64) {
        match self.spec {
            LimitSpec::Bandwidth {
                quota_ns,
                period_ns,
            } => {
                for _ in self.now_ns / period_ns..now_ns / period_ns {
                    self.left = (self.left + i128::from(quota_ns)).min(self.full());
                }
            }
            LimitSpec::TokenBucket {
                rate_millicores, ..
            } => {
                let flowed = i128::from(rate_millicores) * i128::from(now_ns - self.now_ns);
                self.left = (self.left + flowed).min(self.full());
            }
            _ => unreachable!("the script knows two kinds of limits"),
        }
        self.now_ns = now_ns;
    }

    pub(crate) const fn is_open(&self) -> bool {
        self.left > 0
    }

    /// The first nanosecond at which it is open, sought one replenishment after the other.
    pub(crate) fn opens_at_ns(&self) -> u64 {
        let mut left = self.left;
        let mut at_ns = self.now_ns;
        while left <= 0 {
            match self.spec {
                LimitSpec::Bandwidth {
                    quota_ns,
                    period_ns,
                } => {
                    at_ns = (at_ns / period_ns + 1) * period_ns;
                    left += i128::from(quota_ns);
                }
                LimitSpec::TokenBucket {
                    rate_millicores, ..
                } => {
                    at_ns += 1;
                    left += i128::from(rate_millicores);
                }
                _ => unreachable!("the script knows two kinds of limits"),
            }
        }
        at_ns
    }

    pub(crate) fn charge(&mut self, cost_ns: u64) {
        self.left -= self.units(cost_ns);
    }

    pub(crate) fn reconcile(&mut self, planned_ns: u64, used_ns: u64) {
        let corrected = self.left + self.units(planned_ns) - self.units(used_ns);
        self.left = corrected.min(self.full());
    }

    fn full(&self) -> i128 {
        match self.spec {
            LimitSpec::Bandwidth { quota_ns, .. } => i128::from(quota_ns),
            LimitSpec::TokenBucket { burst_ns, .. } => self.units(burst_ns),
            _ => unreachable!("the script knows two kinds of limits"),
        }
    }

    fn units(&self, time_ns: u64) -> i128 {
        let is_bucket = matches!(self.spec, LimitSpec::TokenBucket { .. });
        i128::from(time_ns) * if is_bucket { 1_000 } else { 1 }
    }
}
