//! Durations as people write them, `250us` or `1.5s`, in whole nanoseconds.

use std::fmt;

/// Nanoseconds in a microsecond.
pub const MICROSECOND_NS: u64 = 1_000;
/// Nanoseconds in a millisecond.
pub const MILLISECOND_NS: u64 = 1_000_000;
/// Nanoseconds in a second.
pub const SECOND_NS: u64 = 1_000_000_000;

/// The longer units first, as they are tried when printing.
const UNITS: [(&str, u64); 4] = [
    ("s", SECOND_NS),
    ("ms", MILLISECOND_NS),
    ("us", MICROSECOND_NS),
    ("ns", 1),
];

/// Reads a duration in nanoseconds: a number, with or without decimals, and `ns`, `us`, `ms` or
/// `s`. A bare `0` needs no unit.
///
/// ```
/// use millicore_sim::duration::parse_duration;
///
/// assert_eq!(parse_duration("1.5s"), Ok(1_500_000_000));
/// assert!(parse_duration("0.5ns").is_err());
/// ```
///
/// # Errors
///
/// Says what a duration looks like, or that this one is not a whole number of nanoseconds or too
/// long.
pub fn parse_duration(text: &str) -> Result<u64, DurationError> {
    if text == "0" {
        return Ok(0);
    }
    let unit_at = text
        .find(|c: char| c.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let (_, unit_ns) = UNITS
        .into_iter()
        .find(|(name, _)| *name == unit)
        .ok_or(DurationError::Unreadable)?;
    scaled(number, unit_ns)
}

/// A decimal number times a unit, if the result is whole.
pub(crate) fn scaled(number: &str, unit: u64) -> Result<u64, DurationError> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    let has_bare_point = number.ends_with('.');
    if whole.is_empty() || has_bare_point || !is_number(whole) || !is_number(fraction) {
        return Err(DurationError::Unreadable);
    }
    let mut total = whole
        .parse::<u64>()
        .ok()
        .and_then(|whole| whole.checked_mul(unit))
        .ok_or(DurationError::TooLong)?;
    let mut place = unit;
    for digit in fraction.trim_end_matches('0').bytes() {
        if !place.is_multiple_of(10) {
            return Err(DurationError::NotWhole);
        }
        place /= 10;
        let value = u64::from(digit - b'0') * place;
        total = total.checked_add(value).ok_or(DurationError::TooLong)?;
    }
    Ok(total)
}

/// Prints nanoseconds in the longest unit that keeps them at 1 or more, with four significant
/// digits, rounded half up: `1.25s`, `999.5us`.
///
/// ```
/// use millicore_sim::duration::Display;
///
/// assert_eq!(Display(1_250_000_000).to_string(), "1.25s");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Display(pub u64);

impl fmt::Display for Display {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = UNITS.into_iter().find(|&(_, unit_ns)| self.0 >= unit_ns);
        let (name, unit_ns) = unit.unwrap_or(("s", SECOND_NS));
        let decimals = match self.0 / unit_ns {
            0..10 => 3,
            10..100 => 2,
            100..1000 => 1,
            _ => 0,
        };
        let scale = 10_u128.pow(decimals);
        let scaled = (u128::from(self.0) * scale + u128::from(unit_ns) / 2) / u128::from(unit_ns);
        let mut text = (scaled / scale).to_string();
        if scaled % scale > 0 {
            let fraction = format!("{:0width$}", scaled % scale, width = decimals as usize);
            text.extend([".", fraction.trim_end_matches('0')]);
        }
        f.pad(&(text + name))
    }
}

/// Why a text is not a duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DurationError {
    /// It does not look like one.
    #[error("a duration is a number and one of ns, us, ms, s, such as 250us or 1.5s")]
    Unreadable,
    /// It has a fraction of a nanosecond.
    #[error("a duration is a whole number of nanoseconds")]
    NotWhole,
    /// It does not fit 64 bits.
    #[error("a duration is at most 18446744073s (584 years)")]
    TooLong,
}

#[cfg(test)]
mod tests {
    use super::{Display, DurationError, parse_duration};
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, expected: Result<u64, DurationError>) {
        assert_eq!(parse_duration(text), expected, "{text}");
    }

    #[test]
    fn durations_read_as_written() {
        check("100ms", Ok(100_000_000));
        check("2s", Ok(2_000_000_000));
        check("1.5s", Ok(1_500_000_000));
        check("250us", Ok(250_000));
        check("10ns", Ok(10));
        check("0", Ok(0));
        check("0s", Ok(0));
        check("0.000000001s", Ok(1));
        check("1.0ns", Ok(1));
        check("18446744073709551615ns", Ok(u64::MAX));
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        use DurationError::{NotWhole, TooLong, Unreadable};
        for text in [
            "", "s", "100", "1.5", "-1s", "+1s", ".5s", "1.s", "1 s", "1h", "1S", "1.2.3s",
            "\u{661}s",
        ] {
            check(text, Err(Unreadable));
        }
        check("0.5ns", Err(NotWhole));
        check("1.2345us", Err(NotWhole));
        check("18446744074s", Err(TooLong));
        check("18446744073.8s", Err(TooLong));
        check("99999999999999999999ns", Err(TooLong));
    }

    #[test]
    fn durations_print_short() {
        let check = |ns: u64, expected: &str| assert_eq!(Display(ns).to_string(), expected);
        check(0, "0s");
        check(1, "1ns");
        check(999, "999ns");
        check(1_000, "1us");
        check(1_234_567, "1.235ms");
        check(12_800_000_000, "12.8s");
        check(999_500, "999.5us");
        check(544_766_123, "544.8ms");
        check(62_674_390_000_000, "62674s");
        check(u64::MAX, "18446744074s");
    }

    proptest! {
        #[test]
        fn whole_units_read_back_what_they_print(ns in any::<u64>()) {
            prop_assert_eq!(parse_duration(&format!("{ns}ns")), Ok(ns));
        }

        #[test]
        fn any_text_is_answered(text in ".{0,12}") {
            let _ = parse_duration(&text);
        }
    }
}
