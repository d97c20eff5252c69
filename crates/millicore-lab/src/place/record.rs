//! What held in a place during a run, and what the kernel counted there meanwhile.

use crate::place::{PlaceKind, Site};
use millicore_quota::{
    Bandwidth, Capabilities, Counters, Enclosure, GroupQuota, Millicores, PlaceError, ProcessLimit,
};
use serde::Serialize;

/// A place during a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaceRecord {
    /// Where it ran.
    pub place: PlaceKind,
    /// What kept the limit there.
    pub kept_by: String,
    /// The limit as the kernel had it.
    pub bandwidth: Option<Bandwidth>,
    /// What the kernel counted there; nothing where it does not count.
    pub counters: Option<Counters>,
    /// The group with a limit around it, if there is one, and what was counted in it: where that
    /// limit throttles, the group inside counts nothing.
    pub around: Option<Around>,
}

/// A group with a limit around a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Around {
    /// Its limit, and where that is set.
    pub group: String,
    /// What was counted in it.
    pub counters: Counters,
}

impl PlaceRecord {
    /// A run beside the lab, under a limit that the executor keeps or none.
    #[must_use]
    pub fn beside(site: Site) -> Self {
        Self {
            place: site.place,
            kept_by: match site.limit {
                Some(_) => "the executor itself".to_owned(),
                None => "nobody".to_owned(),
            },
            bandwidth: site.limit.map(Bandwidth::of),
            counters: None,
            around: None,
        }
    }

    /// The limit in millicores.
    #[must_use]
    pub fn limit(&self) -> Option<Millicores> {
        self.bandwidth.map(Bandwidth::limit)
    }

    /// The place and its limit, in words.
    pub(crate) fn says(&self) -> String {
        let held = match self.bandwidth {
            Some(bandwidth) if self.place != PlaceKind::Process => {
                format!("held to {} ({bandwidth}) by ", bandwidth.limit())
            }
            Some(bandwidth) => format!("held to {} by ", bandwidth.limit()),
            None => "no limit of its own, ".to_owned(),
        };
        format!("{}, {held}{}", self.place, self.kept_by)
    }

    /// Its lines at the head of a report, by name; none for a run without place and limit.
    pub(crate) fn lines(&self) -> Vec<(&'static str, String)> {
        if self.place == PlaceKind::Process && self.bandwidth.is_none() {
            return Vec::new();
        }
        let mut lines = vec![("place", self.says())];
        lines.extend(self.counters.map(|it| ("counted", counted(it))));
        let around = self.around.iter();
        lines
            .extend(around.map(|it| ("around", format!("{}: {}", it.group, counted(it.counters)))));
        lines
    }
}

fn counted(counters: Counters) -> String {
    let Counters {
        cpu,
        periods,
        throttled_periods,
        throttled,
    } = counters;
    format!(
        "{:.3} s of CPU time; throttled in {throttled_periods} of {periods} periods, for {:.3} s",
        cpu.as_secs_f64(),
        throttled.as_secs_f64()
    )
}

/// Counts from one moment to another in an enclosure and around it.
#[derive(Debug)]
pub(crate) struct Counting {
    capabilities: Capabilities,
    site: Site,
    /// What was counted before; the kernel counts from the making of a group.
    before: Counters,
    around: Option<(GroupQuota, Counters)>,
    bandwidth: Option<Bandwidth>,
}

impl Counting {
    /// Counts from now on, or from the making of what runs there if it does not run yet.
    pub(crate) fn begin(
        site: Site,
        capabilities: Capabilities,
        enclosure: &dyn Enclosure,
    ) -> Result<Self, PlaceError> {
        // A container is not in the groups of this process.
        let around = match site.place {
            PlaceKind::Docker => None,
            PlaceKind::Process | PlaceKind::Cgroup => ProcessLimit::read().group,
        };
        Ok(Self {
            capabilities,
            site,
            before: enclosure.counters()?.unwrap_or_default(),
            around: around.and_then(|group| {
                let counters = group.counters().ok()?;
                Some((group, counters))
            }),
            bandwidth: enclosure.limits()?.bandwidth,
        })
    }

    /// What was counted since.
    pub(crate) fn end(self, enclosure: &dyn Enclosure) -> Result<PlaceRecord, PlaceError> {
        let around = self.around.and_then(|(group, before)| {
            Some(Around {
                group: format!("{}, {group}", group.limit),
                counters: group.counters().ok()?.since(before),
            })
        });
        Ok(PlaceRecord {
            place: self.site.place,
            kept_by: self.capabilities.kept_by,
            bandwidth: self.bandwidth,
            counters: enclosure.counters()?.map(|it| it.since(self.before)),
            around,
        })
    }
}

/// A place as a report for programs has it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PlaceDocument {
    place: PlaceKind,
    limit_m: Option<u32>,
    period_s: Option<f64>,
    kept_by: String,
    counters: Option<CountersDocument>,
    counters_around: Option<CountersDocument>,
}

impl From<&PlaceRecord> for PlaceDocument {
    fn from(record: &PlaceRecord) -> Self {
        let around = record.around.as_ref();
        Self {
            place: record.place,
            limit_m: record.limit().map(Millicores::get),
            period_s: record.bandwidth.map(|it| it.period().as_secs_f64()),
            kept_by: record.kept_by.clone(),
            counters: record.counters.map(CountersDocument::from),
            counters_around: around.map(|it| CountersDocument::from(it.counters)),
        }
    }
}

/// Counters as a report for programs has them.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct CountersDocument {
    cpu_s: f64,
    periods: u64,
    throttled_periods: u64,
    throttled_s: f64,
}

impl From<Counters> for CountersDocument {
    fn from(counters: Counters) -> Self {
        Self {
            cpu_s: counters.cpu.as_secs_f64(),
            periods: counters.periods,
            throttled_periods: counters.throttled_periods,
            throttled_s: counters.throttled.as_secs_f64(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::PlaceRecord;
    use crate::place::{PlaceKind, Site};
    use millicore_quota::Counters;
    use std::time::Duration;

    #[test]
    fn a_place_is_told_with_what_was_counted() {
        let site = Site::new("process", None).unwrap();
        assert!(PlaceRecord::beside(site).lines().is_empty());
        let site = Site::new("process", Some("500m")).unwrap();
        let expected = "process, held to 500m by the executor itself";
        assert_eq!(
            PlaceRecord::beside(site).lines(),
            [("place", expected.to_owned())]
        );
        let record = PlaceRecord {
            place: PlaceKind::Cgroup,
            kept_by: "cgroup version 1".to_owned(),
            counters: Some(Counters {
                cpu: Duration::from_millis(1500),
                periods: 30,
                throttled_periods: 2,
                throttled: Duration::from_millis(12),
            }),
            ..PlaceRecord::beside(site)
        };
        let texts: Vec<String> = record.lines().into_iter().map(|(_, text)| text).collect();
        assert_eq!(
            texts,
            [
                "cgroup, held to 500m (50000 µs in every 100000 µs) by cgroup version 1",
                "1.500 s of CPU time; throttled in 2 of 30 periods, for 0.012 s",
            ]
        );
    }
}
