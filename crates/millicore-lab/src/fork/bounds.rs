//! The bounds of a round: as long as perfect sharing takes, and as long as whole rounds take.

use std::fmt;

/// Between what times a round with several equal computations should lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// If no core idled before all are done and nothing were lost: all of the work divided by the
    /// cores, but never less than one computation alone.
    pub perfect_ns: u64,
    /// If as many as there are cores were computed to their end, then as many again, and so on.
    pub whole_ns: u64,
}

impl Bounds {
    /// The bounds of `members` computations of `one_ns` each.
    #[must_use]
    pub fn new(one_ns: u64, members: usize, cores: usize) -> Self {
        let (members, cores) = (members as u64, cores.max(1) as u64);
        Self {
            perfect_ns: one_ns.max(one_ns.saturating_mul(members).div_ceil(cores)),
            whole_ns: one_ns.saturating_mul(members.div_ceil(cores)),
        }
    }

    /// Where a measured time lies.
    #[must_use]
    pub fn position(&self, took_ns: u64) -> Position {
        let percent = |part_ns: u64, whole_ns: u64| 100.0 * part_ns as f64 / whole_ns.max(1) as f64;
        if took_ns < self.perfect_ns {
            let percent = percent(self.perfect_ns - took_ns, self.perfect_ns);
            return Position::Under { percent };
        }
        if took_ns > self.whole_ns || self.perfect_ns == self.whole_ns {
            let percent = percent(took_ns - self.whole_ns, self.whole_ns);
            return Position::Over { percent };
        }
        let way_ns = self.whole_ns - self.perfect_ns;
        Position::Between {
            percent: percent(took_ns - self.perfect_ns, way_ns),
        }
    }

    /// Which part of each slice is lost, from 0 up, if perfect sharing but for that takes so long;
    /// nothing where each has a core of its own, or nothing was lost.
    #[must_use]
    pub fn lost_share(&self, one_ns: u64, took_ns: u64) -> Option<f64> {
        let is_shared = self.perfect_ns > one_ns;
        (is_shared && took_ns > self.perfect_ns)
            .then(|| took_ns as f64 / self.perfect_ns as f64 - 1.0)
    }
}

/// Where a time lies in relation to its bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Position {
    /// So far on the way from perfect sharing, 0 %, to whole rounds, 100 %.
    Between {
        /// How far.
        percent: f64,
    },
    /// Longer than the upper bound, or than both where they are one.
    Over {
        /// By how much of it.
        percent: f64,
    },
    /// Shorter than the lower bound, which is measured and not exact.
    Under {
        /// By how much of it.
        percent: f64,
    },
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Between { percent } => format!("at {percent:.1} %"),
            Self::Over { percent } => format!("{percent:.1} % over"),
            Self::Under { percent } => format!("{percent:.1} % under"),
        };
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::Bounds;

    #[track_caller]
    fn check(one_ms: u64, members: usize, cores: usize, perfect_ms: u64, whole_ms: u64) {
        let expected = Bounds {
            perfect_ns: perfect_ms * 1_000_000,
            whole_ns: whole_ms * 1_000_000,
        };
        assert_eq!(Bounds::new(one_ms * 1_000_000, members, cores), expected);
    }

    #[test]
    fn bounds_of_the_article() {
        check(9_600, 1, 6, 9_600, 9_600);
        check(9_600, 4, 6, 9_600, 9_600);
        check(9_600, 8, 6, 12_800, 19_200);
    }

    #[test]
    fn the_bounds_are_one_where_the_cores_divide_the_members() {
        check(1_000, 8, 2, 4_000, 4_000);
        check(1_000, 8, 1, 8_000, 8_000);
        check(900, 7, 3, 2_100, 2_700);
    }

    #[track_caller]
    fn check_position(took_ms: u64, members: usize, expected: &str) {
        let bounds = Bounds::new(9_600, members, 6);
        assert_eq!(bounds.position(took_ms).to_string(), expected, "{bounds:?}");
    }

    #[test]
    fn positions() {
        check_position(12_800, 8, "at 0.0 %");
        check_position(13_970, 8, "at 18.3 %");
        check_position(19_200, 8, "at 100.0 %");
        check_position(21_120, 8, "10.0 % over");
        check_position(6_400, 8, "50.0 % under");
        check_position(9_600, 4, "0.0 % over");
        check_position(10_080, 4, "5.0 % over");
        check_position(9_312, 4, "3.0 % under");
    }

    #[test]
    fn what_is_lost() {
        let bounds = Bounds::new(9_600, 8, 6);
        let lost = bounds.lost_share(9_600, 13_970).unwrap();
        assert!((lost - 0.0914).abs() < 0.0001, "{lost}");
        assert_eq!(bounds.lost_share(9_600, 12_800), None);
        assert_eq!(Bounds::new(9_600, 4, 6).lost_share(9_600, 13_970), None);
    }
}
