//! Poisson arrivals: the mean response time of a queue in equilibrium.
//!
//! `rate` is arrivals per unit of time, sizes are in that unit. One server here is the whole
//! machine working on one request at a time: for `k` cores with linear speedup divide the sizes
//! by `k`. Means are infinite at a load of 1 or more.

use crate::workload::Distribution;

/// M/M/1, in order of arrival: 1 / (service rate - arrival rate).
#[must_use]
pub fn mm1(rate: f64, service_rate: f64) -> f64 {
    if rate < service_rate {
        1.0 / (service_rate - rate)
    } else {
        f64::INFINITY
    }
}

/// M/M/k, in order of arrival, a request on one of `cores` cores (Erlang C).
#[must_use]
pub fn mmk(rate: f64, service_rate: f64, cores: u32) -> f64 {
    let offered = rate / service_rate;
    let load = offered / f64::from(cores);
    if load >= 1.0 {
        return f64::INFINITY;
    }
    // Erlang B by its recursion, then Erlang C, the probability to wait.
    let blocked = (1..=cores).fold(1.0, |blocked, core| {
        offered * blocked / (f64::from(core) + offered * blocked)
    });
    let waits = blocked / (1.0 - load * (1.0 - blocked));
    1.0 / service_rate + waits / (f64::from(cores) * service_rate - rate)
}

/// M/G/1 in order of arrival (Pollaczek and Khinchine): `focus` with sizes divided by the cores.
#[must_use]
pub fn in_arrival_order(rate: f64, sizes: &Distribution) -> f64 {
    let load = rate * sizes.mean();
    if load >= 1.0 {
        return f64::INFINITY;
    }
    sizes.mean() + rate * sizes.second_moment() / (2.0 * (1.0 - load))
}

/// M/G/1 processor sharing: `fair` with sizes divided by the cores. Only the mean size matters.
#[must_use]
pub fn processor_sharing(rate: f64, sizes: &Distribution) -> f64 {
    let load = rate * sizes.mean();
    if load < 1.0 {
        sizes.mean() / (1.0 - load)
    } else {
        f64::INFINITY
    }
}

/// M/G/1 shortest remaining processing time first (Schrage and Miller 1966): `srpt` with sizes
/// divided by the cores. Nothing for sizes that sit on points.
#[must_use]
pub fn shortest_remaining_first(rate: f64, sizes: &Distribution) -> Option<f64> {
    mean_over_sizes(rate, sizes, |at| {
        let waiting =
            rate * (at.second_moment_below + at.x * at.x * at.tail) / (2.0 * at.idle * at.idle);
        waiting + at.residence
    })
}

/// M/G/1 shortest job first without preemption: `sjf` on one core. Nothing for sizes that sit on
/// points.
#[must_use]
pub fn shortest_first(rate: f64, sizes: &Distribution) -> Option<f64> {
    let residual = rate * sizes.second_moment() / 2.0;
    mean_over_sizes(rate, sizes, |at| at.x + residual / (at.idle * at.idle))
}

/// M/G/1 preemptive shortest job first, by the whole size. Nothing for sizes that sit on points.
#[must_use]
pub fn preemptive_shortest_first(rate: f64, sizes: &Distribution) -> Option<f64> {
    mean_over_sizes(rate, sizes, |at| {
        rate * at.second_moment_below / (2.0 * at.idle * at.idle) + at.x / at.idle
    })
}

/// M/G/1 least attained service first: `las` with sizes divided by the cores. Nothing for sizes
/// that sit on points.
#[must_use]
pub fn least_attained_first(rate: f64, sizes: &Distribution) -> Option<f64> {
    mean_over_sizes(rate, sizes, |at| {
        let idle = 1.0 - rate * (at.first_moment_below + at.x * at.tail);
        let cut_second_moment = at.second_moment_below + at.x * at.x * at.tail;
        rate * cut_second_moment / 2.0 / (idle * idle) + at.x / idle
    })
}

/// What the formulas say about requests of size `x` they say in these terms.
struct AtSize {
    x: f64,
    /// `P(S > x)`.
    tail: f64,
    /// `E[S; S <= x]` and `E[S^2; S <= x]`.
    first_moment_below: f64,
    second_moment_below: f64,
    /// `1 - rate E[S; S <= x]`.
    idle: f64,
    /// The integral of `dt / (1 - rate E[S; S <= t])` from 0 to x.
    residence: f64,
}

/// The mean over sizes of a mean response time by size, by the midpoint rule on a grid that is
/// geometric above and linear near zero.
fn mean_over_sizes(
    rate: f64,
    sizes: &Distribution,
    response: impl Fn(&AtSize) -> f64,
) -> Option<f64> {
    const CELLS: u32 = 200_000;
    let (least, greatest) = sizes.continuous_range()?;
    if rate * sizes.mean() >= 1.0 {
        return Some(f64::INFINITY);
    }
    // x = scale (e^y - 1) above the least size, with y in even steps.
    let scale = sizes.mean() / 100.0;
    let y_end = ((greatest - least) / scale).ln_1p();
    let edge = |cell: u32| least + scale * (y_end * f64::from(cell) / f64::from(CELLS)).exp_m1();
    // Below the least size nobody competes.
    let (mut residence, mut mean) = (least, 0.0);
    for cell in 0..CELLS {
        let (left, right) = (edge(cell), edge(cell + 1));
        let x = f64::midpoint(left, right);
        let idle = 1.0 - rate * sizes.partial_moment(1, x);
        let at = AtSize {
            x,
            tail: sizes.tail(x),
            first_moment_below: sizes.partial_moment(1, x),
            second_moment_below: sizes.partial_moment(2, x),
            idle,
            residence: residence + (x - left) / idle,
        };
        mean += response(&at) * (sizes.tail(left) - sizes.tail(right));
        residence += (right - left) / idle;
    }
    Some(mean)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPONENTIAL: Distribution = Distribution::Exponential { mean: 1.0 };
    const H2: Distribution = Distribution::Hyperexponential {
        mean: 1.0,
        squared_variation: 10.0,
    };
    const PARETO: Distribution = Distribution::BoundedPareto {
        least: 0.1,
        greatest: 100.0,
        exponent: 1.5,
    };

    #[track_caller]
    fn check(found: Option<f64>, expected: f64) {
        let found = found.unwrap();
        assert!(
            (found - expected).abs() <= 2e-5 * expected,
            "{found} instead of {expected}"
        );
    }

    #[test]
    fn many_cores() {
        for (cores, rate, mean, one_fast_core) in [
            (2, 1.0, 1.333_333, 1.0),
            (2, 1.6, 2.777_778, 2.5),
            (2, 1.8, 5.263_158, 5.0),
            (4, 3.2, 1.745_541, 1.25),
            (8, 6.4, 1.286_028, 0.625),
            (8, 7.2, 1.876_916, 1.25),
            (16, 14.4, 1.369_590, 0.625),
        ] {
            check(Some(mmk(rate, 1.0, cores)), mean);
            check(Some(mm1(rate, f64::from(cores))), one_fast_core);
        }
        assert!(mmk(2.0, 1.0, 2).is_infinite() && mm1(1.0, 1.0).is_infinite());
    }

    #[test]
    fn in_order_of_arrival_and_shared() {
        let fixed = Distribution::Fixed { size: 1.0 };
        for (load, fixed_mean, exponential_mean, h2_mean, shared) in [
            (0.5, 1.5, 2.0, 6.5, 2.0),
            (0.7, 2.166_667, 3.333_333, 13.833_333, 3.333_333),
            (0.8, 3.0, 5.0, 23.0, 5.0),
            (0.9, 5.5, 10.0, 50.5, 10.0),
        ] {
            check(Some(in_arrival_order(load, &fixed)), fixed_mean);
            check(Some(in_arrival_order(load, &EXPONENTIAL)), exponential_mean);
            check(Some(in_arrival_order(load, &H2)), h2_mean);
            check(Some(processor_sharing(load, &H2)), shared);
        }
    }

    #[test]
    fn shortest_remaining_and_least_attained() {
        let pareto_mean = PARETO.mean();
        for (load, srpt, srpt_h2, srpt_pareto, las_h2, las_pareto) in [
            (0.5, 1.425_37, 1.400_82, 1.403_41, 1.715_29, 1.742_99),
            (0.7, 1.874_57, 1.780_10, 1.777_04, 2.543_80, 2.504_43),
            (0.8, 2.352_77, 2.151_25, 2.121_74, 3.504_38, 3.253_66),
            (0.9, 3.552_13, 3.003_39, 2.814_24, 6.236_64, 4.873_90),
        ] {
            let per_mean = |mean: Option<f64>| mean.map(|mean| mean / pareto_mean);
            check(shortest_remaining_first(load, &EXPONENTIAL), srpt);
            check(shortest_remaining_first(load, &H2), srpt_h2);
            check(
                per_mean(shortest_remaining_first(load / pareto_mean, &PARETO)),
                srpt_pareto,
            );
            check(least_attained_first(load, &EXPONENTIAL), 1.0 / (1.0 - load));
            check(least_attained_first(load, &H2), las_h2);
            check(
                per_mean(least_attained_first(load / pareto_mean, &PARETO)),
                las_pareto,
            );
        }
        let points = Distribution::Fixed { size: 1.0 };
        assert_eq!(shortest_remaining_first(0.5, &points), None);
    }

    #[test]
    fn shortest_first_with_and_without_preemption() {
        for (load, preemptive, in_peace) in [
            (0.5, 1.531_38, 1.712_69),
            (0.7, 2.083_87, 2.312_20),
            (0.8, 2.658_90, 2.882_22),
            (0.9, 4.051_77, 4.196_91),
            (0.95, 6.264_76, 6.263_96),
        ] {
            check(preemptive_shortest_first(load, &EXPONENTIAL), preemptive);
            check(shortest_first(load, &EXPONENTIAL), in_peace);
        }
    }
}
