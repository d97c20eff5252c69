//! The simulation as a table, JSON and CSV.

use crate::fork::simulation::{Article, SimulatedRound, Simulation};
use crate::text::{Unit, WIDTH, align, count, wrap};
use millicore_sim::duration::Display as Length;
use serde::Serialize;
use std::fmt::Write;
use std::time::Duration;

impl Simulation {
    /// A row for each round, and what its last one means.
    #[must_use]
    pub fn to_table(&self) -> String {
        let title = format!(
            "{} of doubling processes on {}, {} for one alone: simulated",
            count(self.plan.rounds as usize, "round"),
            count(self.plan.cores, "core"),
            Length(self.plan.one_ns),
        );
        let mut paragraphs = vec![wrap("", &title, WIDTH), self.table()];
        paragraphs.extend(
            self.rounds
                .last()
                .map(|last| wrap("", &self.meaning(last), WIDTH)),
        );
        let article = self.article.map(|article| self.comparison(article));
        paragraphs.extend(article.map(|text| wrap("", &text, WIDTH)));
        paragraphs.join("\n")
    }

    fn table(&self) -> String {
        let longest = self.rounds.iter().map(|round| round.bounds.whole_ns).max();
        let unit = Unit::for_times_to(longest.unwrap_or(0) as f64);
        let mut header = vec![
            "round".to_owned(),
            "processes".to_owned(),
            format!("perfect {}", unit.name),
            "whole".to_owned(),
            "fair/one".to_owned(),
            "fifo".to_owned(),
        ];
        header.extend(self.article.map(|_| "article".to_owned()));
        let mut rows = vec![header];
        for (index, round) in self.rounds.iter().enumerate() {
            let took_ns = self
                .article
                .and_then(|article| article.took_ns.get(index).copied());
            let times = [
                round.bounds.perfect_ns,
                round.bounds.whole_ns,
                round.prediction.fair_ns,
                round.prediction.fifo_ns,
            ];
            let times = times.into_iter().chain(took_ns);
            let numbers = [round.round.to_string(), round.members.to_string()];
            let cells = numbers
                .into_iter()
                .chain(times.map(|ns| unit.format(ns as f64)));
            rows.push(cells.collect());
        }
        align(&rows, 0)
    }

    fn meaning(&self, last: &SimulatedRound) -> String {
        let overhead = match self.plan.slicing.overhead_ns {
            0 => " and no overhead".to_owned(),
            overhead_ns => format!(
                ", each {} longer where there are more processes than cores,",
                Length(overhead_ns)
            ),
        };
        format!(
            "Round {}: {} take {} if they share the cores perfectly and {} in whole rounds. A fair \
             scheduler with slices of {}{overhead} takes {}.",
            last.round,
            processes(last.members),
            Length(last.bounds.perfect_ns),
            Length(last.bounds.whole_ns),
            Length(self.plan.slicing.slice_ns),
            Length(last.prediction.fair_ns),
        )
    }

    fn comparison(&self, article: Article) -> String {
        let overhead = Duration::from_nanos(self.plan.slicing.slice_ns).mul_f64(article.lost_share);
        format!(
            "The article measured {}, {:.1} % of the way from the one to the other and {:.1} % \
             longer than perfect sharing, as if each slice of {} had an overhead of {}.",
            Length(article.took_ns.last().copied().unwrap_or(0)),
            article.way_percent,
            100.0 * article.lost_share,
            Length(self.plan.slicing.slice_ns),
            Length(u64::try_from(overhead.as_nanos()).unwrap_or(u64::MAX)),
        )
    }

    /// One row for each round, in seconds; what the article measured is empty in any other case.
    #[must_use]
    pub fn to_csv(&self) -> String {
        let mut csv =
            "round,processes,perfect_sharing_s,whole_rounds_s,fair_s,fifo_s,article_s\n".to_owned();
        for (index, round) in self.rounds.iter().enumerate() {
            let seconds = |ns: u64| format!("{:.9}", ns as f64 / 1e9);
            let article = self
                .article
                .and_then(|article| article.took_ns.get(index).copied());
            // Writing to a string does not fail.
            let _ = writeln!(
                csv,
                "{},{},{},{},{},{},{}",
                round.round,
                round.members,
                seconds(round.bounds.perfect_ns),
                seconds(round.bounds.whole_ns),
                seconds(round.prediction.fair_ns),
                seconds(round.prediction.fifo_ns),
                article.map_or_else(String::new, seconds),
            );
        }
        csv
    }

    /// One JSON object; times are in seconds.
    ///
    /// # Errors
    ///
    /// None that is known: every field is a number, a text or a list of them.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(&Document::new(self))
    }
}

fn processes(number: usize) -> String {
    let noun = if number == 1 { "process" } else { "processes" };
    format!("{number} {noun}")
}

/// The number of the shape below: it grows when a key changes its meaning or goes.
const SCHEMA: u32 = 1;

#[derive(Serialize)]
struct Document {
    schema: u32,
    simulated: bool,
    doublings: u32,
    cores: usize,
    one_s: f64,
    slice_s: f64,
    overhead_s: f64,
    rounds: Vec<Round>,
    article: Option<ArticleResult>,
}

#[derive(Serialize)]
struct Round {
    round: u32,
    processes: usize,
    perfect_sharing_s: f64,
    whole_rounds_s: f64,
    predicted_fair_s: f64,
    predicted_fifo_s: f64,
}

#[derive(Serialize)]
struct ArticleResult {
    duration_s: [f64; 4],
    position_percent: f64,
    lost_percent: f64,
}

impl Document {
    fn new(simulation: &Simulation) -> Self {
        let seconds = |ns: u64| ns as f64 / 1e9;
        let round = |round: &SimulatedRound| Round {
            round: round.round,
            processes: round.members,
            perfect_sharing_s: seconds(round.bounds.perfect_ns),
            whole_rounds_s: seconds(round.bounds.whole_ns),
            predicted_fair_s: seconds(round.prediction.fair_ns),
            predicted_fifo_s: seconds(round.prediction.fifo_ns),
        };
        Self {
            schema: SCHEMA,
            simulated: true,
            doublings: simulation.plan.rounds,
            cores: simulation.plan.cores,
            one_s: seconds(simulation.plan.one_ns),
            slice_s: seconds(simulation.plan.slicing.slice_ns),
            overhead_s: seconds(simulation.plan.slicing.overhead_ns),
            rounds: simulation.rounds.iter().map(round).collect(),
            article: simulation.article.map(|article| ArticleResult {
                duration_s: article.took_ns.map(seconds),
                position_percent: article.way_percent,
                lost_percent: 100.0 * article.lost_share,
            }),
        }
    }
}
