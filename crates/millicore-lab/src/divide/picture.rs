//! Which request each core worked on, as a picture: a row for each policy and core.

use crate::divide::recording::Stay;
use crate::timeline::{self, Row, Span};

/// One policy's part of the picture.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part<'a> {
    pub(crate) name: &'a str,
    pub(crate) stays: &'a [Stay],
}

/// Draws the parts one below the other on one axis of time, at most `width` characters wide.
pub(crate) fn draw(parts: &[Part<'_>], cores: usize, width: usize) -> String {
    let rows: Vec<Row<'_>> = parts
        .iter()
        .flat_map(|part| (0..cores).map(|core| row(part, core)))
        .collect();
    timeline::draw(&rows, width)
}

fn row<'a>(part: &Part<'a>, core: usize) -> Row<'a> {
    let stays = part.stays.iter().filter(|stay| stay.core == core);
    let span = |stay: &Stay| Span {
        sign: letter(stay.request),
        start_ns: stay.start_ns,
        end_ns: stay.end_ns,
    };
    Row {
        name: if core == 0 { part.name } else { "" },
        label: format!("  core {core} "),
        spans: stays.map(span).collect(),
    }
}

/// The character that stands for a request, counted from 1.
fn letter(request: usize) -> char {
    let letters = ('1'..='9').chain('a'..='z').chain('A'..='Z');
    letters.into_iter().nth(request - 1).unwrap_or('#')
}

/// How many requests have a character of their own.
pub(crate) const LETTERS: usize = 9 + 26 + 26;

#[cfg(test)]
mod tests;
