//! The sieve against trial division, known counts and its own parts.

use proptest::prelude::*;

use super::*;

fn is_prime_by_trial(number: u64) -> bool {
    number >= 2 && (2..=number.isqrt()).all(|divisor| !number.is_multiple_of(divisor))
}

#[track_caller]
fn check(range: Range<u64>) {
    let base = BasePrimes::up_to(range.end).unwrap();
    let expected = range
        .clone()
        .filter(|&number| is_prime_by_trial(number))
        .count() as u64;
    assert_eq!(count(range.clone(), &base), expected, "primes in {range:?}");
}

#[track_caller]
fn check_below(limit: u64, expected: u64) {
    let base = BasePrimes::up_to(limit).unwrap();
    assert_eq!(count(0..limit, &base), expected, "primes below {limit}");
}

#[test]
fn every_range_of_small_numbers() {
    for start in 0..=130 {
        for end in start..=130 {
            check(start..end);
        }
    }
}

#[test]
fn ends_beside_squares_of_primes() {
    for prime in [2_u64, 3, 5, 7, 11, 13, 31, 97, 181, 257] {
        let square = prime * prime;
        for start in square.saturating_sub(2)..=square + 1 {
            for end in start..=square + 2 {
                check(start..end);
            }
        }
    }
}

#[test]
fn segment_boundaries() {
    for end in SEGMENT_NUMBERS - 2..=SEGMENT_NUMBERS + 4 {
        check(1..end);
        check(end - 3..end);
    }
}

#[test]
fn backward_range_holds_no_prime() {
    let base = BasePrimes::up_to(100).unwrap();
    assert_eq!(count(Range { start: 90, end: 10 }, &base), 0);
}

#[test]
fn known_counts() {
    let powers_of_ten = [4, 25, 168, 1229, 9592, 78_498, 664_579];
    for (limit, expected) in (1..).map(|power| 10_u64.pow(power)).zip(powers_of_ten) {
        check_below(limit, expected);
    }
}

#[test]
fn known_counts_of_large_powers() {
    check_below(100_000_000, 5_761_455);
    check_below(1_000_000_000, 50_847_534);
}

#[test]
fn a_limit_too_large_is_refused() {
    let limit = MAX_LIMIT + 1;
    assert_eq!(
        BasePrimes::up_to(limit).unwrap_err(),
        PrimesError::LimitTooLarge { limit }
    );
}

#[test]
#[should_panic(expected = "ends above the table's limit 100")]
fn a_range_above_the_table_is_a_bug() {
    let base = BasePrimes::up_to(100).unwrap();
    let _ = count(0..101, &base);
}

proptest! {
    #[test]
    fn any_range_agrees_with_trial_division(start in 0_u64..1 << 32, length in 0_u64..500) {
        check(start..start + length);
    }

    #[test]
    fn parts_add_up_to_the_whole(
        start in 0_u64..1 << 40,
        low in 0_u64..400_000,
        high in 0_u64..400_000,
    ) {
        let (low, middle, high) = (start, start + low, start + low + high);
        let base = BasePrimes::up_to(high).unwrap();
        let parts = count(low..middle, &base) + count(middle..high, &base);
        prop_assert_eq!(parts, count(low..high, &base));
    }
}
