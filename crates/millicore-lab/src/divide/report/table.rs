//! The report as text of eighty columns, for people.

use crate::divide::measurement::Measurement;
use crate::divide::picture::{self, Part};
use crate::divide::report::{Report, notes};
use crate::machine::describe;
use crate::text::{Unit, WIDTH, align, count, wrap};
use std::fmt::Write;

impl Report {
    /// The machine, a table of means, the response times, a picture of the cores, and who won.
    #[must_use]
    pub fn to_table(&self) -> String {
        let mut run = vec![("request", self.work.clone())];
        run.extend(self.place.lines());
        let machine = describe(&self.machine, &self.watched, run, WIDTH);
        let mut paragraphs = vec![self.title(), machine];
        if !self.measurements.is_empty() {
            let unit = Unit::for_times_to(self.longest_ns());
            paragraphs.push(self.means(unit));
            paragraphs.push(self.responses(unit));
            let notes = notes::about(self).join(" ");
            paragraphs.extend((!notes.is_empty()).then(|| wrap("", &notes, WIDTH)));
            paragraphs.push(self.picture());
        }
        paragraphs.push(wrap("", &self.verdict.to_string(), WIDTH));
        paragraphs.join("\n")
    }

    fn longest_ns(&self) -> f64 {
        let responses = self.measurements.iter().flat_map(|it| &it.responses_ns);
        responses.copied().fold(0.0, f64::max)
    }

    fn title(&self) -> String {
        let mut title = format!("{}, {}", self.plan, count(self.repeats, "repeat"));
        if self.was_stopped {
            let _ = write!(title, " of {}: stopped", self.plan.repeats);
        }
        wrap("", &title, WIDTH)
    }

    fn means(&self, unit: Unit) -> String {
        let header = [
            "policy",
            "whose turn",
            "width",
            &format!("mean {}", unit.name),
            "predicted",
            "differs",
            "theory",
            "CPU each",
        ];
        let rows: Vec<Vec<String>> = self
            .measurements
            .iter()
            .map(|it| means_row(it, unit))
            .collect();
        let mut rows = [vec![header.map(str::to_owned).to_vec()], rows].concat();
        shorten_orders(&mut rows);
        align(&rows, 3)
    }

    fn responses(&self, unit: Unit) -> String {
        /// The rest is for programs.
        const MOST_LINES: usize = 4;
        let longest_name = self
            .measurements
            .iter()
            .map(|it| it.policy.to_string().len())
            .max();
        let name_width = longest_name.unwrap_or(0).max("request".len());
        let cell_width = unit.format(self.longest_ns()).len().max(5) + 2;
        let per_line = ((WIDTH - name_width) / cell_width).max(1);
        let all: Vec<usize> = (0..self.plan.requests).collect();
        let mut text = format!("response times in {}\n", unit.name);
        for requests in all.chunks(per_line).take(MOST_LINES) {
            let numbers = requests.iter().map(|request| (request + 1).to_string());
            let mut rows = vec![["request".to_owned()].into_iter().chain(numbers).collect()];
            rows.extend(
                self.measurements
                    .iter()
                    .map(|it| responses_row(it, requests, unit)),
            );
            text.push_str(&align(&rows, 1));
        }
        let shown = per_line * MOST_LINES;
        if self.plan.requests > shown {
            let hidden = self.plan.requests - shown;
            // Writing to a string does not fail.
            let _ = writeln!(text, "and {hidden} more: --format csv has all");
        }
        text
    }

    fn picture(&self) -> String {
        let names: Vec<String> = self
            .measurements
            .iter()
            .map(|it| it.policy.to_string())
            .collect();
        let parts: Vec<Part<'_>> = names
            .iter()
            .zip(&self.measurements)
            .map(|(name, it)| Part {
                name,
                stays: &it.timeline,
            })
            .collect();
        let requests = self.plan.requests;
        let letters = if requests > 9 { ", a is 10" } else { "" };
        let others = if requests > picture::LETTERS {
            format!(", # any after {}", picture::LETTERS)
        } else {
            String::new()
        };
        let title = format!("which request each core worked on (. none{letters}{others})\n");
        title + &picture::draw(&parts, self.plan.cores.get(), WIDTH)
    }
}

fn means_row(measurement: &Measurement, unit: Unit) -> Vec<String> {
    let prediction = measurement.prediction;
    let theory = prediction.closed_form_mean_ns;
    vec![
        measurement.policy.to_string(),
        measurement.policy.definition().order.to_owned(),
        measurement.policy.width().to_string(),
        unit.format(measurement.mean_ns),
        unit.format(prediction.mean_ns),
        format!("{:+.1} %", measurement.difference_percent()),
        theory.map_or_else(|| "-".to_owned(), |mean_ns| unit.format(mean_ns)),
        unit.format(measurement.cpu_ns),
    ]
}

fn responses_row(measurement: &Measurement, requests: &[usize], unit: Unit) -> Vec<String> {
    let responses = requests
        .iter()
        .filter_map(|&it| measurement.responses_ns.get(it));
    let cells = responses.map(|&response_ns| unit.format(response_ns));
    [measurement.policy.to_string()]
        .into_iter()
        .chain(cells)
        .collect()
}

/// Cuts the second column, which explains, so that a row of the others fits the terminal.
fn shorten_orders(rows: &mut [Vec<String>]) {
    const ORDER: usize = 1;
    let columns = rows.first().map_or(0, Vec::len);
    let width_of = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0) + 2
    };
    let others: usize = (0..columns).filter(|&it| it != ORDER).map(width_of).sum();
    let most = WIDTH.saturating_sub(others);
    for order in rows.iter_mut().filter_map(|row| row.get_mut(ORDER)) {
        if order.chars().count() > most {
            *order = order
                .chars()
                .take(most.saturating_sub(3))
                .chain("...".chars())
                .collect();
        }
    }
}
