//! Everything counted, as a copy, and as OpenMetrics text.

use super::STATUS_CLASSES;
use std::fmt;
use std::time::Duration;

/// Everything a server has counted, at one moment. Of a server with several processes, all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Snapshot {
    /// Connections accepted.
    pub connections_accepted: u64,
    /// Connections open now.
    pub connections_open: u64,
    /// Open connections that are silent now.
    pub connections_parked: u64,
    /// Connections that have sent something and wait for a slot now.
    pub connections_waiting: u64,
    /// Connections closed without being served.
    pub connections_refused: u64,
    /// Connections handed to a slot: to a thread, a process or a worker.
    pub slots_started: u64,
    /// Those of them that their slot was done with.
    pub slots_ended: u64,
    /// Those of them whose process was killed by a signal.
    pub slots_killed: u64,
    /// Requests being served now.
    pub requests_in_flight: u64,
    /// Requests being served now that the table had no room for.
    pub requests_unlisted: u64,
    /// Requests whose clients left before the answer.
    pub requests_abandoned: u64,
    /// Requests whose processes ended before the answer.
    pub requests_lost: u64,
    /// Handlers that panicked.
    pub handler_panics: u64,
    /// Lines of the access log that could not be written.
    pub log_lines_lost: u64,
    /// CPU time that requests used, as far as they say.
    pub cpu_time: Duration,
    /// Requests answered, by the hundreds of the status: 1xx to 5xx.
    pub answered: [u64; STATUS_CLASSES],
    /// How long answers took.
    pub latency: Latency,
}

/// How long requests took from their heads to the heads of their answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Latency {
    /// How many took at most so long.
    pub at_most: Vec<(Duration, u64)>,
    /// How many there were.
    pub count: u64,
    /// How long all took together.
    pub sum: Duration,
}

/// A family of metrics, without the prefix of its name.
struct Family {
    name: &'static str,
    kind: Kind,
    help: &'static str,
}

#[derive(Clone, Copy)]
enum Kind {
    Counter,
    Gauge,
}

impl Snapshot {
    /// The families as OpenMetrics text, without the final `# EOF`, times in seconds
    /// (<https://github.com/prometheus/OpenMetrics>).
    ///
    /// # Errors
    ///
    /// Only those of `out`.
    pub fn write_openmetrics(&self, out: &mut impl fmt::Write) -> fmt::Result {
        let connections = self.connection_families();
        for (family, value) in connections.iter().chain(&self.request_families()) {
            family.write_head(out)?;
            writeln!(out, "{} {value}", family.sample())?;
        }
        let answered = counter("http_requests", "Requests answered.");
        answered.write_head(out)?;
        for (class, count) in (1..).zip(self.answered) {
            let sample = answered.sample();
            writeln!(out, "{sample}{{status=\"{class}xx\"}} {count}")?;
        }
        let cpu = counter("http_request_cpu_seconds", "CPU time that requests used.");
        cpu.write_head(out)?;
        writeln!(out, "{} {}", cpu.sample(), self.cpu_time.as_secs_f64())?;
        self.latency.write_openmetrics(out)
    }

    fn connection_families(&self) -> [(Family, u64); 8] {
        let accepted = counter("connections_accepted", "Connections accepted.");
        let open = gauge("connections_open", "Connections open now.");
        let parked = gauge("connections_parked", "Open connections that are silent.");
        let waiting = gauge("connections_waiting", "Connections that wait for a slot.");
        let refused = counter("connections_refused", "Connections closed unserved.");
        let started = counter(
            "slots_started",
            "Connections handed to a thread, a process or a worker.",
        );
        let ended = counter(
            "slots_ended",
            "Those of them that were served or given back.",
        );
        let killed = counter(
            "slots_killed",
            "Those of them whose process was killed by a signal.",
        );
        [
            (accepted, self.connections_accepted),
            (open, self.connections_open),
            (parked, self.connections_parked),
            (waiting, self.connections_waiting),
            (refused, self.connections_refused),
            (started, self.slots_started),
            (ended, self.slots_ended),
            (killed, self.slots_killed),
        ]
    }

    fn request_families(&self) -> [(Family, u64); 6] {
        let in_flight = gauge("http_requests_in_flight", "Requests being served.");
        let unlisted = gauge(
            "http_requests_unlisted",
            "Those that the table had no room for.",
        );
        let abandoned = counter("http_requests_abandoned", "Requests whose clients left.");
        let lost = counter("http_requests_lost", "Requests whose processes ended.");
        let panics = counter("handler_panics", "Handlers that panicked.");
        let lines = counter("log_lines_lost", "Lines of the access log not written.");
        [
            (in_flight, self.requests_in_flight),
            (unlisted, self.requests_unlisted),
            (abandoned, self.requests_abandoned),
            (lost, self.requests_lost),
            (panics, self.handler_panics),
            (lines, self.log_lines_lost),
        ]
    }
}

impl Latency {
    fn write_openmetrics(&self, out: &mut impl fmt::Write) -> fmt::Result {
        const NAME: &str = "millicore_http_request_duration_seconds";
        writeln!(out, "# TYPE {NAME} histogram")?;
        writeln!(out, "# HELP {NAME} From a request's head to its answer's.")?;
        for (bound, count) in &self.at_most {
            // A bound is a canonical number, with a point: 1.0.
            let bound_s = bound.as_secs_f64();
            writeln!(out, "{NAME}_bucket{{le=\"{bound_s:?}\"}} {count}")?;
        }
        writeln!(out, "{NAME}_bucket{{le=\"+Inf\"}} {}", self.count)?;
        writeln!(out, "{NAME}_sum {}", self.sum.as_secs_f64())?;
        writeln!(out, "{NAME}_count {}", self.count)
    }
}

impl Family {
    fn write_head(&self, out: &mut impl fmt::Write) -> fmt::Result {
        let Self { name, kind, help } = self;
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        writeln!(out, "# TYPE millicore_{name} {kind}")?;
        writeln!(out, "# HELP millicore_{name} {help}")
    }

    /// The name of a sample: that of a counter ends in `_total`.
    fn sample(&self) -> String {
        let end = match self.kind {
            Kind::Counter => "_total",
            Kind::Gauge => "",
        };
        format!("millicore_{}{end}", self.name)
    }
}

const fn counter(name: &'static str, help: &'static str) -> Family {
    let kind = Kind::Counter;
    Family { name, kind, help }
}

const fn gauge(name: &'static str, help: &'static str) -> Family {
    let kind = Kind::Gauge;
    Family { name, kind, help }
}
