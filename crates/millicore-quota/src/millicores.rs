//! An amount of CPU in thousandths of a core, as Kubernetes writes it.

use std::fmt;
use std::num::{NonZeroU32, NonZeroUsize};
use std::str::FromStr;

/// A CPU limit in thousandths of a core, from 1m to 1 000 000 cores; never zero.
///
/// It reads cores (`2`, `0.5`, `1.5`, `.5`) as both a Kubernetes CPU quantity and Docker's `--cpus`
/// do, and millicores (`500m`, `1500m`) as Kubernetes does. It prints the form that Kubernetes
/// prints: whole cores as a bare number, anything else in millicores.
///
/// It is stricter than they are where a limit would silently become another one:
/// - **Finer than 1m** (`0.5m`, `0.0005`) is refused. The Kubernetes documentation does not allow
///   it either; its API server rounds such a value up to 1m all the same, to stay compatible.
/// - **Zero** is refused. Both take it to mean "no limit", which is the absence of a `Millicores`.
/// - **Exponents and other suffixes** (`1e3`, `1k`, `1Gi`, `500u`) are refused. Kubernetes shares
///   them with memory; no CPU limit needs them.
///
/// Sources: Kubernetes documentation, "Resource Management for Pods and Containers" (CPU resource
/// units) and "Quantity"; Docker documentation, "Resource constraints" (`--cpus`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millicores(NonZeroU32);

impl Millicores {
    /// The smallest limit: 1m.
    pub const MIN: Self = Self(NonZeroU32::MIN);

    /// The largest limit: 1 000 000 cores, far above what one Linux kernel can have.
    pub const MAX: Self = Self(NonZeroU32::MIN.saturating_add(1_000_000_000 - 1));

    /// A number of millicores.
    ///
    /// # Errors
    ///
    /// [`MillicoresError::Zero`] and [`MillicoresError::TooLarge`].
    pub fn new(millicores: u64) -> Result<Self, MillicoresError> {
        let text = || format!("{millicores}m");
        let count =
            u32::try_from(millicores).map_err(|_| MillicoresError::TooLarge { value: text() })?;
        let count =
            NonZeroU32::new(count).ok_or_else(|| MillicoresError::Zero { value: text() })?;
        if count > Self::MAX.0 {
            return Err(MillicoresError::TooLarge { value: text() });
        }
        Ok(Self(count))
    }

    /// A number of whole cores.
    ///
    /// # Errors
    ///
    /// [`MillicoresError::Zero`] and [`MillicoresError::TooLarge`].
    pub fn from_cores(cores: usize) -> Result<Self, MillicoresError> {
        let too_large = || MillicoresError::TooLarge {
            value: format!("{cores} cores"),
        };
        let cores = u64::try_from(cores).map_err(|_| too_large())?;
        Self::new(cores.checked_mul(1000).ok_or_else(too_large)?)
    }

    /// What a CFS quota allows: `quota_us` microseconds of CPU time in every `period_us`.
    ///
    /// A part of a millicore is dropped, so that the answer never promises more than the kernel
    /// gives. The kernel itself takes no less than 1000 µs in at most 1 s, which is 1m.
    ///
    /// # Errors
    ///
    /// [`MillicoresError::Quota`] if either is zero or the result is not from 1m to
    /// 1 000 000 cores.
    pub fn from_quota(quota_us: u64, period_us: u64) -> Result<Self, MillicoresError> {
        (u128::from(quota_us) * 1000)
            .checked_div(u128::from(period_us))
            .and_then(|millicores| u64::try_from(millicores).ok())
            .and_then(|millicores| Self::new(millicores).ok())
            .ok_or(MillicoresError::Quota {
                quota_us,
                period_us,
            })
    }

    /// The number of millicores.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0.get()
    }

    /// The same amount in cores.
    #[must_use]
    pub fn as_cores(self) -> f64 {
        f64::from(self.get()) / 1000.0
    }

    /// How many cores can work at once under this limit without one of them being of no use:
    /// 500m gives 1, 1500m gives 2.
    #[must_use]
    pub fn cores_rounded_up(self) -> NonZeroUsize {
        usize::try_from(self.get().div_ceil(1000))
            .ok()
            .and_then(NonZeroUsize::new)
            .unwrap_or(NonZeroUsize::MAX)
    }
}

impl fmt::Display for Millicores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millicores = self.get();
        let text = if millicores.is_multiple_of(1000) {
            (millicores / 1000).to_string()
        } else {
            format!("{millicores}m")
        };
        f.pad(&text)
    }
}

impl FromStr for Millicores {
    type Err = MillicoresError;

    fn from_str(text: &str) -> Result<Self, MillicoresError> {
        let value = || text.to_owned();
        if text.is_empty() {
            return Err(MillicoresError::Empty);
        }
        if text.starts_with('-') {
            return Err(MillicoresError::Negative { value: value() });
        }
        let unsigned = text.strip_prefix('+').unwrap_or(text);
        let (number, decimals) = match unsigned.strip_suffix('m') {
            Some(millicores) => (millicores, 0),
            None => (unsigned, 3),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let only_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if (whole.is_empty() && fraction.is_empty())
            || !only_digits(whole)
            || !only_digits(fraction)
        {
            return Err(MillicoresError::Malformed { value: value() });
        }
        let (kept, finer) = fraction.split_at(fraction.len().min(decimals));
        if finer.bytes().any(|digit| digit != b'0') {
            return Err(MillicoresError::TooFine { value: value() });
        }
        // Decimal digits, moved left by `decimals` places: no float can round them.
        let millicores = format!("0{whole}{kept:0<decimals$}")
            .parse()
            .map_err(|_| MillicoresError::TooLarge { value: value() })?;
        Self::new(millicores).map_err(|error| match error {
            MillicoresError::Zero { .. } => MillicoresError::Zero { value: value() },
            _ => MillicoresError::TooLarge { value: value() },
        })
    }
}

/// Why something is not an amount of CPU.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MillicoresError {
    /// There is no text.
    #[error("an amount of CPU is missing: write cores (2, 0.5) or millicores (500m)")]
    Empty,
    /// The text is not a decimal number, with or without an `m`.
    #[error("{value:?} is not an amount of CPU: write cores (2, 0.5) or millicores (500m)")]
    Malformed {
        /// The text as given.
        value: String,
    },
    /// The text begins with a minus sign.
    #[error("{value:?} is negative: an amount of CPU is from 1m to 1000000 cores")]
    Negative {
        /// The text as given.
        value: String,
    },
    /// The amount is not a whole number of millicores.
    #[error(
        "{value:?} is finer than 1m, a thousandth of a core: \
         an amount of CPU is a whole number of millicores, from 1m to 1000000 cores"
    )]
    TooFine {
        /// The text as given.
        value: String,
    },
    /// The amount is zero.
    #[error(
        "{value:?} is no CPU at all: an amount of CPU is from 1m to 1000000 cores; \
         for no limit, give none"
    )]
    Zero {
        /// The amount as given.
        value: String,
    },
    /// The amount is above [`Millicores::MAX`].
    #[error("{value:?} is too much: an amount of CPU is from 1m to 1000000 cores")]
    TooLarge {
        /// The amount as given.
        value: String,
    },
    /// A quota and a period that give no amount in range.
    #[error(
        "a quota of {quota_us} µs in every {period_us} µs is not an amount of CPU \
         from 1m to 1000000 cores"
    )]
    Quota {
        /// The quota in microseconds.
        quota_us: u64,
        /// The period in microseconds.
        period_us: u64,
    },
}

#[cfg(test)]
mod tests;
