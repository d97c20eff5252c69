//! The line on standard error that tells how far a run is; none if it is not a terminal.

use indicatif::{ProgressBar, ProgressStyle};
use millicore_lab::load::Progress;

pub(super) struct ProgressLine {
    bar: ProgressBar,
}

/// A bar has as many parts, whether requests or time are counted.
const PARTS: u64 = 1000;
/// A run that is over by then needs no line.
const SHORT_NS: u64 = 500_000_000;

impl ProgressLine {
    pub(super) fn new() -> Self {
        Self {
            bar: ProgressBar::new(PARTS).with_style(style()),
        }
    }

    pub(super) fn show(&self, progress: Progress) {
        if progress.elapsed_ns < SHORT_NS {
            return;
        }
        self.bar.set_position(parts(progress));
        self.bar.set_message(format!(
            "{} done, {} failed, {} under way, {} s",
            progress.ended,
            progress.ended - progress.ok,
            progress.started - progress.ended,
            progress.elapsed_ns / 1_000_000_000,
        ));
    }

    /// Clears the line, to make room for the report.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// How much is done, by requests or by time, whichever is more.
fn parts(progress: Progress) -> u64 {
    let share = |done: u64, all: Option<u64>| {
        let all = u128::from(all.unwrap_or(u64::MAX).max(1));
        let parts = u128::from(done) * u128::from(PARTS) / all;
        u64::try_from(parts).unwrap_or(PARTS).min(PARTS)
    };
    let of_requests = share(progress.ended, progress.asked);
    of_requests.max(share(progress.elapsed_ns, progress.duration_ns))
}

fn style() -> ProgressStyle {
    // The default shows a bar all the same, if ever the template were wrong.
    ProgressStyle::with_template("[{bar:30}] {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

#[cfg(test)]
mod tests {
    use super::{PARTS, parts};
    use millicore_lab::load::Progress;

    #[test]
    fn what_is_nearer_to_its_end_counts() {
        let check = |asked, duration_ns, expected| {
            let progress = Progress {
                asked,
                duration_ns,
                started: 60,
                ended: 50,
                ok: 50,
                elapsed_ns: 25,
            };
            assert_eq!(parts(progress), expected);
        };
        check(Some(100), None, 500);
        check(None, Some(100), 250);
        check(Some(1000), Some(100), 250);
        check(None, Some(10), PARTS);
    }
}
