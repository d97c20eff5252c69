//! Virtual time: work divided by weight, in fixed point, so that every machine rounds alike.
//!
//! Start-time fair queueing (Goyal, Vin and Cheng 1996) with the system's virtual time read as
//! the largest start tag served so far.

/// Virtual nanoseconds with 32 fractional bits.
pub type VirtualTime = u128;

/// `cost_ns / weight` as virtual time, rounded down. A weight of 0 counts as 1.
#[must_use]
pub fn charge(cost_ns: u64, weight: u32) -> VirtualTime {
    let weight = u64::from(weight.max(1));
    // (q w + r) 2^32 / w = q 2^32 + r 2^32 / w, and r < w < 2^32 keeps the second term in 64 bits.
    let whole = u128::from(cost_ns / weight) << 32;
    let fraction = ((cost_ns % weight) << 32) / weight;
    whole + u128::from(fraction)
}

/// The system's virtual time: where a newcomer enters, so that it neither pays for the past nor
/// profits from it.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemVirtualTime(VirtualTime);

impl SystemVirtualTime {
    /// Starts at 0.
    #[must_use]
    pub const fn new() -> Self {
        Self(0)
    }

    /// Where a request or tenant enters now.
    #[must_use]
    pub const fn entry(self) -> VirtualTime {
        self.0
    }

    /// Notes that somebody whose virtual time is `before_charge` is dispatched. Nothing lowers it.
    pub fn on_dispatch(&mut self, before_charge: VirtualTime) {
        self.0 = self.0.max(before_charge);
    }
}

#[cfg(test)]
mod tests {
    use super::charge;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_charge_is_the_quotient_rounded_down(cost in any::<u64>(), weight in 1..=10_000_u32) {
            prop_assert_eq!(charge(cost, weight), (u128::from(cost) << 32) / u128::from(weight));
        }
    }
}
