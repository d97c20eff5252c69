//! The values of options, read as people write them.

use millicore_server::scheduling::{CpuTime, TenantShare};
use millicore_sim::duration::parse_duration;
use std::fmt;
use std::num::{NonZeroU32, NonZeroUsize};
use std::str::FromStr;
use std::time::Duration;

/// What says that there is no bound.
const OFF: &str = "off";
/// What leaves the value to the machine.
const AUTO: &str = "auto";

/// A value, or `off`.
pub(super) fn or_off<T>(
    parse: impl Fn(&str) -> Result<T, String>,
) -> impl Fn(&str) -> Result<Option<T>, String> {
    move |text| match text {
        OFF => Ok(None),
        _ => parse(text)
            .map(Some)
            .map_err(|error| format!("{error}, or off")),
    }
}

/// A value, or `auto`.
pub(super) fn or_auto<T>(
    parse: impl Fn(&str) -> Result<T, String>,
) -> impl Fn(&str) -> Result<Option<T>, String> {
    move |text| match text {
        AUTO => Ok(None),
        _ => parse(text)
            .map(Some)
            .map_err(|error| format!("{error}, or auto")),
    }
}

/// A whole number in a range.
pub(super) fn whole<T>(least: T, most: T) -> impl Fn(&str) -> Result<T, String>
where
    T: FromStr + PartialOrd + fmt::Display,
{
    move |text| {
        let number = text.parse().ok();
        number
            .filter(|number| (&least..=&most).contains(&number))
            .ok_or_else(|| format!("it must be a whole number from {least} to {most}"))
    }
}

/// A whole number from 1 on.
pub(super) fn count(most: usize) -> impl Fn(&str) -> Result<NonZeroUsize, String> {
    move |text| {
        let number = whole(1, most)(text)?;
        Ok(NonZeroUsize::new(number).unwrap_or(NonZeroUsize::MIN))
    }
}

pub(super) fn switch(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" => Ok(false),
        _ => Err("it must be true or false".to_owned()),
    }
}

/// A year: longer is as good as for ever, and a clock can add it.
const LONGEST: Duration = Duration::from_secs(365 * 86_400);

/// `30` and `30s`, `500ms`, `1.5s`, `5m`, `1h`; nothing too.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let unreadable = || {
        "it must be a number of seconds, or one with ms, s, m or h, as in 30, 500ms or 5m"
            .to_owned()
    };
    let unit_at = text
        .find(|c: char| c.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let (unit, factor) = match unit {
        "" => ("s", 1),
        "m" => ("s", 60),
        "h" => ("s", 3600),
        "ms" | "s" => (unit, 1),
        _ => return Err(unreadable()),
    };
    let length_ns = parse_duration(&format!("{number}{unit}")).map_err(|_| unreadable())?;
    let length = length_ns.checked_mul(factor).map(Duration::from_nanos);
    length
        .filter(|length| *length <= LONGEST)
        .ok_or_else(|| "it must be at most a year, 8760h".to_owned())
}

/// A duration that is longer than nothing.
pub(super) fn wait(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("it must be longer than nothing".to_owned()),
        length => Ok(length),
    }
}

/// `65536`, `64KiB` or `64K`, `8MiB`, `1GiB`, in bytes.
pub(super) fn size(least: u64, most: u64) -> impl Fn(&str) -> Result<u64, String> {
    move |text| {
        let unit_at = text
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len());
        let (number, unit) = text.split_at(unit_at);
        let factor = match unit {
            "" | "B" => Some(1),
            "K" | "KiB" => Some(1 << 10),
            "M" | "MiB" => Some(1 << 20),
            "G" | "GiB" => Some(1 << 30),
            _ => None,
        };
        let bytes = number
            .parse::<u64>()
            .ok()
            .zip(factor)
            .and_then(|(number, factor)| number.checked_mul(factor));
        bytes.filter(|bytes| (least..=most).contains(bytes)).ok_or_else(|| {
            format!(
                "it must be a number of bytes, or one with KiB, MiB or GiB, from {least} to {most}"
            )
        })
    }
}

pub(super) fn cpu(text: &str) -> Result<CpuTime, String> {
    match text {
        AUTO => Ok(CpuTime::Container),
        OFF => Ok(CpuTime::Unlimited),
        _ => text
            .parse()
            .map(CpuTime::AtMost)
            .map_err(|error| format!("{error}; or auto, or off")),
    }
}

/// The largest weight, that of the executor.
const MAX_WEIGHT: u32 = 10_000;

/// `web=3` or `batch=1:400m`
pub(super) fn tenant(text: &str) -> Result<TenantShare, String> {
    let form = || "it must be NAME=WEIGHT or NAME=WEIGHT:LIMIT, as in batch=1:400m".to_owned();
    let (name, rest) = text.split_once('=').ok_or_else(form)?;
    if name.is_empty() {
        return Err(form());
    }
    let (weight, limit) = match rest.split_once(':') {
        Some((weight, limit)) => (weight, Some(limit)),
        None => (rest, None),
    };
    let weight = whole(1, MAX_WEIGHT)(weight).map_err(|error| format!("the weight: {error}"))?;
    let limit = limit.map(str::parse).transpose();
    Ok(TenantShare {
        name: name.to_owned(),
        weight: NonZeroU32::new(weight).unwrap_or(NonZeroU32::MIN),
        limit: limit.map_err(|error| format!("the limit: {error}"))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check<T: fmt::Debug + PartialEq>(read: Result<T, String>, expected: Result<T, &str>) {
        match (read, expected) {
            (Ok(value), Ok(expected)) => assert_eq!(value, expected),
            (Err(error), Err(expected)) => assert!(error.contains(expected), "{error}"),
            (read, expected) => panic!("{read:?} is not {expected:?}"),
        }
    }

    #[test]
    fn durations_are_read_as_people_write_them() {
        check(duration("30"), Ok(Duration::from_secs(30)));
        check(duration("30s"), Ok(Duration::from_secs(30)));
        check(duration("500ms"), Ok(Duration::from_millis(500)));
        check(duration("1.5"), Ok(Duration::from_millis(1500)));
        check(duration("5m"), Ok(Duration::from_secs(300)));
        check(duration("1.5h"), Ok(Duration::from_secs(5400)));
        check(duration("0"), Ok(Duration::ZERO));
        check(wait("0"), Err("longer than nothing"));
        for text in ["", "s", "-1", "5 m", "5min", "1d", "off", "99x"] {
            check(duration(text), Err("as in 30, 500ms or 5m"));
        }
        check(duration("8760h"), Ok(LONGEST));
        check(duration("8761h"), Err("at most a year"));
        check(duration("5000000000h"), Err("at most a year"));
    }

    #[test]
    fn sizes_are_bytes_or_binary_multiples() {
        let size = size(0, 1 << 40);
        check(size("0"), Ok(0));
        check(size("64KiB"), Ok(65_536));
        check(size("8M"), Ok(8 << 20));
        check(size("1GiB"), Ok(1 << 30));
        for text in ["", "KiB", "-1", "1.5M", "1KB", "99999999999G"] {
            check(size(text), Err("from 0 to 1099511627776"));
        }
    }

    #[test]
    fn a_bound_can_be_lifted_and_a_number_left_to_the_machine() {
        check(or_off(count(9))("off"), Ok(None));
        check(or_off(count(9))("9"), Ok(NonZeroUsize::new(9)));
        check(or_off(count(9))("0"), Err("from 1 to 9, or off"));
        check(or_auto(count(9))("auto"), Ok(None));
        check(or_auto(count(9))("10"), Err("from 1 to 9, or auto"));
        check(whole(-20, 19)("-20"), Ok(-20));
        check(whole(-20, 19)("20"), Err("from -20 to 19"));
    }

    #[test]
    fn amounts_of_cpu_and_tenants_are_in_millicores() {
        let half = "500m".parse().unwrap();
        check(cpu("0.5"), Ok(CpuTime::AtMost(half)));
        check(cpu("auto"), Ok(CpuTime::Container));
        check(cpu("off"), Ok(CpuTime::Unlimited));
        check(cpu("0"), Err("for no limit, give none; or auto, or off"));
        let weight = NonZeroU32::MIN;
        let with = |limit| TenantShare {
            name: "a".to_owned(),
            weight,
            limit,
        };
        check(tenant("a=1"), Ok(with(None)));
        check(tenant("a=1:500m"), Ok(with(Some(half))));
        for text in ["a", "=1", ""] {
            check(tenant(text), Err("as in batch=1:400m"));
        }
        check(
            tenant("a=0"),
            Err("the weight: it must be a whole number from 1 to 10000"),
        );
        check(
            tenant("a=1:"),
            Err("the limit: an amount of CPU is missing"),
        );
        check(tenant("a=1:1x"), Err("the limit: \"1x\""));
    }

    #[test]
    fn switches_are_words_of_every_day() {
        for (text, expected) in [("true", true), ("ON", true), ("0", false), ("no", false)] {
            check(switch(text), Ok(expected));
        }
        check(switch("maybe"), Err("true or false"));
    }
}
