//! What a parallel loop can count by: the integers.

/// An integer that a loop counts by.
pub trait Index: Copy + Send + Sync + 'static {
    /// How many steps there are from here to `end`; none if `end` comes before.
    fn distance(self, end: Self) -> u64;

    /// The index so many steps further. Never asked to go past the end of a range.
    #[must_use]
    fn plus(self, steps: u64) -> Self;
}

macro_rules! index {
    ($integer:ty, $unsigned:ty, $add:ident) => {
        impl Index for $integer {
            fn distance(self, end: Self) -> u64 {
                let steps = if self < end { end.abs_diff(self) } else { 0 };
                u64::try_from(steps).unwrap_or(u64::MAX)
            }

            fn plus(self, steps: u64) -> Self {
                self.$add(<$unsigned>::try_from(steps).unwrap_or(<$unsigned>::MAX))
            }
        }
    };
}

index!(u32, u32, wrapping_add);
index!(u64, u64, wrapping_add);
index!(usize, usize, wrapping_add);
index!(i32, u32, wrapping_add_unsigned);
index!(i64, u64, wrapping_add_unsigned);

#[cfg(test)]
mod tests {
    use super::Index;
    use std::fmt::Debug;
    use std::ops::Range;

    fn check<I: Index + PartialEq + Debug>(range: Range<I>, expected: u64) {
        let steps = range.start.distance(range.end);
        assert_eq!(steps, expected, "{range:?}");
        if steps > 0 {
            assert_eq!(range.start.plus(steps), range.end);
        }
    }

    #[test]
    fn a_range_is_as_long_as_its_ends_are_apart() {
        check(2_u32..10, 8);
        check(0..u64::MAX, u64::MAX);
        check(i64::MIN..i64::MAX, u64::MAX);
        check(-5_i32..5, 10);
        check(7_usize..7, 0);
    }
}
