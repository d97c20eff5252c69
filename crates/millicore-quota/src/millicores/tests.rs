//! Parsing, printing and converting millicores.

use super::{Millicores, MillicoresError};
use proptest::prelude::*;

/// What a text parses to: its millicores and the form it prints as, or the error's message.
fn check(text: &str, expected: Result<(u32, &str), &str>) {
    match (text.parse::<Millicores>(), expected) {
        (Ok(parsed), Ok((millicores, printed))) => {
            assert_eq!(parsed.get(), millicores, "millicores of {text:?}");
            assert_eq!(parsed.to_string(), printed, "{text:?} printed");
        }
        (Err(error), Err(message)) => {
            let error = error.to_string();
            assert!(
                error.contains(message),
                "{text:?} says {error:?}, not {message:?}"
            );
        }
        (parsed, expected) => panic!("{text:?} gives {parsed:?}, expected {expected:?}"),
    }
}

#[test]
fn reads_cores_and_millicores() {
    for (text, millicores, printed) in [
        ("500m", 500, "500m"),
        ("1500m", 1500, "1500m"),
        ("2000m", 2000, "2"),
        ("1m", 1, "1m"),
        ("007m", 7, "7m"),
        ("500.0m", 500, "500m"),
        ("0.5", 500, "500m"),
        (".5", 500, "500m"),
        ("5.", 5000, "5"),
        ("+1.5", 1500, "1500m"),
        ("2", 2000, "2"),
        ("0.001", 1, "1m"),
        ("0.1230000000000000000000000", 123, "123m"),
        ("00000000000000000000000000000000000001", 1000, "1"),
        ("1000000", 1_000_000_000, "1000000"),
        ("1000000000m", 1_000_000_000, "1000000"),
    ] {
        check(text, Ok((millicores, printed)));
    }
}

#[test]
fn refuses_what_is_not_a_limit_and_says_why() {
    for (text, message) in [
        ("", "missing"),
        ("m", "not an amount"),
        (".", "not an amount"),
        (".m", "not an amount"),
        ("+", "not an amount"),
        ("+-1", "not an amount"),
        (" 1", "not an amount"),
        ("1 ", "not an amount"),
        ("1 m", "not an amount"),
        ("1M", "not an amount"),
        ("1mm", "not an amount"),
        ("500u", "not an amount"),
        ("1k", "not an amount"),
        ("1Gi", "not an amount"),
        ("1e3", "not an amount"),
        ("1e", "not an amount"),
        ("1,5", "not an amount"),
        ("1.2.3", "not an amount"),
        ("1/2", "not an amount"),
        ("0x10", "not an amount"),
        ("NaN", "not an amount"),
        ("inf", "not an amount"),
        ("½", "not an amount"),
        ("-1", "negative"),
        ("-0.5", "negative"),
        ("0.5m", "finer than 1m"),
        ("0.0005", "finer than 1m"),
        ("1.0001", "finer than 1m"),
        ("0", "no CPU at all"),
        ("0m", "no CPU at all"),
        ("0.000", "no CPU at all"),
        (".0m", "no CPU at all"),
        ("1000001", "too much"),
        ("1000000001m", "too much"),
        ("5000000000m", "too much"),
        ("99999999999999999999999999", "too much"),
    ] {
        check(text, Err(message));
    }
}

#[test]
fn the_range_is_in_the_message_and_the_value_as_it_was_given() {
    let error = "1000001".parse::<Millicores>().unwrap_err().to_string();
    assert_eq!(
        error,
        "\"1000001\" is too much: an amount of CPU is from 1m to 1000000 cores"
    );
}

#[test]
fn a_quota_is_rounded_down_and_refused_out_of_range() {
    for (quota_us, period_us, millicores) in [
        (50_000, 100_000, Some(500)),
        (150_000, 100_000, Some(1500)),
        (1_000, 1_000_000, Some(1)),
        (1_000, 100_000, Some(10)),
        (333_333, 1_000_000, Some(333)),
        (1_999, 1_000_000, Some(1)),
        (0, 100_000, None),
        (100_000, 0, None),
        (999, 1_000_000, None),
        (u64::MAX, 1, None),
        (u64::MAX, u64::MAX, Some(1000)),
    ] {
        let limit = Millicores::from_quota(quota_us, period_us).map(Millicores::get);
        let expected = millicores.ok_or(MillicoresError::Quota {
            quota_us,
            period_us,
        });
        assert_eq!(limit, expected, "{quota_us} µs in every {period_us} µs");
    }
}

#[test]
fn cores_are_whole_or_rounded_up() {
    assert_eq!(Millicores::from_cores(2), Millicores::new(2000));
    assert_eq!(Millicores::from_cores(1_000_000), Ok(Millicores::MAX));
    for refused in [0, 1_000_001, usize::MAX] {
        assert!(Millicores::from_cores(refused).is_err(), "{refused} cores");
    }
    for (millicores, cores) in [(1, 1), (500, 1), (1000, 1), (1001, 2), (1500, 2), (2000, 2)] {
        let limit = Millicores::new(millicores).unwrap();
        assert_eq!(limit.cores_rounded_up().get(), cores, "{limit}");
    }
    assert_eq!("1500m".parse::<Millicores>().unwrap().as_cores(), 1.5);
}

#[test]
fn the_width_of_a_format_holds() {
    assert_eq!(format!("{:>6}", Millicores::new(500).unwrap()), "  500m");
}

proptest! {
    #[test]
    fn what_is_printed_parses_to_the_same(millicores in 1..=1_000_000_000_u64) {
        let limit = Millicores::new(millicores).unwrap();
        prop_assert_eq!(limit.to_string().parse(), Ok(limit));
        let as_docker_takes_it = limit.as_cores().to_string();
        prop_assert_eq!(as_docker_takes_it.parse(), Ok(limit));
    }

    #[test]
    fn order_is_the_order_of_amounts(left in 1..=2000_u64, right in 1..=2000_u64) {
        let (a, b) = (Millicores::new(left).unwrap(), Millicores::new(right).unwrap());
        prop_assert_eq!(a.cmp(&b), left.cmp(&right));
        prop_assert_eq!(a.as_cores() < b.as_cores(), left < right);
    }

    #[test]
    fn no_text_panics(text in "[-+]?[0-9.meEk ½]{0,12}") {
        if let Ok(limit) = text.parse::<Millicores>() {
            prop_assert!((Millicores::MIN..=Millicores::MAX).contains(&limit));
        }
    }
}
