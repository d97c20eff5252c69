//! A CPU limit as the kernel takes it: so much CPU time in every period.

use crate::Millicores;
use std::fmt;
use std::time::Duration;

/// CPU time that may be used in every period, and how much of it may be saved up.
///
/// The kernel takes whole microseconds: a quota of at least 1 ms, in a period of 1 ms to 1 s, and a
/// burst of at most the quota. So 1m needs the longest period; with the usual one of 100 ms nothing
/// below 10m can be had.
///
/// Source: kernel documentation, `scheduler/sched-bwc`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bandwidth {
    quota_us: u64,
    period_us: u64,
    burst_us: u64,
}

impl Bandwidth {
    /// The period that Kubernetes, Docker and systemd use.
    pub const USUAL_PERIOD: Duration = Duration::from_millis(100);
    /// The shortest period that the kernel takes.
    pub const SHORTEST_PERIOD: Duration = Duration::from_millis(1);
    /// The longest period that the kernel takes.
    pub const LONGEST_PERIOD: Duration = Duration::from_secs(1);
    /// The smallest quota that the kernel takes.
    pub const SMALLEST_QUOTA: Duration = Duration::from_millis(1);

    /// This limit to the microsecond, in the usual period or, below 10m, in the shortest longer one
    /// that the kernel takes it in.
    #[must_use]
    pub fn of(limit: Millicores) -> Self {
        let millicores = u64::from(limit.get());
        let usual_us = micros(Self::USUAL_PERIOD);
        // 1 ms of quota at least: 1m in 1 s, 3m in 333.3 ms rounded up to 334 ms.
        let period_us = usual_us.max(1000_u64.div_ceil(millicores) * 1000);
        Self {
            quota_us: millicores * period_us / 1000,
            period_us,
            burst_us: 0,
        }
    }

    /// This limit in this period.
    ///
    /// # Errors
    ///
    /// Says which periods there are, or the smallest limit in this one and how to get a smaller one.
    pub fn in_period(limit: Millicores, period: Duration) -> Result<Self, BandwidthError> {
        if !(Self::SHORTEST_PERIOD..=Self::LONGEST_PERIOD).contains(&period) {
            return Err(BandwidthError::Period { period });
        }
        let period_us = micros(period);
        let quota_us = u64::from(limit.get()) * period_us / 1000;
        if quota_us < micros(Self::SMALLEST_QUOTA) {
            return Err(BandwidthError::TooSmall {
                limit,
                period,
                smallest: smallest_in(period_us),
            });
        }
        Ok(Self {
            quota_us,
            period_us,
            burst_us: 0,
        })
    }

    /// The same, and so much unused quota may be kept for later.
    ///
    /// # Errors
    ///
    /// Says that the kernel takes no burst above the quota.
    pub fn with_burst(self, burst: Duration) -> Result<Self, BandwidthError> {
        let burst_us = micros(burst);
        if burst_us > self.quota_us {
            return Err(BandwidthError::Burst {
                burst,
                quota: self.quota(),
            });
        }
        Ok(Self { burst_us, ..self })
    }

    /// What the files of a group say, whatever it is.
    pub(crate) const fn from_kernel(quota_us: u64, period_us: u64, burst_us: u64) -> Self {
        Self {
            quota_us,
            period_us,
            burst_us,
        }
    }

    /// CPU time in a period.
    #[must_use]
    pub const fn quota(self) -> Duration {
        Duration::from_micros(self.quota_us)
    }

    /// How long a period lasts.
    #[must_use]
    pub const fn period(self) -> Duration {
        Duration::from_micros(self.period_us)
    }

    /// How much unused quota may be kept for later.
    #[must_use]
    pub const fn burst(self) -> Duration {
        Duration::from_micros(self.burst_us)
    }

    /// The quota over the period; a part of a millicore is dropped.
    #[must_use]
    pub fn limit(self) -> Millicores {
        Millicores::from_quota(self.quota_us, self.period_us).unwrap_or(Millicores::MIN)
    }
}

impl fmt::Display for Bandwidth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            quota_us,
            period_us,
            burst_us,
        } = self;
        write!(f, "{quota_us} µs in every {period_us} µs")?;
        if *burst_us > 0 {
            write!(f, " and a burst of {burst_us} µs")?;
        }
        Ok(())
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// The smallest limit whose quota in this period the kernel takes.
fn smallest_in(period_us: u64) -> Millicores {
    let quota_us = micros(Bandwidth::SMALLEST_QUOTA);
    let millicores = (quota_us * 1000).div_ceil(period_us.max(1));
    Millicores::new(millicores).unwrap_or(Millicores::MAX)
}

/// Why the kernel would not take a limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BandwidthError {
    /// No such period.
    #[error("a period of {period:?}: the kernel takes periods from 1ms to 1s")]
    Period {
        /// What was asked for.
        period: Duration,
    },
    /// Less than 1 ms of CPU time in a period.
    #[error(
        "{limit} is too little for a period of {period:?}: the kernel takes quotas from 1 ms, so \
         {smallest} is the smallest limit there; a longer period takes a smaller one, down to 1m \
         in 1s (Kubernetes and Docker's --cpus stay at 100ms and 10m)"
    )]
    TooSmall {
        /// What was asked for.
        limit: Millicores,
        /// In which period.
        period: Duration,
        /// What could be had in it.
        smallest: Millicores,
    },
    /// A burst above the quota.
    #[error(
        "a burst of {burst:?} is more than the quota of {quota:?}: the kernel takes up to that"
    )]
    Burst {
        /// What was asked for.
        burst: Duration,
        /// The most that can be had.
        quota: Duration,
    },
}

#[cfg(test)]
mod tests {
    use super::Bandwidth;
    use std::time::Duration;

    #[test]
    fn a_limit_has_a_period_that_the_kernel_takes() {
        let check = |limit: &str, quota_us, period_us| {
            let bandwidth = Bandwidth::of(limit.parse().unwrap());
            assert_eq!(
                bandwidth.quota(),
                Duration::from_micros(quota_us),
                "{limit}"
            );
            assert_eq!(
                bandwidth.period(),
                Duration::from_micros(period_us),
                "{limit}"
            );
            assert_eq!(bandwidth.limit(), limit.parse().unwrap());
        };
        check("1m", 1000, 1_000_000);
        check("3m", 1002, 334_000);
        check("7m", 1001, 143_000);
        check("9m", 1008, 112_000);
        check("10m", 1000, 100_000);
        check("11m", 1100, 100_000);
        check("500m", 50_000, 100_000);
        check("1500m", 150_000, 100_000);
        check("1000000", 100_000_000_000, 100_000);
    }

    #[test]
    fn what_the_kernel_would_refuse_is_refused_with_what_it_takes() {
        let check = |limit: &str, period, burst, expected: Option<&str>| {
            let bandwidth = Bandwidth::in_period(limit.parse().unwrap(), period)
                .and_then(|bandwidth| bandwidth.with_burst(burst));
            let refusal = bandwidth.map_err(|error| error.to_string()).err();
            assert_eq!(refusal.as_deref(), expected);
        };
        let (none, usual) = (Duration::ZERO, Bandwidth::USUAL_PERIOD);
        check("10m", usual, none, None);
        check("1m", Duration::from_secs(1), none, None);
        check("500m", usual, Duration::from_millis(50), None);
        check(
            "9m",
            usual,
            none,
            Some(
                "9m is too little for a period of 100ms: the kernel takes quotas from 1 ms, so 10m \
                 is the smallest limit there; a longer period takes a smaller one, down to 1m in \
                 1s (Kubernetes and Docker's --cpus stay at 100ms and 10m)",
            ),
        );
        for period in [Duration::from_micros(999), Duration::from_micros(1_000_001)] {
            let expected =
                format!("a period of {period:?}: the kernel takes periods from 1ms to 1s");
            check("500m", period, none, Some(&expected));
        }
        check(
            "500m",
            usual,
            Duration::from_micros(50_001),
            Some("a burst of 50.001ms is more than the quota of 50ms: the kernel takes up to that"),
        );
    }
}
