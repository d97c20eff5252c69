//! The responses of a contender, one a line, and beside them a picture of when each was served.

use crate::concurrency::answer::Response;
use crate::concurrency::measurement::Measurement;
use crate::concurrency::report::PartReport;
use crate::text::{Unit, WIDTH};
use crate::timeline::{self, Row, Span};

/// Requests are shown one by one if there are not more of them.
pub(super) const MOST_LINES: usize = 20;

const WAITS: char = '-';
const SERVED: char = '#';

/// Every contender of a part on one axis of time.
pub(super) fn draw(part: &PartReport) -> String {
    let unit = part.unit();
    let lines: Vec<[String; 6]> = part
        .measurements
        .iter()
        .flat_map(|it| it.responses.iter().map(|response| cells(response, unit)))
        .collect();
    let header = ["", "pid", "thread", "started", "finished", "response"].map(str::to_owned);
    let width = |column: usize| {
        let cells = lines
            .iter()
            .chain([&header])
            .map(|cells| cells[column].len());
        cells.max().unwrap_or(0)
    };
    let widths: [usize; 6] = std::array::from_fn(width);
    let label = |cells: &[String; 6]| {
        let padded = cells.iter().zip(widths);
        let padded = padded.map(|(cell, width)| format!("{cell:>width$}"));
        padded.collect::<Vec<_>>().join("  ") + " "
    };
    let responses = part.measurements.iter().flat_map(|it| &it.responses);
    let rows: Vec<Row<'_>> = lines
        .iter()
        .zip(responses)
        .map(|(cells, response)| Row {
            name: "",
            label: label(cells),
            spans: spans(response),
        })
        .collect();
    let picture = timeline::draw(&rows, WIDTH);
    let mut picture = picture.lines();
    let mut text = format!("{}\n", label(&header).trim_end());
    for it in &part.measurements {
        text.push_str(&heading(it));
        for line in picture.by_ref().take(it.responses.len()) {
            text.extend([line, "\n"]);
        }
    }
    // The axis of time.
    text.extend(picture.flat_map(|line| [line, "\n"]));
    text
}

fn heading(it: &Measurement) -> String {
    format!("{}\n", it.contender)
}

fn cells(response: &Response, unit: Unit) -> [String; 6] {
    let time = |ns: u64| unit.format(ns as f64);
    [
        response.request.to_string(),
        response.pid.to_string(),
        response.thread_id.to_string(),
        time(response.work_began_ns()),
        time(response.finished_ns()),
        time(response.response_ns),
    ]
}

fn spans(response: &Response) -> Vec<Span> {
    let began_ns = response.work_began_ns();
    let span = |sign, start_ns, end_ns| Span {
        sign,
        start_ns,
        end_ns,
    };
    vec![
        span(WAITS, response.sent_ns, began_ns),
        span(SERVED, began_ns, response.finished_ns()),
    ]
}
