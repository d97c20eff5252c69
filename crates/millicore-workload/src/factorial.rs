//! Factorials of large numbers, computed badly and well.
//!
//! [`NaiveFactorial`] multiplies in order: for 200 000! a job of about 3 s of CPU, in steps of
//! about 30 µs at most, so that a cooperative scheduler can take the core back at any time. It does
//! not divide.
//!
//! [`product_of_range`] splits the range in two and multiplies the halves (binary splitting), so
//! that most work is on operands of equal length, where fast multiplication pays: about 0.08 s for
//! 200 000!. Its parts divide over the cores and [`combine_pairs`] joins them level by level, but
//! the last multiplication alone takes 16 to 20 ms that nothing can interrupt.
//!
//! No scheduler recovers a factor of 35: the two are here side by side to show it. The library and
//! the figures are in `docs/decisions/0001-big-integers.md`.

use std::ops::Range;

pub use dashu_int::UBig;

/// Factors up to this many are multiplied one by one: their product is a few machine words long.
const LEAF_FACTORS: u64 = 16;

/// n! by n multiplications in order, a few at a time.
#[derive(Debug, Clone)]
pub struct NaiveFactorial {
    n: u64,
    next: u64,
    /// (next - 1)!
    product: UBig,
}

impl NaiveFactorial {
    /// Begins to compute `n`!; nothing is multiplied yet.
    #[must_use]
    pub fn new(n: u64) -> Self {
        Self {
            n,
            next: 1,
            product: UBig::ONE,
        }
    }

    /// Multiplies by up to `steps` more factors, and tells whether some are left.
    ///
    /// A step costs time proportional to the length of the product so far: about 30 µs at the end
    /// of 200 000!.
    pub fn step(&mut self, steps: u64) -> bool {
        let end = self.next.saturating_add(steps.min(self.remaining()));
        for factor in self.next..end {
            self.product *= factor;
        }
        self.next = end;
        self.remaining() > 0
    }

    /// How many multiplications are left.
    #[must_use]
    pub fn remaining(&self) -> u64 {
        self.n - (self.next - 1)
    }

    /// The product of the factors so far: n! once none remain.
    #[must_use]
    pub fn into_product(self) -> UBig {
        self.product
    }
}

/// The product of the integers in `range`, by binary splitting; 1 for an empty range.
///
/// n! is the product of `1..n + 1`. The work grows a little faster than the length of the result,
/// so the caller bounds a range that comes from a user.
#[must_use]
pub fn product_of_range(range: Range<u64>) -> UBig {
    let factors = range.end.saturating_sub(range.start);
    if factors <= LEAF_FACTORS {
        return range.fold(UBig::ONE, |product, factor| product * factor);
    }
    let middle = range.start + factors / 2;
    product_of_range(range.start..middle) * product_of_range(middle..range.end)
}

/// One level of the product tree: the product of each neighbouring pair, and an odd last one as is.
///
/// Any even-sized slice of a level can be combined on its own. Repeating this on about equally long
/// products costs far less than a running product, which would be naive again.
#[must_use]
pub fn combine_pairs(products: &[UBig]) -> Vec<UBig> {
    products
        .chunks(2)
        .map(|pair| match pair {
            [left, right] => left * right,
            rest => rest.iter().product(),
        })
        .collect()
}

/// What identifies a large number without its digits, which would take longer to write than to
/// compute: 0.18 s for 200 000! against 0.08 s.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest {
    /// Its length in binary digits; 0 for zero.
    pub bits: usize,
    /// Its length in decimal digits; 1 for zero.
    pub decimal_digits: usize,
    /// FNV-1a (64 bits) of its bytes, least significant first, without leading zeros.
    pub fnv1a: u64,
}

impl Digest {
    /// Digests `value` in a single pass: about 0.5 ms for 200 000!.
    #[must_use]
    pub fn of(value: &UBig) -> Self {
        Self {
            bits: bit_length(value),
            decimal_digits: decimal_digits(value),
            fnv1a: fnv1a(&value.to_le_bytes()),
        }
    }
}

fn bit_length(value: &UBig) -> usize {
    use dashu_int::ops::BitTest;
    value.bit_len()
}

/// Counts decimal digits from the leading 64 bits and the length; powers of ten decide only when
/// rounding could.
fn decimal_digits(value: &UBig) -> usize {
    let dropped_bits = bit_length(value).saturating_sub(64);
    let leading = u64::try_from(value >> dropped_bits).unwrap_or(u64::MAX);
    if dropped_bits == 0 {
        return leading.checked_ilog10().map_or(1, |log| log as usize + 1);
    }
    let log10 = dropped_bits as f64 * std::f64::consts::LOG10_2 + (leading as f64).log10();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at least 19 here, and a float converts saturating"
    )]
    let nearest = log10.round() as usize;
    // The sum errs by less than 10^-6 up to 2^32 bits, half a gigabyte.
    if (log10 - log10.round()).abs() > 1e-6 {
        return if log10 < log10.round() {
            nearest
        } else {
            nearest + 1
        };
    }
    if *value < UBig::from(10_u8).pow(nearest) {
        nearest
    } else {
        nearest + 1
    }
}

/// The Fowler-Noll-Vo hash, version 1a, 64 bits (RFC 9923).
fn fnv1a(bytes: &[u8]) -> u64 {
    const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    bytes.iter().fold(OFFSET_BASIS, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(PRIME)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn naive(n: u64, steps: u64) -> UBig {
        let mut factorial = NaiveFactorial::new(n);
        while factorial.step(steps) {}
        factorial.into_product()
    }

    fn in_parts(n: u64, parts: u64) -> UBig {
        let bound = |part| 1 + n * part / parts;
        let mut products: Vec<UBig> = (0..parts)
            .map(|part| product_of_range(bound(part)..bound(part + 1)))
            .collect();
        while products.len() > 1 {
            products = combine_pairs(&products);
        }
        products.remove(0)
    }

    #[track_caller]
    fn check(n: u64, steps: u64, parts: u64) {
        let expected = product_of_range(1..n + 1);
        assert_eq!(naive(n, steps), expected, "{n}! in steps of {steps}");
        assert_eq!(in_parts(n, parts), expected, "{n}! in {parts} parts");
    }

    #[track_caller]
    fn check_value(n: u64, expected: &str) {
        let value = product_of_range(1..n + 1);
        assert_eq!(value.to_string(), expected, "{n}!");
        assert_eq!(
            Digest::of(&value).decimal_digits,
            expected.len(),
            "digits of {n}!"
        );
    }

    #[track_caller]
    fn check_digits(value: &UBig) {
        assert_eq!(
            Digest::of(value).decimal_digits,
            value.to_string().len(),
            "digits of {value}"
        );
    }

    #[test]
    fn known_values() {
        check_value(0, "1");
        check_value(1, "1");
        check_value(20, "2432902008176640000");
        check_value(25, "15511210043330985984000000");
    }

    #[test]
    fn known_digests() {
        for (n, decimal_digits, bits, fnv1a) in [
            (1000, 2568, 8530, 0x9eed_63ed_259a_b611),
            (20_000, 77_338, 256_909, 0x8e4a_320b_699d_a8eb),
        ] {
            let digest = Digest::of(&product_of_range(1..n + 1));
            assert_eq!(
                digest,
                Digest {
                    bits,
                    decimal_digits,
                    fnv1a
                },
                "{n}!"
            );
        }
    }

    #[test]
    fn the_factorial_of_the_article() {
        let large = product_of_range(1..200_001);
        assert_eq!(naive(200_000, 1000), large);
        let fnv1a = 0x9a31_7f97_f83d_4891;
        let digest = Digest {
            bits: 3_233_400,
            decimal_digits: 973_351,
            fnv1a,
        };
        assert_eq!(Digest::of(&large), digest);
    }

    #[test]
    fn algorithms_agree_on_small_numbers() {
        for n in 0..70 {
            check(n, 7, 3);
        }
    }

    #[test]
    fn a_range_with_zero_or_nothing_in_it() {
        assert_eq!(product_of_range(0..40), UBig::ZERO);
        assert_eq!(product_of_range(40..40), UBig::ONE);
        assert_eq!(product_of_range(Range { start: 40, end: 3 }), UBig::ONE);
        assert_eq!(combine_pairs(&[]), []);
    }

    #[test]
    fn a_naive_factorial_stops_at_its_end() {
        let mut factorial = NaiveFactorial::new(5);
        assert!(factorial.step(2));
        assert_eq!(factorial.remaining(), 3);
        assert!(!factorial.step(u64::MAX));
        assert!(!factorial.step(1));
        assert_eq!(factorial.into_product(), UBig::from(120_u8));
    }

    #[test]
    fn digits_beside_powers_of_ten() {
        for power in 0..200 {
            let power_of_ten = UBig::from(10_u8).pow(power);
            check_digits(&(&power_of_ten - 1_u8));
            check_digits(&power_of_ten);
            check_digits(&(&power_of_ten + 1_u8));
        }
    }

    #[test]
    fn published_hashes() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    proptest! {
        #[test]
        fn algorithms_agree(n in 0_u64..2000, steps in 1_u64..500, parts in 1_u64..40) {
            check(n, steps, parts);
        }

        #[test]
        fn digits_of_any_number(words in prop::collection::vec(any::<u8>(), 0..60)) {
            check_digits(&UBig::from_le_bytes(&words));
        }
    }
}
