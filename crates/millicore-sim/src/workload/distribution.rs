//! Distributions of sizes: samples by inversion, and the moments that closed forms need.

/// How sizes are spread. Lengths are in one unit throughout, whichever it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Distribution {
    /// All alike.
    Fixed {
        /// The size of all.
        size: f64,
    },
    /// Exponential.
    Exponential {
        /// The mean.
        mean: f64,
    },
    /// Two exponentials with balanced means: each phase brings half of the work.
    Hyperexponential {
        /// The mean.
        mean: f64,
        /// The squared coefficient of variation, at least 1.
        squared_variation: f64,
    },
    /// Pareto between two bounds.
    BoundedPareto {
        /// The least size.
        least: f64,
        /// The greatest size.
        greatest: f64,
        /// The exponent alpha of the tail.
        exponent: f64,
    },
    /// Either small or large.
    Bimodal {
        /// The small size.
        small: f64,
        /// The large size.
        large: f64,
        /// How often it is large, from 0 to 1.
        share_large: f64,
    },
}

use Distribution::{Bimodal, BoundedPareto, Exponential, Fixed, Hyperexponential};

impl Distribution {
    /// The size below which a share `u` of all sizes lies, for `u` from 0 to below 1. With `u`
    /// uniform, it is a sample. (A mixture spends the low end of `u` on the choice of its part;
    /// there only the distribution of the result is right, not its order.)
    #[must_use]
    pub fn sample(&self, u: f64) -> f64 {
        match *self {
            Fixed { size } => size,
            Exponential { mean } => exponential(mean, u),
            Hyperexponential {
                mean,
                squared_variation,
            } => {
                let (share, short, long) = phases(mean, squared_variation);
                if u < share {
                    exponential(short, u / share)
                } else {
                    exponential(long, (u - share) / (1.0 - share))
                }
            }
            BoundedPareto {
                least,
                greatest,
                exponent,
            } => {
                let tail_at_greatest = (least / greatest).powf(exponent);
                least * (1.0 - u * (1.0 - tail_at_greatest)).powf(-1.0 / exponent)
            }
            Bimodal {
                small,
                large,
                share_large,
            } => {
                if u < share_large {
                    large
                } else {
                    small
                }
            }
        }
    }

    /// The mean, `E[S]`.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.moment(1)
    }

    /// The second moment, `E[S^2]`.
    #[must_use]
    pub fn second_moment(&self) -> f64 {
        self.moment(2)
    }

    /// The variance divided by the square of the mean.
    #[must_use]
    pub fn squared_variation(&self) -> f64 {
        self.second_moment() / (self.mean() * self.mean()) - 1.0
    }

    fn moment(&self, power: i32) -> f64 {
        match *self {
            Fixed { size } => size.powi(power),
            Bimodal {
                small,
                large,
                share_large,
            } => (1.0 - share_large) * small.powi(power) + share_large * large.powi(power),
            Exponential { .. } | Hyperexponential { .. } | BoundedPareto { .. } => {
                self.partial_moment(power, f64::INFINITY)
            }
        }
    }

    /// `P(S > x)`.
    #[must_use]
    pub fn tail(&self, x: f64) -> f64 {
        match *self {
            Fixed { size } => f64::from(x < size),
            Exponential { mean } => (-x / mean).exp(),
            Hyperexponential {
                mean,
                squared_variation,
            } => {
                let (share, short, long) = phases(mean, squared_variation);
                share * (-x / short).exp() + (1.0 - share) * (-x / long).exp()
            }
            BoundedPareto {
                least,
                greatest,
                exponent,
            } => {
                let x = x.clamp(least, greatest);
                let tail_at_greatest = (least / greatest).powf(exponent);
                ((least / x).powf(exponent) - tail_at_greatest) / (1.0 - tail_at_greatest)
            }
            Bimodal {
                small,
                large,
                share_large,
            } => share_large * f64::from(x < large) + (1.0 - share_large) * f64::from(x < small),
        }
    }

    /// `E[S^power; S <= x]`, for the powers 1 and 2.
    #[must_use]
    pub fn partial_moment(&self, power: i32, x: f64) -> f64 {
        match *self {
            Fixed { size } => f64::from(size <= x) * size.powi(power),
            Exponential { mean } => exponential_moment(mean, power, x),
            Hyperexponential {
                mean,
                squared_variation,
            } => {
                let (share, short, long) = phases(mean, squared_variation);
                share * exponential_moment(short, power, x)
                    + (1.0 - share) * exponential_moment(long, power, x)
            }
            BoundedPareto {
                least,
                greatest,
                exponent,
            } => {
                let x = x.clamp(least, greatest);
                let scale =
                    exponent * least.powf(exponent) / (1.0 - (least / greatest).powf(exponent));
                let power = f64::from(power) - exponent;
                if power == 0.0 {
                    scale * (x / least).ln()
                } else {
                    scale * (x.powf(power) - least.powf(power)) / power
                }
            }
            Bimodal {
                small,
                large,
                share_large,
            } => {
                let small_part = f64::from(small <= x) * (1.0 - share_large) * small.powi(power);
                small_part + f64::from(large <= x) * share_large * large.powi(power)
            }
        }
    }

    /// Where the sizes lie, but for a share too small to matter; nothing if they sit on points.
    pub(crate) fn continuous_range(&self) -> Option<(f64, f64)> {
        /// The exponential tail leaves 1e-20 beyond so many means.
        const MEANS: f64 = 46.0;
        match *self {
            Exponential { mean } => Some((0.0, MEANS * mean)),
            Hyperexponential {
                mean,
                squared_variation,
            } => {
                let (_, _, long) = phases(mean, squared_variation);
                Some((0.0, MEANS * long))
            }
            BoundedPareto {
                least, greatest, ..
            } => Some((least, greatest)),
            Fixed { .. } | Bimodal { .. } => None,
        }
    }
}

fn exponential(mean: f64, u: f64) -> f64 {
    -mean * (-u).ln_1p()
}

/// The integral of t^power dF(t) up to x.
fn exponential_moment(mean: f64, power: i32, x: f64) -> f64 {
    let scaled = x / mean;
    if scaled.is_infinite() {
        return if power == 1 { mean } else { 2.0 * mean * mean };
    }
    let tail = (-scaled).exp();
    if power == 1 {
        mean * (1.0 - (1.0 + scaled) * tail)
    } else {
        mean * mean * (2.0 - (2.0 + 2.0 * scaled + scaled * scaled) * tail)
    }
}

/// The share of the short phase, and the means of both.
fn phases(mean: f64, squared_variation: f64) -> (f64, f64, f64) {
    let excess = (squared_variation - 1.0) / (squared_variation + 1.0);
    let share = f64::midpoint(1.0, excess.max(0.0).sqrt());
    (share, mean / (2.0 * share), mean / (2.0 * (1.0 - share)))
}

#[cfg(test)]
mod tests {
    use super::Distribution;

    const ALL: [Distribution; 5] = [
        Distribution::Fixed { size: 3.0 },
        Distribution::Exponential { mean: 2.0 },
        Distribution::Hyperexponential {
            mean: 2.0,
            squared_variation: 10.0,
        },
        Distribution::BoundedPareto {
            least: 0.1,
            greatest: 100.0,
            exponent: 1.5,
        },
        Distribution::Bimodal {
            small: 1.0,
            large: 100.0,
            share_large: 0.5,
        },
    ];

    /// Samples at evenly spaced `u` have the mean, the tail and the partial mean they should.
    #[test]
    fn samples_agree_with_moments() {
        const SAMPLES: u32 = 400_000;
        for distribution in ALL {
            let samples: Vec<f64> = (0..SAMPLES)
                .map(|n| distribution.sample((f64::from(n) + 0.5) / f64::from(SAMPLES)))
                .collect();
            let count = f64::from(SAMPLES);
            let mean = samples.iter().sum::<f64>() / count;
            let second = samples.iter().map(|s| s * s).sum::<f64>() / count;
            let near = |a: f64, b: f64| (a - b).abs() <= 2e-3 * b.abs();
            assert!(near(mean, distribution.mean()), "{distribution:?}: {mean}");
            assert!(
                near(second, distribution.second_moment()),
                "{distribution:?}: {second}"
            );
            for x in [0.5, 2.0, 5.0, 50.0] {
                let above = samples.iter().filter(|&&s| s > x).count() as f64 / count;
                let below = samples.iter().filter(|&&s| s <= x).sum::<f64>() / count;
                assert!(
                    (above - distribution.tail(x)).abs() < 1e-4,
                    "{distribution:?} at {x}"
                );
                let expected = distribution.partial_moment(1, x);
                assert!(
                    (below - expected).abs() < 1e-3 * mean,
                    "{distribution:?} at {x}"
                );
            }
        }
    }

    #[test]
    fn known_moments() {
        let pareto = ALL[3];
        assert!((pareto.mean() - 0.290_522).abs() < 1e-6);
        assert!((pareto.squared_variation() - 9.8848).abs() < 1e-4);
        assert!((ALL[2].squared_variation() - 10.0).abs() < 1e-9);
        assert!((ALL[4].mean() - 50.5).abs() < 1e-9);
    }
}
