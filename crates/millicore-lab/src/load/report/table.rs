//! The report as text of eighty columns, for people.

use crate::load::latency::{Figure, Latencies};
use crate::load::plan::{Arrivals, Plan, Protocol};
use crate::load::recorder::Row;
use crate::load::report::Report;
use crate::text::{align, count, wrap};
use millicore_sim::duration::Display as Length;
use std::fmt;

/// How wide a terminal is taken to be.
const WIDTH: usize = 80;
/// The rest is for programs.
const MOST_LINES: usize = 50;

impl Report {
    /// What was asked, what came of it, latencies, expectations, notes, and a row for each request.
    #[must_use]
    pub fn to_table(&self) -> String {
        let mut paragraphs = vec![self.title(), self.counts(), self.latencies()];
        paragraphs.extend(self.expectations());
        let notes = self.notes().join(" ");
        paragraphs.extend((!notes.is_empty()).then(|| wrap("", &notes, WIDTH)));
        paragraphs.extend(self.rows());
        paragraphs.join("\n")
    }

    fn title(&self) -> String {
        let lines = self
            .plan
            .targets
            .iter()
            .map(|target| match self.plan.targets.len() {
                1 => format!("{} {}\n", self.plan.method, target.url),
                _ => format!(
                    "{} {} (weight {})\n",
                    self.plan.method, target.url, target.weight
                ),
            });
        wrap("", &self.plan.to_string(), WIDTH) + &lines.collect::<String>()
    }

    fn counts(&self) -> String {
        let outcome = &self.outcome;
        let mut lines = vec![
            (
                "requests",
                format!(
                    "{} asked, {} sent, {} ok, {} failed",
                    outcome.asked,
                    outcome.sent,
                    outcome.ok,
                    outcome.failed_count()
                ),
            ),
            (
                "rate",
                format!(
                    "{:.1} ok each second, for {}",
                    outcome.rate_per_s(),
                    Length(outcome.wall_ns)
                ),
            ),
        ];
        let kinds = outcome
            .failed
            .iter()
            .map(|(kind, count)| format!("{count} {kind}"));
        let kinds: Vec<String> = kinds.collect();
        if !kinds.is_empty() {
            lines.insert(1, ("failed", kinds.join(", ")));
        }
        let spread = outcome.spread_ns.map(|ns| {
            let text = format!("{} from the first to the last departure", Length(ns));
            ("spread", text)
        });
        lines.extend(spread);
        lines.push(("generator", self.generator()));
        let line = |(name, text): &(&str, String)| wrap(&format!("{name:9}  "), text, WIDTH);
        lines.iter().map(line).collect()
    }

    fn generator(&self) -> String {
        let outcome = &self.outcome;
        let used = outcome.generator;
        let waiting = used
            .waiting_percent()
            .map(|it| format!(", waited {it:.1} % for one"));
        let is_closed = matches!(self.plan.arrivals, Arrivals::Closed { .. });
        let late = outcome.lateness.quantile_ns(0.99).filter(|_| !is_closed);
        let late =
            late.map(|it| format!(", 99 % of requests at most {} late", Length(it.whole_ns())));
        format!(
            "busy {:.1} % of a core{}{}; {}",
            used.busy_percent(),
            waiting.unwrap_or_default(),
            late.unwrap_or_default(),
            count(
                usize::try_from(outcome.connections_opened).unwrap_or(usize::MAX),
                "connection"
            )
        )
    }

    fn latencies(&self) -> String {
        let header = ["latency", "mean", "p50", "p90", "p99", "max"];
        let row = |name: &str, latencies: &Latencies| {
            let figures = [
                latencies.mean_ns(),
                latencies.quantile_ns(0.5),
                latencies.quantile_ns(0.9),
                latencies.quantile_ns(0.99),
                latencies.max_ns(),
            ];
            let cells = figures.map(|figure| figure.map_or("-".to_owned(), cell));
            [vec![name.to_owned()], cells.to_vec()].concat()
        };
        let rows = [
            header.map(str::to_owned).to_vec(),
            row("from the intended start", &self.outcome.latency),
            row("from the actual start", &self.outcome.latency_from_send),
        ];
        align(&rows, 1)
    }

    fn expectations(&self) -> Option<String> {
        let lines = self.judgements.iter().map(|judgement| {
            let verdict = if judgement.is_met { "met" } else { "MISSED" };
            vec![
                "expected".to_owned(),
                judgement.expectation.clone(),
                format!("{verdict}: {}", judgement.measured),
            ]
        });
        let lines: Vec<Vec<String>> = lines.collect();
        (!lines.is_empty()).then(|| align(&lines, 3))
    }

    fn rows(&self) -> Option<String> {
        let rows = &self.outcome.rows;
        if rows.is_empty() {
            return None;
        }
        let has_targets = self.plan.targets.len() > 1;
        let mut header = vec!["request", "intended", "sent", "latency", "bytes", "answer"];
        if has_targets {
            header.push("url");
        }
        let mut cells = vec![header.into_iter().map(str::to_owned).collect()];
        cells.extend(rows.iter().take(MOST_LINES).map(|row| {
            let mut cells = row_cells(row);
            if has_targets {
                cells.push((row.target + 1).to_string());
            }
            cells
        }));
        let mut text = align(&cells, 0);
        if rows.len() > MOST_LINES {
            let hidden = rows.len() - MOST_LINES;
            text += &format!("and {hidden} more: --format csv has all\n");
        }
        Some(text)
    }
}

fn cell(figure: Figure) -> String {
    let at_least = if figure.is_lower_bound { ">= " } else { "" };
    format!("{at_least}{}", Length(figure.whole_ns()))
}

fn row_cells(row: &Row) -> Vec<String> {
    let is_lower_bound = row.failure().is_some_and(|it| it.is_censored());
    let latency = Figure {
        value: row.latency_ns() as f64,
        is_lower_bound,
    };
    let answer = match row.answer {
        Ok(status) => status.to_string(),
        Err(failure) => failure.to_string(),
    };
    vec![
        (row.index + 1).to_string(),
        Length(row.intended_ns).to_string(),
        row.sent_ns
            .map_or("-".to_owned(), |ns| Length(ns).to_string()),
        cell(latency),
        row.body_bytes.to_string(),
        answer,
    ]
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.extent.requests {
            Some(1) => f.write_str("1 request")?,
            Some(requests) => write!(f, "{requests} requests")?,
            None => f.write_str("requests")?,
        }
        if let Some(duration_ns) = self.extent.duration_ns {
            let at_most = if self.extent.requests.is_some() {
                " at most"
            } else {
                ""
            };
            write!(f, " for {}{at_most}", Length(duration_ns))?;
        }
        match self.arrivals {
            Arrivals::Closed { connections } => write!(f, ", {connections} at a time")?,
            Arrivals::AtOnce { .. } => f.write_str(" at once")?,
            Arrivals::Constant { rate_per_s } => write!(f, ", {rate_per_s} each second")?,
            Arrivals::Poisson { rate_per_s, .. } => {
                write!(f, ", {rate_per_s} each second at random")?;
            }
        }
        let version = match self.protocol {
            Protocol::Http1 => "HTTP/1.1",
            Protocol::Http2 => "HTTP/2",
        };
        write!(f, ", {version}, timeout {}", Length(self.timeout_ns))
    }
}
