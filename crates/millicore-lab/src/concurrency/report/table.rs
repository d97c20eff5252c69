//! The report as text of eighty columns, for people.

use crate::concurrency::contender::{Part, PartKind};
use crate::concurrency::measurement::Measurement;
use crate::concurrency::report::{PartReport, Report, responses};
use crate::machine::describe;
use crate::text::{Unit, WIDTH, align, wrap};
use millicore_sim::duration::Display as Length;
use std::time::Duration;

impl Report {
    /// The machine, and for each part a row for each contender, what was found, and every response.
    #[must_use]
    pub fn to_table(&self) -> String {
        let work = match &*self.plan.parts {
            [only] => only.path(),
            parts => parts
                .iter()
                .map(Part::path)
                .collect::<Vec<_>>()
                .join(", then "),
        };
        let mut paragraphs = vec![
            wrap("", &self.plan.to_string(), WIDTH),
            describe(&self.machine, &self.watched, self.run_lines(work), WIDTH),
        ];
        for part in self
            .parts
            .iter()
            .filter(|part| !part.measurements.is_empty())
        {
            paragraphs.extend(self.part(part));
        }
        paragraphs.extend(self.notes().iter().map(|note| wrap("", note, WIDTH)));
        paragraphs.retain(|paragraph| !paragraph.trim().is_empty());
        paragraphs.join("\n")
    }

    /// What was asked for, and the place of the servers if they have one.
    fn run_lines(&self, work: String) -> Vec<(&'static str, String)> {
        let mut lines = vec![("asked for", work)];
        let all = self.parts.iter().flat_map(|part| &part.measurements);
        if let Some(place) = all.filter_map(|it| it.place.as_ref()).next() {
            lines.push(("place", format!("one for each server: {}", place.says())));
        }
        lines
    }

    fn part(&self, part: &PartReport) -> Vec<String> {
        let length = Length(part.part.length_ns());
        let title = match part.part.kind {
            PartKind::Sleep => format!("Requests that wait {length}"),
            PartKind::Spin => format!("Requests that need {length} of CPU time"),
        };
        let picture = match self.plan.requests <= responses::MOST_LINES {
            true => {
                "who gave each response and when: (- waits, # is worked on)\n".to_owned()
                    + &responses::draw(part)
            }
            false => String::new(),
        };
        let legend = match part.part.kind {
            PartKind::Sleep => {
                "pids, threads: how many answered; theory: in a row, as many at a time as the \
                 model has slots; differs: the last response from that."
            }
            PartKind::Spin => {
                "predicted: on simulated cores; theory: the closed form; differs: the mean from \
                 theory; CPU: of one request."
            }
        };
        vec![
            title + "\n",
            table(part),
            wrap("", legend, WIDTH),
            wrap("", &self.verdict(part), WIDTH),
            counted(part),
            picture,
        ]
    }
}

/// What the kernel counted for each server; nothing where it did not.
fn counted(part: &PartReport) -> String {
    let row = |it: &Measurement| {
        let place = it.place.as_ref()?;
        let seconds = |time: Duration| format!("{:.3}", time.as_secs_f64());
        let counters = place.counters?;
        let around = place.around.as_ref().map(|it| it.counters);
        Some(vec![
            it.contender.to_string(),
            seconds(counters.cpu),
            format!("{}/{}", counters.throttled_periods, counters.periods),
            seconds(counters.throttled),
            around.map_or_else(
                || "-".to_owned(),
                |it| format!("{}/{}", it.throttled_periods, it.periods),
            ),
        ])
    };
    let rows: Vec<Vec<String>> = part.measurements.iter().filter_map(row).collect();
    if rows.is_empty() {
        return String::new();
    }
    let header = ["counted", "CPU s", "throttled periods", "for s", "around"];
    let header = header.map(str::to_owned).to_vec();
    align(&[vec![header], rows].concat(), 1)
}

fn table(part: &PartReport) -> String {
    let unit = part.unit();
    let with_unit = |name| format!("{name} {}", unit.name);
    let header: &[&str] = match part.part.kind {
        PartKind::Sleep => &[
            "model",
            "pids",
            "threads",
            &with_unit("first"),
            "mean",
            "theory",
            "last",
            "theory",
            "differs",
        ],
        PartKind::Spin => &[
            "model",
            &with_unit("CPU"),
            "last",
            "mean",
            "predicted",
            "theory",
            "differs",
        ],
    };
    let header = header.iter().map(|name| (*name).to_owned());
    let mut rows: Vec<Vec<String>> = vec![header.collect()];
    rows.extend(
        part.measurements
            .iter()
            .map(|it| row(part.part.kind, it, unit)),
    );
    align(&rows, 1)
}

fn row(kind: PartKind, it: &Measurement, unit: Unit) -> Vec<String> {
    let time = |ns: f64| unit.format(ns);
    let optional = |ns: Option<f64>| ns.map_or_else(|| "-".to_owned(), time);
    let mut cells = vec![it.contender.to_string()];
    match kind {
        PartKind::Sleep => cells.extend([
            it.processes.to_string(),
            it.threads.to_string(),
            time(it.first_ns),
            time(it.mean_ns),
            optional(it.theory.mean_ns),
            time(it.last_ns),
            optional(it.theory.last_ns),
            percent(it.last_differs_percent()),
        ]),
        PartKind::Spin => cells.extend([
            optional(it.cpu_ns),
            time(it.last_ns),
            time(it.mean_ns),
            optional(it.theory.predicted_mean_ns),
            optional(it.theory.mean_ns),
            percent(it.mean_differs_percent()),
        ]),
    }
    cells
}

fn percent(percent: Option<f64>) -> String {
    match percent {
        None => "-".to_owned(),
        Some(percent) if percent < 1000.0 => format!("{percent:+.1} %"),
        Some(percent) => format!("{percent:+.0} %"),
    }
}
