//! Plain text for a terminal: columns that line up, lines that end before the edge, plurals, units.

use std::error::Error;
use std::fmt::Write;

/// How wide a terminal is taken to be.
pub(crate) const WIDTH: usize = 80;

/// Lines up the cells of rows, two spaces between; the first `left` columns to the left, the
/// others to the right.
pub(crate) fn align(rows: &[Vec<String>], left: usize) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let cells_of = |column: usize| rows.iter().filter_map(move |row| row.get(column));
    let width_of = |column| cells_of(column).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|it| width_of(it).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
            let gap = if column == 0 { "" } else { "  " };
            // Writing to a string does not fail.
            let _ = if column < left {
                write!(line, "{gap}{cell:<width$}")
            } else {
                write!(line, "{gap}{cell:>width$}")
            };
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Breaks a text between words so that no line is longer than `width`, if its words let it. The
/// first line begins with `lead`, the others are indented by as much.
pub(crate) fn wrap(lead: &str, text: &str, width: usize) -> String {
    let indent = " ".repeat(lead.chars().count());
    let mut lines = vec![lead.to_owned()];
    let mut is_fresh = true;
    // A number keeps its unit.
    let text = text.replace(" %", "\u{a0}%");
    for word in text.split_ascii_whitespace() {
        let used = lines.last().map_or(0, |line| line.chars().count());
        if !is_fresh && used + 1 + word.chars().count() > width {
            lines.push(indent.clone());
            is_fresh = true;
        }
        if let Some(line) = lines.last_mut() {
            let gap = if is_fresh { "" } else { " " };
            line.extend([gap, word]);
        }
        is_fresh = false;
    }
    lines
        .iter()
        .fold(String::new(), |all, line| all + line.trim_end() + "\n")
        .replace('\u{a0}', " ")
}

/// `1 core`, `2 cores`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// What an error says, and what each of its sources says.
pub(crate) fn with_sources(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        // Writing to a string does not fail.
        let _ = write!(text, ": {error}");
        source = error.source();
    }
    text
}

/// The unit of all times in one report.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unit {
    pub(crate) name: &'static str,
    ns: f64,
    decimals: usize,
}

impl Unit {
    /// Three decimals of a second, or two of a millisecond where all is shorter than a second.
    pub(crate) fn for_times_to(longest_ns: f64) -> Self {
        let (name, ns, decimals) = if longest_ns >= 1e9 {
            ("s", 1e9, 3)
        } else {
            ("ms", 1e6, 2)
        };
        Self { name, ns, decimals }
    }

    pub(crate) fn format(self, ns: f64) -> String {
        format!("{:.*}", self.decimals, ns / self.ns)
    }
}

#[cfg(test)]
mod tests {
    use super::{align, wrap};

    #[test]
    fn columns_line_up() {
        let rows = [
            ["policy", "order", "mean"],
            ["fifo", "earliest", "1.25"],
            ["é", "", "2"],
        ];
        let rows = rows.map(|row| row.map(str::to_owned).to_vec());
        let expected = "policy  order     mean\nfifo    earliest  1.25\né                    2\n";
        assert_eq!(align(&rows, 2), expected);
        assert_eq!(align(&[], 2), "");
    }

    #[test]
    fn lines_break_between_words() {
        let check = |lead, text, width, expected| assert_eq!(wrap(lead, text, width), expected);
        check("", "one two three", 7, "one two\nthree\n");
        check("> ", "one two three", 7, "> one\n  two\n  three\n");
        check("name  ", "extraordinary", 5, "name  extraordinary\n");
        check("name  ", "", 80, "name\n");
        check("", "by 5 % or more", 4, "by\n5 %\nor\nmore\n");
    }
}
