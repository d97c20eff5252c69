//! Generated workloads: who arrives when, how much each brings, from a seed.
//!
//! Arrivals and sizes draw from streams of their own, so that two runs that differ in one of them
//! share the other: policies are then compared on common random numbers.

use super::{Distribution, Request, Workload};
use crate::duration::SECOND_NS;
use rand_pcg::Pcg64;
use rand_pcg::rand_core::Rng;

/// What to generate.
#[derive(Clone, Debug, PartialEq)]
pub struct Generator {
    /// When requests arrive.
    pub arrivals: Arrivals,
    /// How much each takes.
    pub sizes: Sizes,
    /// How many.
    pub requests: u32,
    /// Equal seeds give equal workloads.
    pub seed: u64,
}

/// When requests arrive.
#[derive(Clone, Debug, PartialEq)]
pub enum Arrivals {
    /// All at time 0.
    Together,
    /// At the same distance, the first at time 0.
    Spaced {
        /// The distance in nanoseconds.
        every_ns: u64,
    },
    /// Poisson.
    Poisson {
        /// Mean arrivals a second, above 0.
        rate_per_s: f64,
    },
    /// So many at once, again and again, the first at time 0.
    Bursts {
        /// How many arrive together, at least 1.
        requests: u32,
        /// The distance between bursts in nanoseconds.
        every_ns: u64,
    },
    /// At these times in nanoseconds, one for each request.
    At(Vec<u64>),
}

/// How much CPU time each request takes.
#[derive(Clone, Debug, PartialEq)]
pub enum Sizes {
    /// By a distribution in seconds, rounded to nanoseconds and at least 1 ns.
    Drawn(Distribution),
    /// These sizes in nanoseconds in order, from the start again when they run out.
    Listed(Vec<u64>),
}

/// Each purpose has a stream of its own.
#[derive(Clone, Copy)]
enum Stream {
    Arrivals = 1,
    Sizes = 2,
}

impl Generator {
    /// The workload, numbered from 1 in order of arrival.
    ///
    /// # Errors
    ///
    /// Says what in the lists does not fit, or that arrivals run past the end of the clock.
    pub fn workload(&self) -> Result<Workload, GeneratorError> {
        let arrivals = self.arrivals_ns()?;
        let sizes = self.sizes_ns()?;
        Ok((1..)
            .zip(arrivals.into_iter().zip(sizes))
            .map(|(id, (arrival_ns, size_ns))| Request::new(id, arrival_ns, size_ns))
            .collect())
    }

    fn arrivals_ns(&self) -> Result<Vec<u64>, GeneratorError> {
        let numbers = 0..u64::from(self.requests);
        let multiple = |count: u64, every_ns: u64| {
            count
                .checked_mul(every_ns)
                .ok_or(GeneratorError::ClockOverflow)
        };
        match &self.arrivals {
            Arrivals::Together => Ok(vec![0; numbers.count()]),
            Arrivals::Spaced { every_ns } => numbers.map(|n| multiple(n, *every_ns)).collect(),
            Arrivals::Bursts { requests, every_ns } => {
                let together = u64::from(*requests).max(1);
                numbers.map(|n| multiple(n / together, *every_ns)).collect()
            }
            Arrivals::Poisson { rate_per_s } => {
                let gap = Distribution::Exponential {
                    mean: 1.0 / rate_per_s,
                };
                let mut random = self.random(Stream::Arrivals);
                let mut now_ns = 0_u64;
                numbers
                    .map(|_| {
                        let gap_ns = nanoseconds(gap.sample(uniform(&mut random)));
                        let next_ns = gap_ns.and_then(|gap_ns| now_ns.checked_add(gap_ns));
                        now_ns = next_ns.ok_or(GeneratorError::ClockOverflow)?;
                        Ok(now_ns)
                    })
                    .collect()
            }
            Arrivals::At(times_ns) if times_ns.len() == self.requests as usize => {
                let mut times_ns = times_ns.clone();
                times_ns.sort_unstable();
                Ok(times_ns)
            }
            Arrivals::At(times_ns) => Err(GeneratorError::Arrivals {
                listed: times_ns.len(),
                requests: self.requests,
            }),
        }
    }

    fn sizes_ns(&self) -> Result<Vec<u64>, GeneratorError> {
        let count = self.requests as usize;
        match &self.sizes {
            Sizes::Drawn(distribution) => {
                let mut random = self.random(Stream::Sizes);
                (0..count)
                    .map(|_| {
                        let size_ns = nanoseconds(distribution.sample(uniform(&mut random)));
                        Ok(size_ns.ok_or(GeneratorError::ClockOverflow)?.max(1))
                    })
                    .collect()
            }
            Sizes::Listed(sizes_ns) if sizes_ns.is_empty() => Err(GeneratorError::NoSizes),
            Sizes::Listed(sizes_ns) => Ok(sizes_ns.iter().copied().cycle().take(count).collect()),
        }
    }

    fn random(&self, stream: Stream) -> Pcg64 {
        Pcg64::new(self.seed.into(), stream as u128)
    }
}

/// From 0 to below 1, in steps of 2^-53.
fn uniform(random: &mut Pcg64) -> f64 {
    const STEP: f64 = 1.0 / 9_007_199_254_740_992.0;
    (random.next_u64() >> 11) as f64 * STEP
}

/// Seconds in whole nanoseconds, if they fit the clock.
pub(crate) fn nanoseconds(seconds: f64) -> Option<u64> {
    let ns = (seconds * SECOND_NS as f64).round();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole and in range, as the condition says"
    )]
    (ns >= 0.0 && ns < u64::MAX as f64).then_some(ns as u64)
}

/// Why there is no such workload.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GeneratorError {
    /// The list of arrivals has another length.
    #[error("{listed} arrivals are listed for {requests} requests: list one for each")]
    Arrivals {
        /// How many are listed.
        listed: usize,
        /// How many requests are asked for.
        requests: u32,
    },
    /// The list of sizes is empty.
    #[error("no sizes are listed: list at least one")]
    NoSizes,
    /// An arrival or a size is past the end of the clock.
    #[error("arrivals or sizes run past the end of the clock (584 years): make them smaller")]
    ClockOverflow,
}

#[cfg(test)]
mod tests {
    use super::{Arrivals, Generator, GeneratorError, Sizes};
    use crate::workload::Distribution;

    const EXPONENTIAL: Sizes = Sizes::Drawn(Distribution::Exponential { mean: 1.0 });

    fn generate(arrivals: Arrivals, sizes: Sizes, requests: u32) -> (Vec<u64>, Vec<u64>) {
        let generator = Generator {
            arrivals,
            sizes,
            requests,
            seed: 7,
        };
        let workload = generator.workload().unwrap();
        assert!(
            workload
                .requests
                .iter()
                .map(|request| request.id)
                .eq(1..=requests.into())
        );
        workload
            .requests
            .iter()
            .map(|request| (request.arrival_ns, request.size_ns))
            .unzip()
    }

    #[test]
    fn arrivals_by_rule() {
        let check = |arrivals: Arrivals, expected_ns: &[u64]| {
            let sizes = Sizes::Listed(vec![5, 6]);
            let (arrivals_ns, sizes_ns) = generate(arrivals, sizes, 5);
            assert_eq!(arrivals_ns, expected_ns);
            assert_eq!(sizes_ns, [5, 6, 5, 6, 5]);
        };
        check(Arrivals::Together, &[0; 5]);
        check(Arrivals::Spaced { every_ns: 3 }, &[0, 3, 6, 9, 12]);
        check(
            Arrivals::Bursts {
                requests: 2,
                every_ns: 10,
            },
            &[0, 0, 10, 10, 20],
        );
        check(Arrivals::At(vec![9, 1, 1, 4, 0]), &[0, 1, 1, 4, 9]);
    }

    #[test]
    fn policies_meet_common_random_numbers() {
        let poisson = Arrivals::Poisson { rate_per_s: 2.0 };
        let (arrivals, sizes) = generate(poisson.clone(), EXPONENTIAL, 1000);
        let fixed = Sizes::Drawn(Distribution::Fixed { size: 1.0 });
        assert_eq!(generate(poisson.clone(), fixed, 1000).0, arrivals);
        assert_eq!(generate(Arrivals::Together, EXPONENTIAL, 1000).1, sizes);
        assert_eq!(
            generate(poisson, EXPONENTIAL, 10).1,
            sizes[..10],
            "a prefix stays"
        );
        let distinct = arrivals.iter().zip(&sizes).filter(|(a, b)| a != b).count();
        assert_eq!(distinct, 1000, "the streams differ");
    }

    /// A change here changes every seeded result that users may have written down.
    #[test]
    fn streams_are_stable() {
        let (arrivals, sizes) = generate(Arrivals::Poisson { rate_per_s: 1.0 }, EXPONENTIAL, 3);
        assert_eq!(arrivals, [2_102_675_081, 2_862_312_772, 2_953_983_742]);
        assert_eq!(sizes, [112_865_293, 17_054_725, 1_058_905_387]);
    }

    #[test]
    fn means_are_as_asked() {
        let (arrivals, sizes) =
            generate(Arrivals::Poisson { rate_per_s: 4.0 }, EXPONENTIAL, 100_000);
        let mean_gap_s = arrivals[99_999] as f64 / 1e9 / 1e5;
        let mean_size_s = sizes.iter().sum::<u64>() as f64 / 1e9 / 1e5;
        assert!((mean_gap_s - 0.25).abs() < 0.003, "{mean_gap_s}");
        assert!((mean_size_s - 1.0).abs() < 0.012, "{mean_size_s}");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let check = |arrivals: Arrivals, sizes: Sizes, expected: GeneratorError| {
            let generator = Generator {
                arrivals,
                sizes,
                requests: 3,
                seed: 0,
            };
            assert_eq!(generator.workload(), Err(expected));
        };
        let short = GeneratorError::Arrivals {
            listed: 1,
            requests: 3,
        };
        check(Arrivals::At(vec![1]), EXPONENTIAL, short);
        check(
            Arrivals::Together,
            Sizes::Listed(Vec::new()),
            GeneratorError::NoSizes,
        );
        let overflow = || GeneratorError::ClockOverflow;
        check(
            Arrivals::Spaced { every_ns: u64::MAX },
            EXPONENTIAL,
            overflow(),
        );
        check(
            Arrivals::Poisson { rate_per_s: 1e-12 },
            EXPONENTIAL,
            overflow(),
        );
        let huge = Sizes::Drawn(Distribution::Fixed { size: 1e12 });
        check(Arrivals::Together, huge, overflow());
    }
}
