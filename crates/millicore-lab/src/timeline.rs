//! A timeline as a picture: a row for each core or process, a character for each step of time.

use std::collections::BTreeMap;
use std::fmt::Write;

/// A row of the picture.
#[derive(Clone, Debug)]
pub(crate) struct Row<'a> {
    /// What stands at its beginning, to the left.
    pub(crate) name: &'a str,
    /// What follows it, up to the frame.
    pub(crate) label: String,
    /// What is drawn in it.
    pub(crate) spans: Vec<Span>,
}

/// A stretch of time in a row, and the character for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) sign: char,
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
}

/// How far a time may reach beyond the frame.
const OVERHANG: usize = 2;

/// The character for a time in which nothing is.
const IDLE: char = '.';

/// Draws the rows one below the other on one axis of time, at most `width` characters wide.
pub(crate) fn draw(rows: &[Row<'_>], width: usize) -> String {
    let lead = rows.iter().map(lead).max().unwrap_or(0);
    // The frame, and room to the right of it for the time below its edge.
    let columns = width.saturating_sub(lead + 2 + OVERHANG).max(1);
    let ends_ns = rows
        .iter()
        .flat_map(|row| &row.spans)
        .map(|span| span.end_ns);
    let longest_ns = ends_ns.max().unwrap_or(0).max(1);
    let step_ns = longest_ns.div_ceil(columns as u64);
    let mut picture = String::new();
    for row in rows {
        let gap = " ".repeat(lead - self::lead(row));
        let steps = steps(&row.spans, columns, step_ns);
        // Writing to a string does not fail.
        let _ = writeln!(picture, "{}{gap}{}|{steps}|", row.name, row.label);
    }
    for line in axis(columns, step_ns) {
        let _ = writeln!(picture, "{}{}", " ".repeat(lead), line.trim_end());
    }
    picture
}

fn lead(row: &Row<'_>) -> usize {
    row.name.chars().count() + row.label.chars().count()
}

/// Shows in each step one of those that are in it, so that over a few steps each is shown as long
/// as it was there: what was there and was not shown counts in the next step.
fn steps(spans: &[Span], columns: usize, step_ns: u64) -> String {
    let mut shares = vec![BTreeMap::<char, u64>::new(); columns];
    for span in spans {
        spread(span, step_ns, &mut shares);
    }
    let mut unshown_ns = BTreeMap::<char, i128>::new();
    let show = |share: BTreeMap<char, u64>| {
        let used_ns: u64 = share.values().sum();
        let idle_ns = step_ns.saturating_sub(used_ns);
        let all = [(IDLE, idle_ns)].into_iter().chain(share);
        let present: Vec<(char, u64)> = all.filter(|&(_, ns)| ns > 0).collect();
        for &(sign, ns) in &present {
            *unshown_ns.entry(sign).or_default() += i128::from(ns);
        }
        let waiting_ns = |sign: char| unshown_ns.get(&sign).copied().unwrap_or(0);
        let signs = present.iter().map(|&(sign, _)| sign).rev();
        let shown = signs.max_by_key(|&sign| waiting_ns(sign)).unwrap_or(IDLE);
        *unshown_ns.entry(shown).or_default() -= i128::from(step_ns);
        shown
    };
    shares.into_iter().map(show).collect()
}

/// Adds a span to the steps that it covers.
fn spread(span: &Span, step_ns: u64, shares: &mut [BTreeMap<char, u64>]) {
    let mut begin_ns = span.start_ns;
    while begin_ns < span.end_ns {
        let step = begin_ns / step_ns;
        let end_ns = span.end_ns.min((step + 1) * step_ns);
        let share = usize::try_from(step)
            .ok()
            .and_then(|step| shares.get_mut(step));
        let Some(share) = share else {
            return;
        };
        *share.entry(span.sign).or_default() += end_ns - begin_ns;
        begin_ns = end_ns;
    }
}

/// A ruler, and the times below its marks.
fn axis(columns: usize, step_ns: u64) -> [String; 2] {
    /// Between two marks at the least, so that a time fits below each.
    const COLUMNS_PER_MARK: u64 = 9;
    let mark_ns = round_number(step_ns.saturating_mul(COLUMNS_PER_MARK));
    let mut ruler = vec!['-'; columns + 2];
    // Below the frame there is nothing, unless a mark falls on it.
    ruler[0] = ' ';
    ruler[columns + 1] = ' ';
    let mut times = String::new();
    for mark in 0.. {
        let at_ns = mark_ns.saturating_mul(mark);
        let label = time_label(at_ns, mark_ns);
        let column = usize::try_from(at_ns / step_ns).unwrap_or(usize::MAX);
        if column > columns || column + label.len() > columns + 1 + OVERHANG {
            break;
        }
        ruler[column + 1] = '+';
        times.push_str(&" ".repeat(column + 1 - times.len()));
        times.push_str(&label);
    }
    [ruler.into_iter().collect(), times]
}

/// The least of 1, 2, 5, 10, 20, 50, ... that is not below.
fn round_number(least: u64) -> u64 {
    let mut power: u64 = 1;
    loop {
        for digit in [1, 2, 5] {
            match power.checked_mul(digit) {
                Some(number) if number < least => {}
                Some(number) => return number,
                None => return u64::MAX,
            }
        }
        power = power.saturating_mul(10);
    }
}

/// Seconds with as many decimals as the distance of the marks has; the first names the unit.
fn time_label(at_ns: u64, mark_ns: u64) -> String {
    let (unit_ns, unit) = match mark_ns {
        0..100_000 => (1_000, "us"),
        100_000..100_000_000 => (1_000_000, "ms"),
        _ => (1_000_000_000, "s"),
    };
    let decimals = usize::from(mark_ns < unit_ns);
    let value = at_ns as f64 / unit_ns as f64;
    if at_ns == 0 {
        format!("0 {unit}")
    } else {
        format!("{value:.decimals$}")
    }
}

#[cfg(test)]
mod tests {
    use super::round_number;

    #[test]
    fn marks_stand_at_round_numbers() {
        let check = |least, expected| assert_eq!(round_number(least), expected);
        check(0, 1);
        check(1, 1);
        check(3, 5);
        check(6, 10);
        check(11, 20);
        check(500, 500);
        check(501, 1000);
        check(u64::MAX, u64::MAX);
    }
}
