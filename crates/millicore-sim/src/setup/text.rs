//! Limits and tenants as a user types them: `400m/100ms`, `batch=3:400m+40ms`.

use crate::duration::{DurationError, parse_duration, scaled};
use crate::workload::WEIGHTS;
use millicore_policy::TenantSpec;
use millicore_policy::limit::LimitSpec;

/// Reads a limit: `400m/100ms` is bandwidth with a quota of 400 millicores times the period of
/// 100 ms, `400m+40ms` a token bucket that saves up at most 40 ms. `0.4` stands for `400m`.
///
/// # Errors
///
/// Says what a limit looks like, or which part of this one is out of range.
pub fn parse_limit(text: &str) -> Result<LimitSpec, LimitError> {
    if let Some((rate, period)) = text.split_once('/') {
        let millicores = parse_millicores(rate)?;
        let period_ns = positive_duration(period)?;
        let quota_ns = u128::from(millicores) * u128::from(period_ns) / 1000;
        return match u64::try_from(quota_ns) {
            Ok(0) => Err(LimitError::NoQuota),
            Ok(quota_ns) => Ok(LimitSpec::Bandwidth {
                quota_ns,
                period_ns,
            }),
            Err(_) => Err(LimitError::Duration(DurationError::TooLong)),
        };
    }
    let (rate, burst) = text.split_once('+').ok_or(LimitError::Unreadable)?;
    let rate_millicores = parse_millicores(rate)?;
    Ok(LimitSpec::TokenBucket {
        rate_millicores,
        burst_ns: positive_duration(burst)?,
    })
}

fn parse_millicores(text: &str) -> Result<u64, LimitError> {
    let millicores = match text.strip_suffix('m') {
        Some(thousandths) => scaled(thousandths, 1),
        None => scaled(text, 1000),
    };
    let in_range = millicores
        .ok()
        .filter(|millicores| (1..=MOST_MILLICORES).contains(millicores));
    in_range.ok_or(LimitError::Millicores)
}

/// A million cores.
const MOST_MILLICORES: u64 = 1_000_000_000;

fn positive_duration(text: &str) -> Result<u64, LimitError> {
    match parse_duration(text)? {
        0 => Err(LimitError::NoTime),
        duration_ns => Ok(duration_ns),
    }
}

/// Reads a tenant: `NAME=WEIGHT` or `NAME=WEIGHT:LIMIT`. The name ends at the last equals sign; an
/// empty one is that of requests without a tenant.
///
/// # Errors
///
/// Says what a tenant looks like, or what is wrong with its limit.
pub fn parse_tenant(text: &str) -> Result<TenantSpec, TenantError> {
    let (name, share) = text.rsplit_once('=').ok_or(TenantError::Unreadable)?;
    let (weight, limit) = match share.split_once(':') {
        Some((weight, limit)) => (weight, Some(parse_limit(limit)?)),
        None => (share, None),
    };
    let weight = weight
        .parse()
        .ok()
        .filter(|weight| WEIGHTS.contains(weight));
    let weight = weight.ok_or(TenantError::Unreadable)?;
    Ok(TenantSpec {
        name: name.to_owned(),
        weight,
        limit,
    })
}

/// Why a text is not a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LimitError {
    /// It does not look like one.
    #[error(
        "a limit is MILLICORES/PERIOD (bandwidth, such as 400m/100ms) or MILLICORES+BURST \
         (token bucket, such as 400m+40ms)"
    )]
    Unreadable,
    /// The millicores are no number, zero or too many.
    #[error("the cores of a limit are from 1m to 1000000, such as 400m or 0.4")]
    Millicores,
    /// The period or burst is no duration.
    #[error("in a limit, {0}")]
    Duration(#[from] DurationError),
    /// The period or burst is zero.
    #[error("the period or burst of a limit is at least 1ns")]
    NoTime,
    /// The quota rounds down to nothing.
    #[error("the quota, millicores times period, is at least 1ns: make the period longer")]
    NoQuota,
}

/// Why a text is not a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TenantError {
    /// It does not look like one.
    #[error(
        "a tenant is NAME=WEIGHT or NAME=WEIGHT:LIMIT with a weight from 1 to 10000, such as \
         batch=3:400m/100ms"
    )]
    Unreadable,
    /// Its limit is not one.
    #[error(transparent)]
    Limit(#[from] LimitError),
}

#[cfg(test)]
mod tests {
    use super::{LimitError, TenantError, parse_limit, parse_tenant};
    use crate::LimitSpec;

    #[track_caller]
    fn check(text: &str, expected: Result<LimitSpec, LimitError>) {
        assert_eq!(parse_limit(text), expected, "{text}");
    }

    #[test]
    fn limits_read_as_written() {
        let bandwidth = |quota_ns, period_ns| {
            Ok(LimitSpec::Bandwidth {
                quota_ns,
                period_ns,
            })
        };
        let bucket = |rate_millicores, burst_ns| {
            Ok(LimitSpec::TokenBucket {
                rate_millicores,
                burst_ns,
            })
        };
        check("400m/100ms", bandwidth(40_000_000, 100_000_000));
        check("1500m/100ms", bandwidth(150_000_000, 100_000_000));
        check("1.5/100ms", bandwidth(150_000_000, 100_000_000));
        check("1m/1us", bandwidth(1, 1000));
        check("400m+40ms", bucket(400, 40_000_000));
        check("2+1ns", bucket(2000, 1));
    }

    #[test]
    fn what_is_no_limit_is_refused() {
        check("400m", Err(LimitError::Unreadable));
        check("", Err(LimitError::Unreadable));
        check("0m/1s", Err(LimitError::Millicores));
        check("0.0001/1s", Err(LimitError::Millicores));
        check("2.5m/1s", Err(LimitError::Millicores));
        check("-1m+1s", Err(LimitError::Millicores));
        check("1000001/1s", Err(LimitError::Millicores));
        check("400m/0ms", Err(LimitError::NoTime));
        check("400m+0", Err(LimitError::NoTime));
        check("1m/999ns", Err(LimitError::NoQuota));
        assert!(matches!(
            parse_limit("400m/100"),
            Err(LimitError::Duration(_))
        ));
        assert!(matches!(
            parse_limit("2/18446744073s"),
            Err(LimitError::Duration(_))
        ));
    }

    #[test]
    fn tenants_read_as_written() {
        let tenant = parse_tenant("a=b=3:400m+40ms").unwrap();
        assert_eq!((&*tenant.name, tenant.weight), ("a=b", 3));
        assert_eq!(tenant.limit, parse_limit("400m+40ms").ok());
        assert_eq!(parse_tenant("web=10000").unwrap().limit, None);
        for text in ["web", "web=", "web=0", "web=10001", "web=1.5", "web=-1"] {
            assert_eq!(parse_tenant(text), Err(TenantError::Unreadable), "{text}");
        }
        assert!(matches!(
            parse_tenant("web=1:400m"),
            Err(TenantError::Limit(_))
        ));
    }
}
