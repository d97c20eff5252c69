//! What every benchmark prints: the machine, its tables, and how busy the machine was meanwhile.

mod machine;
mod table;

pub(crate) use table::Table;

use machine::Moment;

/// A benchmark's report, from its first line to its last.
#[derive(Debug)]
pub(crate) struct Report {
    opened: Moment,
}

impl Report {
    /// Says what is measured, and on which machine.
    pub(crate) fn open(title: &str) -> Self {
        println!("{title}");
        println!("{}", machine::description());
        Self {
            opened: Moment::now(),
        }
    }

    /// Prints a table under a heading.
    pub(crate) fn show(&self, heading: &str, table: &Table) {
        println!("\n{heading}\n{table}");
    }

    /// Says how busy the machine was since the report was opened.
    pub(crate) fn close(self) {
        println!("{}", self.opened.until_now());
    }
}

/// The two cells of a bar: what was asked for, and whether it holds.
pub(crate) fn bar(asked: &str, holds: bool) -> [String; 2] {
    let verdict = if holds { "holds" } else { "MISSED" };
    [asked.to_owned(), verdict.to_owned()]
}
