//! What a client may ask for: numbers between bounds, each refusal a sentence.

use ::http::Uri;
use axum::extract::Query;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// The parameters of a request, from the query of its target. Those that nobody asks for are
/// ignored.
#[derive(Debug)]
pub(super) struct Parameters(Vec<(String, String)>);

/// A parameter that cannot be used, and what could.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadParameter {
    #[error("the query of the target is not one: write name=value&name=value")]
    Query,
    #[error("{name} is missing: give a number from {least} to {most}, as in {name}={least}")]
    Missing {
        name: &'static str,
        least: String,
        most: String,
    },
    #[error("{name} is given twice: give it once")]
    Twice { name: &'static str },
    #[error("{name} is {value:?}: give a number from {least} to {most}")]
    NotInRange {
        name: &'static str,
        value: String,
        least: String,
        most: String,
    },
    #[error("{name} is not text: write visible ASCII")]
    NotText { name: &'static str },
    #[error("{what} is {amount}: ask for at most {most}, as by making it smaller")]
    TooMuch {
        what: &'static str,
        amount: u64,
        most: u64,
    },
}

impl Parameters {
    pub(super) fn of(uri: &Uri) -> Result<Self, BadParameter> {
        let query = Query::try_from_uri(uri).map_err(|_| BadParameter::Query)?;
        Ok(Self(query.0))
    }

    /// The value of a parameter that is given at most once.
    pub(super) fn text(&self, name: &'static str) -> Result<Option<&str>, BadParameter> {
        let mut values = self.0.iter().filter(|(given, _)| given == name);
        let value = values.next().map(|(_, value)| value.as_str());
        match values.next() {
            None => Ok(value),
            Some(_) => Err(BadParameter::Twice { name }),
        }
    }

    /// A number, if it is given.
    pub(super) fn number<N>(
        &self,
        name: &'static str,
        range: &RangeInclusive<N>,
    ) -> Result<Option<N>, BadParameter>
    where
        N: FromStr + PartialOrd + Display,
    {
        self.text(name)?
            .map(|value| number(name, value, range))
            .transpose()
    }

    /// A number that must be given.
    pub(super) fn required<N>(
        &self,
        name: &'static str,
        range: &RangeInclusive<N>,
    ) -> Result<N, BadParameter>
    where
        N: FromStr + PartialOrd + Display,
    {
        let missing = || BadParameter::Missing {
            name,
            least: range.start().to_string(),
            most: range.end().to_string(),
        };
        self.number(name, range)?.ok_or_else(missing)
    }
}

/// A value as a number in a range; what is no number is in none.
pub(super) fn number<N>(
    name: &'static str,
    value: &str,
    range: &RangeInclusive<N>,
) -> Result<N, BadParameter>
where
    N: FromStr + PartialOrd + Display,
{
    let not_in_range = || BadParameter::NotInRange {
        name,
        value: value.chars().take(40).collect(),
        least: range.start().to_string(),
        most: range.end().to_string(),
    };
    value
        .parse()
        .ok()
        .filter(|number| range.contains(number))
        .ok_or_else(not_in_range)
}
