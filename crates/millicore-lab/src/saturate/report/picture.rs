//! A picture of what was received: a bar for each case, from nothing to the limit.

use crate::saturate::report::{CaseReport, Report};

/// How long a bar is.
const BAR: usize = 50;

impl Report {
    /// A line for each case: `#` up to what the group with the least received, `=` up to the one
    /// with the most, `|` at the fair share.
    pub(super) fn picture(&self) -> String {
        let names: Vec<String> = self.cases.iter().map(|it| it.case().to_string()).collect();
        let widths = names.iter().map(|it| it.chars().count());
        let width = widths.max().unwrap_or(0);
        let mut picture =
            "received, of the limit: # by every group, = by some; | the fair share\n".to_owned();
        for (name, report) in names.iter().zip(&self.cases) {
            let limit = format!("{}m", report.case().limit.get());
            picture += &format!("{name:width$}  [{}] {limit}\n", bar(report));
        }
        picture
    }
}

fn bar(report: &CaseReport) -> String {
    let limit_m = f64::from(report.case().limit.get());
    let least_m = report
        .received_m
        .iter()
        .copied()
        .fold(f64::INFINITY, f64::min);
    let most_m = report.received_m.iter().copied().fold(0.0, f64::max);
    let fair_m = report.fair_m.first().copied().unwrap_or(0.0);
    let fair_step = step_of(fair_m, limit_m);
    let sign = |step: usize| {
        // What is in the middle of a step decides for it.
        let middle_m = (step as f64 + 0.5) / BAR as f64 * limit_m;
        if step == fair_step {
            '|'
        } else if middle_m <= least_m {
            '#'
        } else if middle_m <= most_m {
            '='
        } else {
            '.'
        }
    };
    (0..BAR).map(sign).collect()
}

/// In which step of the bar an amount ends.
fn step_of(amount_m: f64, limit_m: f64) -> usize {
    let is_before = |step: &usize| (*step as f64 + 1.0) / (BAR as f64) < amount_m / limit_m - 1e-9;
    (0..BAR - 1).take_while(is_before).count()
}

#[cfg(test)]
mod tests {
    use super::step_of;

    #[test]
    fn an_amount_ends_in_a_step() {
        let check = |amount_m, expected| assert_eq!(step_of(amount_m, 100.0), expected);
        check(0.0, 0);
        check(2.0, 0);
        check(50.0, 24);
        check(51.0, 25);
        check(100.0, 49);
        check(140.0, 49);
    }
}
