//! Generators as a user types them: `poisson:rate=1.6,n=10000`, `h2:mean=1s,c2=10`.

use super::{Arrivals, Distribution, Sizes, excerpt};
use crate::duration::{SECOND_NS, parse_duration};

/// The most requests that a text generates: they take 7 GB.
const MOST_GENERATED: u32 = 100_000_000;

const ARRIVALS: &str = "batch:n=N, spaced:every=TIME,n=N, poisson:rate=PER_SECOND,n=N, \
                        bursts:size=N,every=TIME,n=N, file:PATH";

const SIZES: &str = "fixed:size=TIME, exp:mean=TIME, h2:mean=TIME,c2=NUMBER, \
                     pareto:least=TIME,greatest=TIME,exponent=NUMBER, \
                     bimodal:small=TIME,large=TIME,share_large=SHARE, file:PATH";

/// Reads when requests arrive, and how many: `batch:n=4`, `spaced:every=1s,n=10`,
/// `poisson:rate=1.6,n=10000` (the rate is per second) or `bursts:size=10,every=1s,n=100`.
///
/// # Errors
///
/// Says what there is to choose from, or which number is out of range.
pub fn parse_arrivals(text: &str) -> Result<(Arrivals, u32), GeneratorTextError> {
    let mut fields = Fields::new(text, ARRIVALS)?;
    let arrivals = match fields.kind {
        "batch" => Arrivals::Together,
        "spaced" => Arrivals::Spaced {
            every_ns: fields.duration_ns("every")?,
        },
        "poisson" => {
            let rate_per_s = fields.number("rate", "a number above 0", |rate| rate > 0.0)?;
            Arrivals::Poisson { rate_per_s }
        }
        "bursts" => {
            let requests = fields.count("size")?;
            Arrivals::Bursts {
                requests,
                every_ns: fields.duration_ns("every")?,
            }
        }
        _ => return Err(fields.unknown_kind()),
    };
    let requests = fields.count("n")?;
    fields.finish()?;
    Ok((arrivals, requests))
}

/// Reads how much each request takes: `fixed:size=1s`, `exp:mean=1s`, `h2:mean=1s,c2=10`,
/// `pareto:least=1ms,greatest=10s,exponent=1.5` or
/// `bimodal:small=500us,large=500ms,share_large=0.005`.
///
/// # Errors
///
/// Says what there is to choose from, or which number is out of range.
pub fn parse_sizes(text: &str) -> Result<Sizes, GeneratorTextError> {
    let mut fields = Fields::new(text, SIZES)?;
    let distribution = match fields.kind {
        "fixed" => Distribution::Fixed {
            size: fields.seconds("size")?,
        },
        "exp" => Distribution::Exponential {
            mean: fields.seconds("mean")?,
        },
        "h2" => {
            let mean = fields.seconds("mean")?;
            let squared_variation = fields.number("c2", "a number from 1", |c2| c2 >= 1.0)?;
            Distribution::Hyperexponential {
                mean,
                squared_variation,
            }
        }
        "pareto" => {
            let least = fields.seconds("least")?;
            let greatest = fields.seconds("greatest")?;
            if greatest <= least {
                return Err(fields.bad("greatest", "longer than the least"));
            }
            let exponent = fields.number("exponent", "a number above 0", |alpha| alpha > 0.0)?;
            Distribution::BoundedPareto {
                least,
                greatest,
                exponent,
            }
        }
        "bimodal" => {
            let (small, large) = (fields.seconds("small")?, fields.seconds("large")?);
            let is_share = |share| (0.0..=1.0).contains(&share);
            let share_large = fields.number("share_large", "a number from 0 to 1", is_share)?;
            Distribution::Bimodal {
                small,
                large,
                share_large,
            }
        }
        _ => return Err(fields.unknown_kind()),
    };
    fields.finish()?;
    Ok(Sizes::Drawn(distribution))
}

/// Reads a list of whole numbers, one a line; empty lines are skipped.
///
/// # Errors
///
/// Says which line is no whole number.
pub fn parse_list(text: &str) -> Result<Vec<u64>, GeneratorTextError> {
    let lines = (1..)
        .zip(text.lines().map(str::trim))
        .filter(|(_, line)| !line.is_empty());
    lines
        .map(|(line, found)| {
            found.parse().map_err(|_| GeneratorTextError::BadLine {
                line,
                found: found.to_owned(),
            })
        })
        .collect()
}

/// `KIND:NAME=VALUE,NAME=VALUE`, taken apart.
struct Fields<'a> {
    kind: &'a str,
    fields: Vec<(&'a str, &'a str)>,
    asked: Vec<&'static str>,
    known: &'static str,
}

impl<'a> Fields<'a> {
    fn new(text: &'a str, known: &'static str) -> Result<Self, GeneratorTextError> {
        let (kind, rest) = text.split_once(':').unwrap_or((text, ""));
        let parts = rest.split(',').filter(|part| !part.is_empty());
        let fields: Option<Vec<_>> = parts.map(|part| part.split_once('=')).collect();
        let fields = fields.ok_or_else(|| GeneratorTextError::UnknownKind {
            kind: text.to_owned(),
            known,
        })?;
        Ok(Self {
            kind,
            fields,
            asked: Vec::new(),
            known,
        })
    }

    fn value(&mut self, name: &'static str) -> Result<&'a str, GeneratorTextError> {
        self.asked.push(name);
        let found = self.fields.iter().find(|(known, _)| *known == name);
        found
            .map(|&(_, value)| value)
            .ok_or_else(|| GeneratorTextError::Missing {
                kind: self.kind.to_owned(),
                name,
            })
    }

    fn count(&mut self, name: &'static str) -> Result<u32, GeneratorTextError> {
        let count = self.value(name)?.parse().ok();
        count
            .filter(|count| (1..=MOST_GENERATED).contains(count))
            .ok_or_else(|| self.bad(name, "a whole number from 1 to 100000000"))
    }

    fn duration_ns(&mut self, name: &'static str) -> Result<u64, GeneratorTextError> {
        let duration_ns = parse_duration(self.value(name)?).ok().filter(|&ns| ns > 0);
        duration_ns.ok_or_else(|| self.bad(name, "a time above 0, such as 250us or 1.5s"))
    }

    fn seconds(&mut self, name: &'static str) -> Result<f64, GeneratorTextError> {
        Ok(self.duration_ns(name)? as f64 / SECOND_NS as f64)
    }

    fn number(
        &mut self,
        name: &'static str,
        expected: &'static str,
        in_range: impl Fn(f64) -> bool,
    ) -> Result<f64, GeneratorTextError> {
        let number = self.value(name)?.parse().ok();
        let number = number.filter(|&number: &f64| number.is_finite() && in_range(number));
        number.ok_or_else(|| self.bad(name, expected))
    }

    fn bad(&self, name: &'static str, expected: &'static str) -> GeneratorTextError {
        let found = self.fields.iter().find(|(known, _)| *known == name);
        let value = found.map_or_else(String::new, |&(_, value)| value.to_owned());
        GeneratorTextError::BadValue {
            name,
            value,
            expected,
        }
    }

    fn unknown_kind(&self) -> GeneratorTextError {
        GeneratorTextError::UnknownKind {
            kind: self.kind.to_owned(),
            known: self.known,
        }
    }

    /// Everything that was given must have been asked for, once.
    fn finish(self) -> Result<(), GeneratorTextError> {
        let mut asked = self.asked;
        for (name, _) in self.fields {
            let Some(index) = asked.iter().position(|&known| known == name) else {
                let (kind, name) = (self.kind.to_owned(), name.to_owned());
                return Err(GeneratorTextError::UnknownName { kind, name });
            };
            asked.swap_remove(index);
        }
        Ok(())
    }
}

/// Why a text is no generator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GeneratorTextError {
    /// The kind before the colon is unknown.
    #[error("`{}` is not one of {known}", excerpt(.kind))]
    UnknownKind {
        /// What was given.
        kind: String,
        /// What there is.
        known: &'static str,
    },
    /// A part is missing.
    #[error("`{kind}` needs {name}=...")]
    Missing {
        /// The kind.
        kind: String,
        /// The part.
        name: &'static str,
    },
    /// A part is unknown, or given twice.
    #[error("`{kind}` takes no {}=..., or takes it once", excerpt(.name))]
    UnknownName {
        /// The kind.
        kind: String,
        /// The part.
        name: String,
    },
    /// A value is out of range.
    #[error("{name}={}: it must be {expected}", excerpt(.value))]
    BadValue {
        /// The part.
        name: &'static str,
        /// What was given.
        value: String,
        /// What it may be.
        expected: &'static str,
    },
    /// A line of a list is no whole number.
    #[error("line {line}: `{}` is not a whole number of nanoseconds", excerpt(.found))]
    BadLine {
        /// Which line, counted from 1.
        line: usize,
        /// What it says.
        found: String,
    },
}

#[cfg(test)]
mod tests {
    use super::{parse_arrivals, parse_list, parse_sizes};
    use crate::workload::{Arrivals, Distribution, Sizes};

    #[test]
    fn arrivals_read_as_written() {
        let check = |text: &str, arrivals: Arrivals, requests: u32| {
            assert_eq!(parse_arrivals(text), Ok((arrivals, requests)), "{text}");
        };
        check("batch:n=4", Arrivals::Together, 4);
        check(
            "spaced:every=1s,n=2",
            Arrivals::Spaced {
                every_ns: 1_000_000_000,
            },
            2,
        );
        check(
            "poisson:n=10,rate=1.6",
            Arrivals::Poisson { rate_per_s: 1.6 },
            10,
        );
        let bursts = Arrivals::Bursts {
            requests: 10,
            every_ns: 1_500_000,
        };
        check("bursts:size=10,every=1.5ms,n=100", bursts, 100);
    }

    #[test]
    fn sizes_read_as_written() {
        let check = |text: &str, distribution: Distribution| {
            assert_eq!(parse_sizes(text), Ok(Sizes::Drawn(distribution)), "{text}");
        };
        check("fixed:size=2s", Distribution::Fixed { size: 2.0 });
        check("exp:mean=500ms", Distribution::Exponential { mean: 0.5 });
        let h2 = Distribution::Hyperexponential {
            mean: 1.0,
            squared_variation: 10.0,
        };
        check("h2:mean=1s,c2=10", h2);
        let pareto = Distribution::BoundedPareto {
            least: 0.1,
            greatest: 100.0,
            exponent: 1.5,
        };
        check("pareto:least=100ms,greatest=100s,exponent=1.5", pareto);
        let bimodal = Distribution::Bimodal {
            small: 0.5,
            large: 500.0,
            share_large: 0.005,
        };
        check("bimodal:small=500ms,large=500s,share_large=0.005", bimodal);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let check = |error: Option<String>, expected: &str| {
            let error = error.unwrap_or_default();
            assert!(
                error.starts_with(expected),
                "`{error}` instead of `{expected}`"
            );
        };
        let arrivals = |text: &str| parse_arrivals(text).err().map(|error| error.to_string());
        check(arrivals("normal:n=3"), "`normal` is not one of batch:n=N, ");
        check(arrivals(""), "`` is not one of ");
        check(arrivals("batch:3"), "`batch:3` is not one of ");
        check(arrivals("batch"), "`batch` needs n=...");
        check(
            arrivals("batch:n=0"),
            "n=0: it must be a whole number from 1",
        );
        for many in ["100000001", "4294967295", "99999999999999999999"] {
            check(
                arrivals(&format!("poisson:rate=1,n={many}")),
                &format!("n={many}: it must be a whole number from 1 to 100000000"),
            );
        }
        check(arrivals("a\tb:n=1"), "`a\\tb` is not one of ");
        check(arrivals("batch:n=3,m=4"), "`batch` takes no m=...");
        check(
            arrivals("batch:n=3,n=4"),
            "`batch` takes no n=..., or takes it once",
        );
        check(
            arrivals("poisson:rate=0,n=1"),
            "rate=0: it must be a number above 0",
        );
        check(arrivals("poisson:rate=inf,n=1"), "rate=inf: it must be");
        check(
            arrivals("spaced:every=5,n=1"),
            "every=5: it must be a time above 0",
        );
        let sizes = |text: &str| parse_sizes(text).err().map(|error| error.to_string());
        check(
            sizes("zipf:mean=1s"),
            "`zipf` is not one of fixed:size=TIME, ",
        );
        check(sizes("exp:mean=0s"), "mean=0s: it must be a time above 0");
        check(
            sizes("h2:mean=1s,c2=0.5"),
            "c2=0.5: it must be a number from 1",
        );
        check(
            sizes("pareto:least=2s,greatest=1s,exponent=1"),
            "greatest=1s: it must be longer",
        );
        check(
            sizes("bimodal:small=1s,large=2s,share_large=2"),
            "share_large=2: it must be",
        );
    }

    #[test]
    fn lists_hold_a_number_a_line() {
        assert_eq!(parse_list("5\n\n 6 \r\n"), Ok(vec![5, 6]));
        let error = parse_list("5\n\nx\n").unwrap_err().to_string();
        assert_eq!(error, "line 3: `x` is not a whole number of nanoseconds");
    }
}
