//! A policy as a user names it: an order and a width, such as `srpt`, `focus/4` or `hesrpt:3/one`.

use crate::order::Definition;
use crate::policies::ALL;
use core::fmt;
use core::num::NonZeroU32;
use core::str::FromStr;

/// How many cores one request may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// One core, kept until the request is done.
    Kept,
    /// At most one chunk in flight, on any core.
    One,
    /// At most so many chunks in flight.
    AtMost(NonZeroU32),
    /// As many as there are.
    All,
}

impl Width {
    /// The most chunks a request may have in flight when it asks for no more than `max_cores`.
    pub(crate) fn most_in_flight(self, max_cores: Option<NonZeroU32>) -> u32 {
        let own = max_cores.map_or(u32::MAX, NonZeroU32::get);
        match self {
            Self::Kept | Self::One => 1,
            Self::AtMost(cores) => own.min(cores.get()),
            Self::All => own,
        }
    }
}

impl fmt::Display for Width {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kept => f.write_str("kept"),
            Self::One => f.write_str("one"),
            Self::AtMost(cores) => write!(f, "{cores}"),
            Self::All => f.write_str("all"),
        }
    }
}

/// An order and a width.
///
/// Parses from and prints as `NAME[:PARAMETER][/WIDTH]`, where the width is `kept`, `one`, `all` or
/// a number of cores.
///
/// ```
/// use millicore_policy::{Policy, Width};
///
/// let policy: Policy = "srpt/one".parse()?;
/// assert_eq!(policy.width(), Width::One);
/// assert_eq!(Policy::focus().width(), Width::All);
/// assert!("lifo".parse::<Policy>().is_err());
/// # Ok::<(), millicore_policy::PolicyError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    definition: &'static Definition,
    parameter: Option<u32>,
    width: Option<Width>,
}

impl Policy {
    pub(crate) const fn of(definition: &'static Definition) -> Self {
        Self {
            definition,
            parameter: None,
            width: None,
        }
    }

    /// The same order with another width.
    #[must_use]
    pub const fn with_width(self, width: Width) -> Self {
        Self {
            width: Some(width),
            ..self
        }
    }

    /// How many cores one request may hold.
    #[must_use]
    pub const fn width(&self) -> Width {
        match self.width {
            Some(width) => width,
            None => self.definition.width,
        }
    }

    /// What the policy is, as data.
    #[must_use]
    pub const fn definition(&self) -> &'static Definition {
        self.definition
    }

    pub(crate) fn parameter(&self) -> u32 {
        self.parameter
            .or_else(|| {
                self.definition
                    .parameter
                    .as_ref()
                    .map(|parameter| parameter.default)
            })
            .unwrap_or(0)
    }
}

impl PartialEq for Policy {
    fn eq(&self, other: &Self) -> bool {
        self.definition.name == other.definition.name
            && self.parameter() == other.parameter()
            && self.width() == other.width()
    }
}

impl Eq for Policy {}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.definition.name)?;
        if let Some(parameter) = self.parameter {
            write!(f, ":{parameter}")?;
        }
        match self.width {
            Some(width) if width != self.definition.width => write!(f, "/{width}"),
            _ => Ok(()),
        }
    }
}

impl FromStr for Policy {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        let (order, width) = match text.split_once('/') {
            Some((order, width)) => (order, Some(parse_width(width)?)),
            None => (text, None),
        };
        let (name, parameter) = match order.split_once(':') {
            Some((name, parameter)) => (name, Some(parameter)),
            None => (order, None),
        };
        let definition = ALL
            .iter()
            .find(|known| known.name == name)
            .ok_or(PolicyError::UnknownName)?;
        let parameter = parameter
            .map(|parameter| parse_parameter(definition, parameter))
            .transpose()?;
        Ok(Self {
            definition,
            parameter,
            width,
        })
    }
}

fn parse_width(text: &str) -> Result<Width, PolicyError> {
    match text {
        "kept" => Ok(Width::Kept),
        "one" => Ok(Width::One),
        "all" => Ok(Width::All),
        number => number
            .parse()
            .map(Width::AtMost)
            .map_err(|_| PolicyError::BadWidth),
    }
}

fn parse_parameter(definition: &'static Definition, text: &str) -> Result<u32, PolicyError> {
    let Some(parameter) = &definition.parameter else {
        return Err(PolicyError::NoParameter {
            policy: definition.name,
        });
    };
    text.parse()
        .ok()
        .filter(|number| parameter.range.contains(number))
        .ok_or(PolicyError::BadParameter {
            policy: definition.name,
            least: *parameter.range.start(),
            greatest: *parameter.range.end(),
        })
}

/// Why a text is not a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PolicyError {
    /// No policy has that name.
    UnknownName,
    /// What follows the slash is not a width.
    BadWidth,
    /// The policy takes no number after a colon.
    NoParameter {
        /// The policy that was named.
        policy: &'static str,
    },
    /// The number after the colon is out of range.
    BadParameter {
        /// The policy that was named.
        policy: &'static str,
        /// The least number it takes.
        least: u32,
        /// The greatest number it takes.
        greatest: u32,
    },
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownName => {
                f.write_str("unknown policy; the known ones are ")?;
                for (index, definition) in ALL.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    write!(f, "{comma}{}", definition.name)?;
                }
                Ok(())
            }
            Self::BadWidth => {
                f.write_str("a width is `one`, `all`, `kept` or a number of cores from 1")
            }
            Self::NoParameter { policy } => write!(f, "`{policy}` takes no number after a colon"),
            Self::BadParameter {
                policy,
                least,
                greatest,
            } => {
                write!(
                    f,
                    "`{policy}:NUMBER` takes a whole number from {least} to {greatest}"
                )
            }
        }
    }
}

impl core::error::Error for PolicyError {}

#[cfg(test)]
mod tests {
    use super::{Policy, PolicyError, Width};
    use crate::policies::ALL;
    use alloc::format;
    use alloc::string::ToString;

    #[test]
    fn every_policy_reads_back_what_it_prints() {
        for definition in ALL {
            for width in ["", "/one", "/all", "/kept", "/4"] {
                let text = format!("{}{width}", definition.name);
                let policy: Policy = text.parse().unwrap();
                assert_eq!(policy.to_string().parse(), Ok(policy), "{text}");
            }
        }
        assert_eq!(
            "hesrpt:3/one".parse::<Policy>().unwrap().to_string(),
            "hesrpt:3/one"
        );
        assert_eq!("focus/all".parse(), Ok(Policy::focus()));
    }

    fn check_error(text: &str, expected: PolicyError) {
        assert_eq!(text.parse::<Policy>(), Err(expected), "{text}");
    }

    #[test]
    fn what_is_not_a_policy_is_refused_with_the_reason() {
        check_error("lifo", PolicyError::UnknownName);
        check_error("", PolicyError::UnknownName);
        check_error("focus/0", PolicyError::BadWidth);
        check_error("focus/wide", PolicyError::BadWidth);
        check_error("focus:2", PolicyError::NoParameter { policy: "focus" });
        check_error(
            "hesrpt:0",
            PolicyError::BadParameter {
                policy: "hesrpt",
                least: 1,
                greatest: 64,
            },
        );
        assert!(
            PolicyError::UnknownName
                .to_string()
                .contains("fifo, fair, focus, sjf, srpt")
        );
    }

    #[test]
    fn the_smaller_of_width_and_request_holds() {
        let three = core::num::NonZeroU32::new(3);
        assert_eq!(Width::All.most_in_flight(three), 3);
        assert_eq!(Width::Kept.most_in_flight(three), 1);
        assert_eq!(
            Width::AtMost(core::num::NonZeroU32::MIN).most_in_flight(three),
            1
        );
        assert_eq!(Width::All.most_in_flight(None), u32::MAX);
    }
}
