//! Which case runs, on standard error: a line that moves, or one for each if it is no terminal.

use crate::failure::note;
use indicatif::{ProgressBar, ProgressStyle};
use millicore_lab::saturate::{Plan, Progress};

pub(super) struct ProgressLine {
    bar: ProgressBar,
}

impl ProgressLine {
    pub(super) fn new(plan: &Plan) -> Self {
        let parts = plan.cases.len() + usize::from(plan.has_staircase);
        Self {
            bar: ProgressBar::new(parts as u64).with_style(style()),
        }
    }

    pub(super) fn show(&self, progress: Progress) {
        let line = match progress {
            Progress::Starting(case) => format!("{case}: starting"),
            Progress::Burning(case) => {
                self.bar.inc(1);
                format!("{case}: burning")
            }
            Progress::Staircase { workers, repeat } => {
                format!("staircase: {workers} of its workers, repeat {repeat}")
            }
        };
        if self.bar.is_hidden() {
            note(line);
        } else {
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
