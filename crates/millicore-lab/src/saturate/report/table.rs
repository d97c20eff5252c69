//! The report as text of eighty columns, for people.

use crate::machine::describe;
use crate::median::median;
use crate::saturate::report::{CaseReport, Report};
use crate::saturate::staircase::{Staircase, Step};
use crate::text::{WIDTH, align, count, wrap};
use millicore_sim::duration::Display as Length;

impl Report {
    /// The machine, what was received, how long was waited, a picture, the staircase, and what to
    /// know of it.
    #[must_use]
    pub fn to_table(&self) -> String {
        let run = vec![("place", format!("{}, by {}", self.place, self.kept_by))];
        let machine = describe(&self.machine, &self.watched, run, WIDTH);
        let mut paragraphs = vec![machine];
        if !self.cases.is_empty() {
            paragraphs.push(self.received());
            paragraphs.push(self.waited());
            paragraphs.push(self.picture());
        }
        paragraphs.extend(self.staircase.as_ref().map(stairs));
        let notes = self.notes().join(" ");
        paragraphs.extend((!notes.is_empty()).then(|| wrap("", &notes, WIDTH)));
        paragraphs.join("\n")
    }

    fn received(&self) -> String {
        let header = [
            "millicores",
            "fair",
            "least",
            "median",
            "most",
            "all",
            "counted",
            "used",
            "Jain",
        ];
        let rows = self.cases.iter().map(received_row);
        let legend = "counted: by the kernel, in all groups; used: of what the machine and the \
                      limits leave for all of them together";
        aligned(&header, rows) + &wrap("", legend, WIDTH)
    }

    fn waited(&self) -> String {
        let header = [
            "waiting",
            "throttled",
            "stall s",
            "request",
            "mean s",
            "p99 s",
            "switches/s",
            "stolen",
        ];
        let rows = self.cases.iter().map(waited_row);
        let text = aligned(&header, rows);
        text + "throttled and mean: of the median group; stall and p99: of the worst\n"
    }
}

fn aligned(header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let header = header.iter().map(|&it| it.to_owned()).collect();
    let rows: Vec<Vec<String>> = [header].into_iter().chain(rows).collect();
    align(&rows, 1)
}

fn received_row(report: &CaseReport) -> Vec<String> {
    let received_m = || report.received_m.iter().copied();
    // What fits below the limits of all and in what there is for them.
    let possible_m: f64 = report.fair_m.iter().sum();
    vec![
        report.case().to_string(),
        millicores(report.fair_m.first().copied().unwrap_or(0.0)),
        millicores(received_m().fold(f64::INFINITY, f64::min)),
        millicores(median(received_m())),
        millicores(received_m().fold(0.0, f64::max)),
        millicores(report.total_m),
        millicores(report.counted_m),
        format!("{:.1} %", 100.0 * report.total_m / possible_m.max(1e-9)),
        format!("{:.3}", report.jain),
    ]
}

fn waited_row(report: &CaseReport) -> Vec<String> {
    let case = report.case();
    let (means_s, p99s_s) = (report.mean_responses_s(), report.p99_responses_s());
    let means_s: Vec<f64> = means_s.into_iter().flatten().collect();
    let worst_s = p99s_s.into_iter().flatten().reduce(f64::max);
    let stall_s = report.longest_stall_s.iter().copied().fold(0.0, f64::max);
    let window_s = case.window_ns as f64 / 1e9;
    let switches = report.switches().map(|it| it as f64 / window_s);
    let stolen = report.result.meanwhile.cpu_use.map(|it| it.steal_percent);
    let seconds = |it: Option<f64>| it.map_or_else(|| "-".to_owned(), |it| format!("{it:.3}"));
    vec![
        case.to_string(),
        format!(
            "{:.0} %",
            100.0 * median(report.throttled_ratio.iter().copied())
        ),
        format!("{stall_s:.3}"),
        Length(case.request_ns).to_string(),
        seconds((!means_s.is_empty()).then(|| median(means_s.iter().copied()))),
        seconds(worst_s),
        switches.map_or_else(|| "-".to_owned(), |it| format!("{it:.0}")),
        stolen.map_or_else(|| "-".to_owned(), |it| format!("{it:.1} %")),
    ]
}

fn millicores(amount_m: f64) -> String {
    if amount_m < 100.0 {
        format!("{amount_m:.2}")
    } else {
        format!("{amount_m:.1}")
    }
}

fn stairs(staircase: &Staircase) -> String {
    let title = format!(
        "{} of {} at once under {}m, medians of {}; the tick is {:.0}ms\n",
        count(staircase.requests, "request"),
        Length(staircase.size_ns),
        staircase.bandwidth.limit().get(),
        staircase.repeats,
        1000.0 * staircase.tick_s
    );
    let header = [
        "workers",
        "mean s",
        "predicted",
        "differs",
        "last s",
        "predicted",
        "stall s",
        "throttled",
    ];
    let row = |step: &Step| {
        let (differs, _) = step.differences_percent();
        vec![
            step.workers.to_string(),
            format!("{:.3}", step.mean_s),
            format!("{:.3}", step.predicted_mean_s),
            format!("{differs:+.1} %"),
            format!("{:.3}", step.max_s),
            format!("{:.3}", step.predicted_max_s),
            format!("{:.3}", step.longest_stall_s),
            format!("{:.0} %", 100.0 * step.counters.throttled_ratio()),
        ]
    };
    title + &aligned(&header, staircase.steps.iter().map(row))
}
