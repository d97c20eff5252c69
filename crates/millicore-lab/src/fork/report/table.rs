//! The report as text of eighty columns, for people.

use crate::fork::event::{Event, What};
use crate::fork::measurement::{Doubling, ids};
use crate::fork::plan::{Slicing, With};
use crate::fork::report::{Report, RoundReport, WholeRun};
use crate::machine::describe;
use crate::median::median;
use crate::text::{Unit, WIDTH, align, count, wrap};
use crate::timeline::{self, Row, Span};
use millicore_sim::duration::Display as Length;

/// Less than this is not worth a note, in per cent.
const TRUSTED_PERCENT: f64 = 3.0;

impl Report {
    /// The machine, a row for each round, how long forks took, and a picture of the processes.
    #[must_use]
    pub fn to_table(&self) -> String {
        let work = format!("{}! by the naive product", self.plan.number);
        let paragraphs = [
            wrap("", &self.plan.to_string(), WIDTH),
            describe(&self.machine, &self.watched, vec![("work", work)], WIDTH),
            self.table(),
            wrap("", &self.legend(), WIDTH),
            wrap("", &self.findings(), WIDTH),
            self.picture(),
        ];
        paragraphs.join("\n")
    }

    fn table(&self) -> String {
        let times = self
            .rounds
            .iter()
            .map(|round| round.time.took_ns.max(round.bounds.whole_ns));
        let unit = Unit::for_times_to(times.max().unwrap_or(0) as f64);
        let last = self.rounds.last().map_or(0, |round| round.time.members);
        let header = [
            "round",
            self.plan.with.plural(),
            &format!("took {}", unit.name),
            "x one",
            "perfect",
            "whole",
            "between",
            "fair",
            "CPU",
        ];
        let one_ns = self.one_ns();
        let mut rows = vec![header.map(str::to_owned).to_vec()];
        rows.extend(self.rounds.iter().map(|round| row(round, one_ns, unit)));
        rows.extend(
            self.whole
                .map(|whole| whole_row(&whole, last, one_ns, unit)),
        );
        align(&rows, 0)
    }

    /// What the columns are.
    fn legend(&self) -> String {
        let Slicing {
            slice_ns,
            overhead_ns,
        } = self.plan.slicing;
        let overhead = match overhead_ns {
            0 => "no overhead".to_owned(),
            overhead_ns => format!("an overhead of {}", Length(overhead_ns)),
        };
        format!(
            "perfect: {} shared perfectly, never less than one {} alone; whole: in whole rounds, \
             each to its end; between: from the one (0 %) to the other (100 %); fair: simulated \
             with slices of {} and {overhead}; CPU: of one computation.",
            count(self.plan.cores.get(), "core"),
            self.plan.with.noun(),
            Length(slice_ns),
        )
    }

    /// What was found, and what spoils it.
    fn findings(&self) -> String {
        let sentences = [
            self.overlap(),
            self.latency(),
            self.other_work(),
            self.limit(),
        ];
        sentences
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// Why a round can be outside of its bounds.
    fn overlap(&self) -> Option<String> {
        let sum_ns: u64 = self.rounds.iter().map(|round| round.time.took_ns).sum();
        let overlap_ns = sum_ns.saturating_sub(self.whole?.took_ns);
        (overlap_ns as f64 > 0.01 * sum_ns as f64).then(|| {
            format!(
                "Rounds overlap by {} in all, because nobody waits between them: a round shares \
                 the cores with the one before, and the row of all does not count that twice.",
                Length(overlap_ns)
            )
        })
    }

    fn latency(&self) -> Option<String> {
        let us = |of: fn(&Doubling) -> u64| {
            let all = || self.doublings.iter().map(of);
            let median_us = median(all().map(|ns| ns as f64)) / 1e3;
            let most_us = all().max().unwrap_or(0) as f64 / 1e3;
            format!("{median_us:.0} us (most {most_us:.0})")
        };
        let (act, verb) = match self.plan.with {
            With::Forks => ("fork", "forked"),
            With::Threads => ("start", "started"),
        };
        (!self.doublings.is_empty()).then(|| {
            format!(
                "A {act} took {} until the parent computed again and {} until what it {verb} did: \
                 in the log they begin {} apart.",
                us(|it| it.parent_ns),
                us(|it| it.child_ns),
                us(Doubling::apart_ns),
            )
        })
    }

    /// Notes where the machine had other work, and where that concerns the measure of all.
    fn other_work(&self) -> Option<String> {
        let one = self.rounds.first()?.time;
        let one_share = one.cpu_ns / one.took_ns.max(1) as f64;
        let taken = |share: f64| {
            let percent = 100.0 * (1.0 - share);
            (percent > TRUSTED_PERCENT).then_some(percent)
        };
        let all = taken(self.core_share).map(|percent| {
            format!(
                "Other work took {percent:.0} % of the time of the cores; on a quiet machine all \
                 are done earlier."
            )
        });
        let first = taken(one_share).map(|percent| {
            format!(
                "Other work took {percent:.0} % from the one {} alone, and what is compared with that is \
                 off by as much.",
                self.plan.with.noun()
            )
        });
        let notes: Vec<String> = [all, first].into_iter().flatten().collect();
        (!notes.is_empty()).then(|| notes.join(" "))
    }

    fn limit(&self) -> Option<String> {
        self.plan.is_held_back.then(|| {
            "The CPU limit holds the cores back, which neither the bounds nor the prediction know."
                .to_owned()
        })
    }

    fn picture(&self) -> String {
        let rows: Vec<Row<'_>> = ids(&self.events)
            .into_iter()
            .map(|id| Row {
                name: "",
                label: format!("{id} "),
                spans: spans(&self.events, id),
            })
            .collect();
        let title = format!(
            "which round each {} was in, by its id (. not yet or no more)\n",
            self.plan.with.noun()
        );
        title + &timeline::draw(&rows, WIDTH)
    }
}

fn row(round: &RoundReport, one_ns: u64, unit: Unit) -> Vec<String> {
    let time = |ns: u64| unit.format(ns as f64);
    vec![
        round.time.round.to_string(),
        round.time.members.to_string(),
        time(round.time.took_ns),
        format!("{:.2}", round.time.took_ns as f64 / one_ns.max(1) as f64),
        time(round.bounds.perfect_ns),
        time(round.bounds.whole_ns),
        round
            .position
            .map_or_else(|| "-".to_owned(), |position| position.to_string()),
        time(round.prediction.fair_ns),
        unit.format(round.time.cpu_ns),
    ]
}

fn whole_row(whole: &WholeRun, members: usize, one_ns: u64, unit: Unit) -> Vec<String> {
    let time = |ns: u64| unit.format(ns as f64);
    vec![
        "all".to_owned(),
        members.to_string(),
        time(whole.took_ns),
        format!("{:.2}", whole.took_ns as f64 / one_ns.max(1) as f64),
        time(whole.bounds.perfect_ns),
        time(whole.bounds.whole_ns),
        whole.position.to_string(),
        time(whole.fair_ns),
        "-".to_owned(),
    ]
}

/// When one computed, and in which round.
fn spans(events: &[Event], id: i32) -> Vec<Span> {
    let own = || events.iter().filter(move |event| event.id == id);
    let starts = own().filter(|event| event.what == What::Started);
    let span = |start: &Event| {
        let mut ends = own().filter(|event| matches!(event.what, What::Computed { .. }));
        let end = ends.find(|event| event.round == start.round)?;
        Some(Span {
            sign: char::from_digit(start.round, 10).unwrap_or('#'),
            start_ns: start.at_ns,
            end_ns: end.at_ns,
        })
    };
    starts.filter_map(span).collect()
}
