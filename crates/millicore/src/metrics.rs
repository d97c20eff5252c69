//! What the executor has counted, as a copy.

use std::fmt;
use std::time::Duration;

/// Everything the executor counts, at one moment. Counters count from its start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// Requests submitted, refused ones included.
    pub submitted: u64,
    /// Requests that returned a result.
    pub completed: u64,
    /// Requests cancelled by their callers or by a shutdown.
    pub cancelled: u64,
    /// Requests that panicked.
    pub panicked: u64,
    /// Requests refused at submission.
    pub refused: u64,
    /// Requests that waited too long, or past their deadline, for a first chunk.
    pub expired: u64,
    /// Requests live now: submitted and not ended.
    pub live: usize,
    /// Live requests that have not had a chunk.
    pub waiting: u32,
    /// Slices ended early because another request should go first.
    pub recalls: u64,
    /// CPU time that ended requests used.
    pub cpu_time: Duration,
    /// Time that ended requests waited for their first chunk, added up.
    pub waited: Duration,
    /// Every core.
    pub cores: Vec<CoreMetrics>,
}

/// What one core has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CoreMetrics {
    /// CPU time spent on requests.
    pub busy: Duration,
    /// Slices worked.
    pub slices: u64,
}

impl Metrics {
    /// The metrics as OpenMetrics text, each family named `millicore_…`, times in seconds
    /// (<https://github.com/prometheus/OpenMetrics>).
    ///
    /// # Errors
    ///
    /// Only those of `out`.
    pub fn write_openmetrics(&self, out: &mut impl fmt::Write) -> fmt::Result {
        let requests = [
            ("submitted", self.submitted),
            ("completed", self.completed),
            ("cancelled", self.cancelled),
            ("panicked", self.panicked),
            ("refused", self.refused),
            ("expired", self.expired),
        ];
        writeln!(out, "# TYPE millicore_requests counter")?;
        for (what, count) in requests {
            writeln!(out, "millicore_requests_total{{what=\"{what}\"}} {count}")?;
        }
        writeln!(out, "# TYPE millicore_requests_live gauge")?;
        writeln!(out, "millicore_requests_live {}", self.live)?;
        writeln!(out, "# TYPE millicore_requests_waiting gauge")?;
        writeln!(out, "millicore_requests_waiting {}", self.waiting)?;
        writeln!(out, "# TYPE millicore_recalls counter")?;
        writeln!(out, "millicore_recalls_total {}", self.recalls)?;
        writeln!(out, "# TYPE millicore_request_cpu_seconds counter")?;
        writeln!(
            out,
            "millicore_request_cpu_seconds_total {}",
            self.cpu_time.as_secs_f64()
        )?;
        writeln!(out, "# TYPE millicore_request_wait_seconds counter")?;
        writeln!(
            out,
            "millicore_request_wait_seconds_total {}",
            self.waited.as_secs_f64()
        )?;
        writeln!(out, "# TYPE millicore_core_busy_seconds counter")?;
        for (core, CoreMetrics { busy, .. }) in self.cores.iter().enumerate() {
            let busy_s = busy.as_secs_f64();
            writeln!(
                out,
                "millicore_core_busy_seconds_total{{core=\"{core}\"}} {busy_s}"
            )?;
        }
        writeln!(out, "# TYPE millicore_core_slices counter")?;
        for (core, CoreMetrics { slices, .. }) in self.cores.iter().enumerate() {
            writeln!(
                out,
                "millicore_core_slices_total{{core=\"{core}\"}} {slices}"
            )?;
        }
        writeln!(out, "# EOF")
    }
}

#[cfg(test)]
mod tests {
    use super::{CoreMetrics, Metrics};
    use std::time::Duration;

    #[test]
    fn everything_counted_is_exported() {
        let core = CoreMetrics {
            busy: Duration::from_millis(1500),
            slices: 7,
        };
        let metrics = Metrics {
            completed: 3,
            live: 2,
            cores: vec![core],
            ..Metrics::default()
        };
        let mut text = String::new();
        metrics.write_openmetrics(&mut text).unwrap();
        for line in [
            "millicore_requests_total{what=\"completed\"} 3",
            "millicore_requests_live 2",
            "millicore_core_busy_seconds_total{core=\"0\"} 1.5",
            "millicore_core_slices_total{core=\"0\"} 7",
        ] {
            assert!(
                text.lines().any(|found| found == line),
                "{line} is not in\n{text}"
            );
        }
        assert!(text.ends_with("# EOF\n"));
    }
}
