//! Which server is asked, on standard error: a line that moves, or one for each if it is no terminal.

use crate::failure::note;
use indicatif::{ProgressBar, ProgressStyle};
use millicore_lab::concurrency::{Plan, Progress};

pub(super) struct ProgressLine {
    bar: ProgressBar,
    repeats: usize,
}

impl ProgressLine {
    pub(super) fn new(plan: &Plan) -> Self {
        Self {
            bar: ProgressBar::new(plan.rounds() as u64).with_style(style()),
            repeats: plan.repeats,
        }
    }

    pub(super) fn show(&self, progress: Progress) {
        let process = progress.pid.map(|pid| format!(", process {pid}"));
        let line = format!(
            "{}: {}, repeat {} of {}{}",
            progress.part.kind.name(),
            progress.contender,
            progress.repeat,
            self.repeats,
            process.unwrap_or_default(),
        );
        if self.bar.is_hidden() {
            note(line);
        } else {
            self.bar.set_position(progress.rounds_done as u64);
            self.bar.set_message(line);
        }
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
