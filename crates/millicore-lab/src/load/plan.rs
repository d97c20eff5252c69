//! The plan: what was asked for, checked, with nothing left open.

use crate::flags::{FlagError, number, time};
use crate::load::expectation::{Expectation, ExpectationError};
use crate::load::target::{Target, TargetError};
use http::{HeaderName, HeaderValue, Method};
use millicore_sim::duration::{MICROSECOND_NS, SECOND_NS};
use std::ops::RangeInclusive;

/// What was typed, by the names of the flags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// URLs of weight 1.
    pub urls: Vec<String>,
    /// URLs as `WEIGHT=URL`.
    pub weighted_urls: Vec<String>,
    /// How many requests.
    pub requests: Option<String>,
    /// How many connections, each with one request at a time.
    pub connections: Option<String>,
    /// How many requests leave together.
    pub at_once: Option<String>,
    /// How many requests start each second, whatever becomes of them.
    pub rate: Option<String>,
    /// `constant` or `poisson`.
    pub arrivals: Option<String>,
    /// What the gaps between Poisson arrivals depend on.
    pub seed: Option<String>,
    /// How long requests are started.
    pub duration: Option<String>,
    /// `sent` or `completed`.
    pub order: Option<String>,
    /// How long an answer is waited for.
    pub timeout: Option<String>,
    /// `GET`, or `POST` with a body, if it is not said.
    pub method: Option<String>,
    /// Headers as `NAME: VALUE`.
    pub headers: Vec<String>,
    /// What each request carries.
    pub body: Option<Vec<u8>>,
    /// HTTP/2 instead of HTTP/1.1.
    pub http2: bool,
    /// Expectations such as `p99<100ms`, with commas between.
    pub expect: Vec<String>,
}

/// A load that can be put on a server.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Where requests go; at least one.
    pub targets: Vec<Target>,
    /// The method of each request.
    pub method: Method,
    /// The headers of each request, beside those that every request has.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// What each request carries.
    pub body: Vec<u8>,
    /// Which HTTP is spoken.
    pub protocol: Protocol,
    /// When requests start.
    pub arrivals: Arrivals,
    /// How many there are, or for how long they start.
    pub extent: Extent,
    /// How long an answer is waited for, from the moment the generator begins with the request.
    pub timeout_ns: u64,
    /// In which order the requests are reported.
    pub order: Order,
    /// Requests are reported one by one if there are not more of them.
    pub most_rows: usize,
    /// Whether the rows have the bodies of the answers, each up to a MiB.
    pub keep_bodies: bool,
    /// What the run is held against.
    pub expectations: Vec<Expectation>,
}

/// Which HTTP is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1: a connection has one request at a time.
    Http1,
    /// HTTP/2 without TLS and without asking first ("prior knowledge"): a connection has up to a
    /// hundred.
    Http2,
}

/// When requests start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Arrivals {
    /// Each of so many connections starts one when its last is done: a slow server is asked less.
    Closed {
        /// How many requests are under way at a time.
        connections: usize,
    },
    /// All together, on connections that were opened before.
    AtOnce {
        /// How many.
        requests: usize,
    },
    /// At a constant distance, on as many connections as it takes.
    Constant {
        /// How many each second.
        rate_per_s: f64,
    },
    /// At random, independently of each other, on as many connections as it takes.
    Poisson {
        /// How many each second, on average.
        rate_per_s: f64,
        /// The same seed gives the same times.
        seed: u64,
    },
}

/// How many requests there are, or for how long they start; with both, whatever comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// How many requests.
    pub requests: Option<u64>,
    /// How long requests start; those under way are waited for.
    pub duration_ns: Option<u64>,
}

/// In which order the requests are reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As they were sent, like the `map` of grequests.
    Sent,
    /// As they were completed, like its `imap`.
    Completed,
}

/// More than this are reported as statistics only.
pub const MOST_ROWS: usize = 1000;

const REQUESTS: RangeInclusive<u64> = 1..=1_000_000_000;
const CONNECTIONS: RangeInclusive<u64> = 1..=100_000;
const SEEDS: RangeInclusive<u64> = 0..=u64::MAX;
const RATES_PER_S: RangeInclusive<f64> = 0.001..=1_000_000.0;
const REQUESTS_BY_DEFAULT: u64 = 200;
const CONNECTIONS_BY_DEFAULT: usize = 10;
const TIMEOUT_BY_DEFAULT_NS: u64 = 30 * SECOND_NS;
const DURATIONS_NS: RangeInclusive<u64> = MICROSECOND_NS..=7 * 24 * 3600 * SECOND_NS;
const TIMEOUTS_NS: RangeInclusive<u64> = MICROSECOND_NS..=3600 * SECOND_NS;

impl Plan {
    /// Checks what was typed.
    ///
    /// # Errors
    ///
    /// Says which flag cannot be, and what it can be.
    pub fn new(wishes: &Wishes) -> Result<Self, PlanError> {
        let arrivals = arrivals(wishes)?;
        let body = wishes.body.clone().unwrap_or_default();
        Ok(Self {
            targets: targets(wishes)?,
            method: method(wishes)?,
            headers: headers(wishes)?,
            body,
            protocol: match wishes.http2 {
                true => Protocol::Http2,
                false => Protocol::Http1,
            },
            extent: extent(wishes, &arrivals)?,
            arrivals,
            timeout_ns: match &wishes.timeout {
                Some(given) => time("--timeout", given, &TIMEOUTS_NS, "")?,
                None => TIMEOUT_BY_DEFAULT_NS,
            },
            order: order(wishes.order.as_deref())?,
            most_rows: MOST_ROWS,
            keep_bodies: false,
            expectations: expectations(&wishes.expect)?,
        })
    }

    /// So many requests of one URL, all at once, with the bodies of the answers.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the URL or the number.
    pub fn at_once(url: &str, requests: usize) -> Result<Self, PlanError> {
        let wishes = Wishes {
            urls: vec![url.to_owned()],
            at_once: Some(requests.to_string()),
            ..Wishes::default()
        };
        let plan = Self::new(&wishes)?;
        Ok(Self {
            most_rows: requests,
            keep_bodies: true,
            ..plan
        })
    }
}

fn targets(wishes: &Wishes) -> Result<Vec<Target>, PlanError> {
    let plain = wishes.urls.iter().map(|url| Target::new(url, 1));
    let weighted = wishes.weighted_urls.iter().map(|it| Target::weighted(it));
    let targets: Vec<Target> = plain.chain(weighted).collect::<Result<_, _>>()?;
    match targets.is_empty() {
        true => Err(PlanError::NoUrl),
        false => Ok(targets),
    }
}

fn method(wishes: &Wishes) -> Result<Method, PlanError> {
    let Some(given) = &wishes.method else {
        let has_body = wishes.body.is_some();
        return Ok(if has_body { Method::POST } else { Method::GET });
    };
    match Method::from_bytes(given.as_bytes()) {
        Ok(method) if method != Method::CONNECT => Ok(method),
        _ => Err(PlanError::Method {
            given: given.clone(),
        }),
    }
}

fn headers(wishes: &Wishes) -> Result<Vec<(HeaderName, HeaderValue)>, PlanError> {
    /// Those that say how the message is framed.
    const OURS: [&str; 2] = ["content-length", "transfer-encoding"];
    let header = |given: &String| {
        let wrong = || PlanError::Header {
            given: given.clone(),
        };
        let (name, value) = given.split_once(':').ok_or_else(wrong)?;
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
        let value = HeaderValue::from_str(value.trim()).map_err(|_| wrong())?;
        if OURS.contains(&name.as_str()) {
            return Err(PlanError::FramingHeader { name });
        }
        Ok((name, value))
    };
    wishes.headers.iter().map(header).collect()
}

fn arrivals(wishes: &Wishes) -> Result<Arrivals, PlanError> {
    if let Some(given) = &wishes.at_once {
        refuse_beside("--at-once", wishes, &["-n", "-c", "--rate", "--duration"])?;
        refuse_beside("--at-once", wishes, &["--arrivals", "--seed"])?;
        let requests = number("--at-once", given, &CONNECTIONS)?;
        return Ok(Arrivals::AtOnce { requests });
    }
    let Some(given) = &wishes.rate else {
        refuse_without_rate(wishes)?;
        let connections = match &wishes.connections {
            Some(given) => number("-c", given, &CONNECTIONS)?,
            None => CONNECTIONS_BY_DEFAULT,
        };
        return Ok(Arrivals::Closed { connections });
    };
    refuse_beside("--rate", wishes, &["-c"])?;
    let rate_per_s = rate(given)?;
    match wishes.arrivals.as_deref() {
        None | Some("constant") => {
            if wishes.seed.is_some() {
                return Err(PlanError::Needs {
                    flag: "--seed",
                    other: "--arrivals poisson",
                });
            }
            Ok(Arrivals::Constant { rate_per_s })
        }
        Some("poisson") => {
            let seed = wishes.seed.as_deref().unwrap_or("1");
            let seed = number("--seed", seed, &SEEDS)? as u64;
            Ok(Arrivals::Poisson { rate_per_s, seed })
        }
        Some(given) => Err(PlanError::Choice {
            flag: "--arrivals",
            given: given.to_owned(),
            choices: "constant, poisson",
        }),
    }
}

fn refuse_without_rate(wishes: &Wishes) -> Result<(), PlanError> {
    let flags = [("--arrivals", &wishes.arrivals), ("--seed", &wishes.seed)];
    match flags.iter().find(|(_, value)| value.is_some()) {
        Some(&(flag, _)) => Err(PlanError::Needs {
            flag,
            other: "--rate",
        }),
        None => Ok(()),
    }
}

/// Refuses `flag` if one of `others` was typed as well.
fn refuse_beside(
    flag: &'static str,
    wishes: &Wishes,
    others: &[&'static str],
) -> Result<(), PlanError> {
    let is_typed = |other: &&&'static str| match **other {
        "-n" => wishes.requests.is_some(),
        "-c" => wishes.connections.is_some(),
        "--rate" => wishes.rate.is_some(),
        "--duration" => wishes.duration.is_some(),
        "--arrivals" => wishes.arrivals.is_some(),
        "--seed" => wishes.seed.is_some(),
        _ => false,
    };
    match others.iter().find(is_typed) {
        Some(&other) => Err(PlanError::Beside {
            flag,
            other,
            reason: match (flag, other) {
                (_, "-c") => "it opens as many connections as it needs",
                (_, "-n") => "it says itself how many requests there are",
                _ => "its requests all start at the same time",
            },
        }),
        None => Ok(()),
    }
}

fn extent(wishes: &Wishes, arrivals: &Arrivals) -> Result<Extent, PlanError> {
    if let Arrivals::AtOnce { requests } = *arrivals {
        return Ok(Extent {
            requests: Some(requests as u64),
            duration_ns: None,
        });
    }
    let requests = wishes.requests.as_deref();
    let requests = requests.map(|given| number("-n", given, &REQUESTS).map(|it| it as u64));
    let duration = wishes.duration.as_deref();
    let duration = duration.map(|given| time("--duration", given, &DURATIONS_NS, ""));
    let by_default = duration.is_none().then_some(REQUESTS_BY_DEFAULT);
    Ok(Extent {
        requests: requests.transpose()?.or(by_default),
        duration_ns: duration.transpose()?,
    })
}

fn order(given: Option<&str>) -> Result<Order, PlanError> {
    match given {
        None | Some("sent") => Ok(Order::Sent),
        Some("completed") => Ok(Order::Completed),
        Some(given) => Err(PlanError::Choice {
            flag: "--order",
            given: given.to_owned(),
            choices: "sent, completed",
        }),
    }
}

fn expectations(given: &[String]) -> Result<Vec<Expectation>, PlanError> {
    let each = given.iter().flat_map(|list| list.split(','));
    let parsed = each.map(|text| text.trim().parse().map_err(PlanError::Expectation));
    parsed.collect()
}

fn rate(given: &str) -> Result<f64, PlanError> {
    // A number as people write it, neither `inf` nor `1e3`.
    let is_plain = given
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    let rate: Option<f64> = given.parse().ok().filter(|_| is_plain);
    rate.filter(|rate| RATES_PER_S.contains(rate))
        .ok_or_else(|| PlanError::Rate {
            given: given.to_owned(),
        })
}

/// What cannot be planned, by the flag that says it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// Nowhere to go.
    #[error("give a URL, such as http://localhost:8080/, or --url WEIGHT=URL")]
    NoUrl,
    /// Not a URL that can be loaded.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// Not the number or the time that a flag takes.
    #[error(transparent)]
    Flag(#[from] FlagError),
    /// Not a rate.
    #[error(
        "--rate {given}: give the number of requests that start each second, from {} to {}",
        RATES_PER_S.start(),
        RATES_PER_S.end()
    )]
    Rate {
        /// What was typed.
        given: String,
    },
    /// None of a few words.
    #[error("{flag} {given}: the known ones are {choices}")]
    Choice {
        /// The flag.
        flag: &'static str,
        /// What was typed.
        given: String,
        /// The words.
        choices: &'static str,
    },
    /// Two flags that contradict each other.
    #[error("{flag} does not go with {other}: {reason}")]
    Beside {
        /// One flag.
        flag: &'static str,
        /// The other.
        other: &'static str,
        /// Why.
        reason: &'static str,
    },
    /// A flag without the one that gives it a meaning.
    #[error("{flag} says something only beside {other}")]
    Needs {
        /// The flag.
        flag: &'static str,
        /// What it needs.
        other: &'static str,
    },
    /// Not a method.
    #[error("--method {given}: a method is a word such as GET, POST or DELETE")]
    Method {
        /// What was typed.
        given: String,
    },
    /// Not a header.
    #[error("-H {given}: a header is 'NAME: VALUE' on one line")]
    Header {
        /// What was typed.
        given: String,
    },
    /// A header that would contradict the body.
    #[error("-H {name}: it follows from the body; give --body")]
    FramingHeader {
        /// Its name.
        name: HeaderName,
    },
    /// Not an expectation.
    #[error("--expect {0}")]
    Expectation(ExpectationError),
}

#[cfg(test)]
mod tests;
