//! The timeline as a picture: a row for each core, a character for each step of time.

use crate::divide::recording::Stay;
use std::collections::BTreeMap;
use std::fmt::Write;

/// One policy's part of the picture.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part<'a> {
    pub(crate) name: &'a str,
    pub(crate) stays: &'a [Stay],
}

/// How far a time may reach beyond the frame.
const OVERHANG: usize = 2;

/// The character for a core that works on nothing.
const IDLE: char = '.';

/// Draws the parts one below the other on one axis of time, at most `width` characters wide.
pub(crate) fn draw(parts: &[Part<'_>], cores: usize, width: usize) -> String {
    let lead = parts
        .iter()
        .map(|part| lead(part.name, cores.saturating_sub(1)).len())
        .max()
        .unwrap_or(0);
    // The frame, and room to the right of it for the time below its edge.
    let columns = width.saturating_sub(lead + 2 + OVERHANG).max(1);
    let ends_ns = parts
        .iter()
        .flat_map(|part| part.stays)
        .map(|stay| stay.end_ns);
    let longest_ns = ends_ns.max().unwrap_or(0).max(1);
    let step_ns = longest_ns.div_ceil(columns as u64);
    let mut picture = String::new();
    for part in parts {
        for core in 0..cores {
            let name = if core == 0 { part.name } else { "" };
            let row = row(part.stays, core, columns, step_ns);
            let core_of = self::lead(name, core);
            let padding = lead - core_of.len();
            let (name, number) = core_of.split_at(name.len());
            // Writing to a string does not fail.
            let _ = writeln!(picture, "{name}{}{number}|{row}|", " ".repeat(padding));
        }
    }
    for line in axis(columns, step_ns) {
        let _ = writeln!(picture, "{}{}", " ".repeat(lead), line.trim_end());
    }
    picture
}

fn lead(name: &str, core: usize) -> String {
    format!("{name}  core {core} ")
}

/// The character that stands for a request, counted from 1.
fn letter(request: usize) -> char {
    let letters = ('1'..='9').chain('a'..='z').chain('A'..='Z');
    letters.into_iter().nth(request - 1).unwrap_or('#')
}

/// How many requests have a character of their own.
pub(crate) const LETTERS: usize = 9 + 26 + 26;

/// Shows in each step one of those that had the core in it, so that over a few steps each is shown
/// as often as it had the core: what it had and was not shown for counts in the next step.
fn row(stays: &[Stay], core: usize, columns: usize, step_ns: u64) -> String {
    let mut shares = vec![BTreeMap::<usize, u64>::new(); columns];
    for stay in stays.iter().filter(|stay| stay.core == core) {
        spread(stay, step_ns, &mut shares);
    }
    let mut unshown_ns = BTreeMap::<usize, i128>::new();
    let show = |share: BTreeMap<usize, u64>| {
        let worked_ns: u64 = share.values().sum();
        let idle_ns = step_ns.saturating_sub(worked_ns);
        let all = share.into_iter().chain([(NOBODY, idle_ns)]);
        let present: Vec<(usize, u64)> = all.filter(|&(_, ns)| ns > 0).collect();
        for &(owner, ns) in &present {
            *unshown_ns.entry(owner).or_default() += i128::from(ns);
        }
        let waiting_ns = |owner: usize| unshown_ns.get(&owner).copied().unwrap_or(0);
        let owners = present.iter().map(|&(owner, _)| owner).rev();
        let shown = owners
            .max_by_key(|&owner| waiting_ns(owner))
            .unwrap_or(NOBODY);
        *unshown_ns.entry(shown).or_default() -= i128::from(step_ns);
        if shown == NOBODY { IDLE } else { letter(shown) }
    };
    shares.into_iter().map(show).collect()
}

/// Owns the time in which a core is idle; requests are counted from 1.
const NOBODY: usize = 0;

/// Adds a stay to the steps that it covers.
fn spread(stay: &Stay, step_ns: u64, shares: &mut [BTreeMap<usize, u64>]) {
    let mut begin_ns = stay.start_ns;
    while begin_ns < stay.end_ns {
        let step = begin_ns / step_ns;
        let end_ns = stay.end_ns.min((step + 1) * step_ns);
        let share = usize::try_from(step)
            .ok()
            .and_then(|step| shares.get_mut(step));
        let Some(share) = share else {
            return;
        };
        *share.entry(stay.request).or_default() += end_ns - begin_ns;
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
mod tests;
