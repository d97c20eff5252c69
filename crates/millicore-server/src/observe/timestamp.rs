//! Moments as text, in UTC: RFC 3339 with microseconds, and as access logs have them.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A moment on the wall clock, to the microsecond. One before 1970 counts as its first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp {
    since_1970: Duration,
}

/// A moment, taken apart.
struct Parts {
    year: u64,
    month: u64,
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

impl Timestamp {
    /// This moment.
    #[must_use]
    pub fn now() -> Self {
        SystemTime::now().into()
    }

    /// The moment so much later.
    #[must_use]
    pub fn after(self, time: Duration) -> Self {
        Self {
            since_1970: self.since_1970.saturating_add(time),
        }
    }

    /// As the common log format has it: `10/Oct/2000:13:55:36 +0000`.
    #[must_use]
    pub fn common_log(self) -> String {
        let parts = self.parts();
        let month = usize::try_from(parts.month - 1).unwrap_or(0) % MONTHS.len();
        format!(
            "{:02}/{}/{:04}:{:02}:{:02}:{:02} +0000",
            parts.day, MONTHS[month], parts.year, parts.hour, parts.minute, parts.second
        )
    }

    /// The date by counting from 1 March of the year 0, when leap days come last: 400 years have
    /// 146 097 days, and a month number m, March being 0, begins (153 m + 2) / 5 days into its year
    /// (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
    fn parts(self) -> Parts {
        const SECONDS_OF_A_DAY: u64 = 86_400;
        const DAYS_TO_1970: u64 = 719_468;
        const DAYS_OF_400_YEARS: u64 = 146_097;
        let seconds = self.since_1970.as_secs();
        let (day, second) = (seconds / SECONDS_OF_A_DAY, seconds % SECONDS_OF_A_DAY);
        let day = day + DAYS_TO_1970;
        let (era, day) = (day / DAYS_OF_400_YEARS, day % DAYS_OF_400_YEARS);
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let is_after_new_year = month >= 10;
        Parts {
            year: era * 400 + year + u64::from(is_after_new_year),
            month: if is_after_new_year {
                month - 9
            } else {
                month + 3
            },
            day: day - (153 * month + 2) / 5 + 1,
            hour: second / 3_600,
            minute: second / 60 % 60,
            second: second % 60,
        }
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        Self {
            since_1970: time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO),
        }
    }
}

/// As RFC 3339 has it: `2000-10-10T13:55:36.000001Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = self.parts();
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z",
            parts.year,
            parts.month,
            parts.day,
            parts.hour,
            parts.minute,
            parts.second,
            self.since_1970.subsec_micros()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(microseconds: u64, rfc_3339: &str, common_log: &str) {
        let time = Timestamp::from(UNIX_EPOCH + Duration::from_micros(microseconds));
        assert_eq!(time.to_string(), rfc_3339);
        assert_eq!(time.common_log(), common_log);
    }

    #[test]
    fn moments_are_written_in_utc() {
        check(
            0,
            "1970-01-01T00:00:00.000000Z",
            "01/Jan/1970:00:00:00 +0000",
        );
        check(
            951_868_799_999_999,
            "2000-02-29T23:59:59.999999Z",
            "29/Feb/2000:23:59:59 +0000",
        );
        check(
            1_772_323_200_000_001,
            "2026-03-01T00:00:00.000001Z",
            "01/Mar/2026:00:00:00 +0000",
        );
        check(
            4_107_542_400_000_000,
            "2100-03-01T00:00:00.000000Z",
            "01/Mar/2100:00:00:00 +0000",
        );
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let text = |day: u64| {
            let time = Timestamp::from(UNIX_EPOCH + Duration::from_secs(day * 86_400));
            time.to_string()[..10].to_owned()
        };
        let days: Vec<String> = (0..200_000).map(text).collect();
        assert!(days.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(
            days.iter().filter(|day| day.ends_with("-01-01")).count(),
            548
        );
        assert_eq!(
            days.iter().filter(|day| day.ends_with("-02-29")).count(),
            133
        );
    }
}
