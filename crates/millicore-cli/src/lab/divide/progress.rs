//! The line on standard error that tells how far an experiment is; none if it is not a terminal.

use indicatif::{ProgressBar, ProgressStyle};
use millicore_lab::divide::{Plan, Progress};
use std::time::{Duration, Instant};

pub(super) struct ProgressLine {
    bar: ProgressBar,
    began: Instant,
    rounds: usize,
    repeats: usize,
    round_time: Duration,
}

impl ProgressLine {
    /// For a plan that takes about so long.
    pub(super) fn new(plan: &Plan, run_time_ns: u64) -> Self {
        let rounds = plan.rounds();
        let run_time = Duration::from_nanos(run_time_ns);
        let line = Self {
            bar: ProgressBar::new(rounds as u64).with_style(style()),
            began: Instant::now(),
            rounds,
            repeats: plan.repeats,
            round_time: run_time / u32::try_from(rounds).unwrap_or(u32::MAX).max(1),
        };
        line.bar.set_message("calibrating with all cores busy");
        line.bar.tick();
        line
    }

    pub(super) fn show(&self, progress: Progress) {
        let done = u32::try_from(progress.rounds_done).unwrap_or(u32::MAX);
        let all = u32::try_from(self.rounds).unwrap_or(u32::MAX);
        let elapsed = self.began.elapsed();
        // What was measured is better than what was expected.
        let round_time = elapsed.checked_div(done).unwrap_or(self.round_time);
        let left = round_time.saturating_mul(all.saturating_sub(done));
        self.bar.set_position(progress.rounds_done as u64);
        self.bar.set_message(format!(
            "{}, repeat {} of {}, {} s so far, {} s left",
            progress.policy,
            progress.repeat,
            self.repeats,
            elapsed.as_secs(),
            left.as_secs(),
        ));
    }

    /// Clears the line, to make room for the report.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

fn style() -> ProgressStyle {
    // The default shows a bar all the same, if ever the template were wrong.
    ProgressStyle::with_template("[{bar:30}] {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}
