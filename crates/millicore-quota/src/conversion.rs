//! One amount of CPU as Kubernetes, runc, systemd and Docker write it for the kernel.

use crate::bandwidth::Bandwidth;
use crate::millicores::Millicores;
use std::time::Duration;

/// The period unless a kubelet was told another, in microseconds.
const USUAL_PERIOD_US: u64 = 100_000;
/// The least that the kernel takes, in microseconds.
const SMALLEST_QUOTA_US: u64 = 1000;

/// The quota in microseconds that a kubelet writes for a limit: at least 1 ms, so that with the usual
/// period everything below 10m acts as 10m.
///
/// Source: Kubernetes, `pkg/kubelet/cm/helpers_linux.go`, `MilliCPUToQuota`.
#[must_use]
pub fn kubernetes_quota_us(limit: Millicores, period: Duration) -> u64 {
    let period_us = u64::try_from(period.as_micros()).unwrap_or(u64::MAX);
    let quota_us = u128::from(limit.get()) * u128::from(period_us) / 1000;
    u64::try_from(quota_us)
        .unwrap_or(u64::MAX)
        .max(SMALLEST_QUOTA_US)
}

/// The `cpu.shares` of version 1 that a kubelet computes from a request, from 2 to 262 144.
///
/// Source: Kubernetes, `pkg/kubelet/cm/helpers_linux.go`, `MilliCPUToShares`.
#[must_use]
pub fn kubernetes_shares(request: Millicores) -> u64 {
    (u64::from(request.get()) * 1024 / 1000).clamp(SHARES.0, SHARES.1)
}

/// What the kernel takes as shares.
const SHARES: (u64, u64) = (2, 262_144);

/// The `cpu.weight` of version 2 for shares of version 1, in a straight line: 1024 becomes 39. So
/// kubelets set pods and their parents, and runc before 1.3.2 everything.
///
/// Source: Kubernetes, `getCPUWeight`; opencontainers/cgroups, `ConvertCPUSharesToCgroupV2Value` of
/// before 2025.
#[must_use]
pub fn linear_weight(shares: u64) -> u64 {
    match shares {
        0 => 0,
        _ if shares >= SHARES.1 => MOST_WEIGHT,
        _ => 1 + shares.saturating_sub(SHARES.0) * (MOST_WEIGHT - 1) / (SHARES.1 - SHARES.0),
    }
}

/// The `cpu.weight` of version 2 for shares of version 1, such that the usual 1024 becomes the usual
/// 100. So runc from 1.3.2 and crun set containers.
///
/// Source: opencontainers/cgroups, `ConvertCPUSharesToCgroupV2Value`.
#[must_use]
pub fn quadratic_weight(shares: u64) -> u64 {
    match shares {
        0 => 0,
        1..=2 => 1,
        _ if shares >= SHARES.1 => MOST_WEIGHT,
        _ => {
            let exponent = (shares as f64).log2();
            let weight = 10_f64.powf((exponent * exponent + 125.0 * exponent) / 612.0 - 7.0 / 34.0);
            // Rounded up.
            let whole = (1..=MOST_WEIGHT).find(|&whole| whole as f64 >= weight);
            whole.unwrap_or(MOST_WEIGHT)
        }
    }
}

const MOST_WEIGHT: u64 = 10_000;

/// The quota in microseconds that systemd makes of one: a whole per cent of a core, rounded up, so
/// that 125m becomes 130m.
///
/// Source: opencontainers/cgroups, `systemd/common.go`, `addCPUQuota`; systemd.resource-control(5),
/// `CPUQuota`.
#[must_use]
pub fn systemd_quota_us(quota_us: u64, period: Duration) -> u64 {
    /// A hundredth of a core, in microseconds a second.
    const PER_CENT: u128 = 10_000;
    let period_us = period.as_micros().max(1);
    let per_second = u128::from(quota_us) * 1_000_000 / period_us;
    let rounded = per_second.div_ceil(PER_CENT) * PER_CENT;
    u64::try_from(rounded * period_us / 1_000_000).unwrap_or(u64::MAX)
}

/// What Docker's `--cpus` becomes: billionths of a core.
///
/// Source: Docker engine API, `NanoCpus`.
#[must_use]
pub fn docker_nano_cpus(limit: Millicores) -> u64 {
    u64::from(limit.get()) * 1_000_000
}

/// One of the things that become of an amount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversion {
    /// Who writes it, and where.
    pub name: &'static str,
    /// What is written.
    pub written: String,
    /// Which limit that amounts to, if it is one.
    pub acts_as: Option<Millicores>,
}

/// Everything that becomes of an amount, as a limit and as a request.
#[must_use]
pub fn conversions(amount: Millicores) -> Vec<Conversion> {
    let usual = Bandwidth::USUAL_PERIOD;
    let exact = Bandwidth::of(amount);
    let kubernetes_us = kubernetes_quota_us(amount, usual);
    let systemd_us = systemd_quota_us(kubernetes_us, usual);
    let nano_cpus = docker_nano_cpus(amount);
    let docker_us = nano_cpus / 10_000;
    let shares = kubernetes_shares(amount);
    let limit = |name, written: String, quota_us| Conversion {
        name,
        written,
        acts_as: Millicores::from_quota(quota_us, USUAL_PERIOD_US).ok(),
    };
    let share = |name, value: u64| Conversion {
        name,
        written: value.to_string(),
        acts_as: None,
    };
    let docker = if docker_us < SMALLEST_QUOTA_US {
        Conversion {
            name: "docker: NanoCpus of --cpus",
            written: format!("{nano_cpus}, refused by the kernel"),
            acts_as: None,
        }
    } else {
        limit(
            "docker: NanoCpus of --cpus",
            nano_cpus.to_string(),
            docker_us,
        )
    };
    vec![
        Conversion {
            name: "kernel: quota and period in µs",
            written: format!(
                "{} {}",
                exact.quota().as_micros(),
                exact.period().as_micros()
            ),
            acts_as: Some(exact.limit()),
        },
        limit(
            "kubernetes limit: quota in µs each 100 ms",
            kubernetes_us.to_string(),
            kubernetes_us,
        ),
        limit(
            "kubernetes limit, systemd driver: the same",
            systemd_us.to_string(),
            systemd_us,
        ),
        docker,
        share("kubernetes request: cpu.shares", shares),
        share("kubernetes pod request: cpu.weight", linear_weight(shares)),
        share("runc < 1.3.2: cpu.weight", linear_weight(shares)),
        share("runc >= 1.3.2, crun: cpu.weight", quadratic_weight(shares)),
    ]
}

#[cfg(test)]
mod tests;
