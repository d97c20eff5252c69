//! The house rules as a test: each offence says where it is, which rule it breaks and what to do.
//!
//! One rule a file. A rule reads the [`Tree`] and answers with offences; it never prints, never
//! touches the disk, and is seen to fail once in its own tests.

// What the rules read.
mod manifest;
mod rust_source;
mod tree;

// The rules, in the order in which they report.
mod arrows;
mod changelog;
mod first_lines;
mod leftovers;
mod lengths;
mod map;
mod module_names;
mod outside_crates;
mod sleeping_tests;
mod walls;
mod workplace_paths;

use std::fmt;
use std::path::Path;
use std::process::ExitCode;

use crate::tidy::tree::Tree;

/// One broken rule at one place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Offence {
    pub(crate) path: String,
    /// Counted from 1.
    pub(crate) line: usize,
    /// The rule and what to do, in one sentence.
    pub(crate) says: String,
}

type Rule = fn(&Tree) -> Vec<Offence>;

/// The name of a rule is the name of its file.
const RULES: [(&str, Rule); 11] = [
    ("arrows", arrows::check),
    ("changelog", changelog::check),
    ("first_lines", first_lines::check),
    ("leftovers", leftovers::check),
    ("lengths", lengths::check),
    ("map", map::check),
    ("module_names", module_names::check),
    ("outside_crates", outside_crates::check),
    ("sleeping_tests", sleeping_tests::check),
    ("walls", walls::check),
    ("workplace_paths", workplace_paths::check),
];

/// `cargo xtask tidy`: reports on standard output and answers with the exit status.
pub(crate) fn run(repository: &Path) -> ExitCode {
    match report(repository) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("tidy: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// Prints every offence; an error says how many there were, or why the tree could not be read.
pub(crate) fn report(repository: &Path) -> Result<(), String> {
    let tree = Tree::read(repository).map_err(|error| error.to_string())?;
    let offences = offences(&tree);
    for offence in &offences {
        println!("{offence}");
    }
    if offences.is_empty() {
        println!("{} rules hold in {} files", RULES.len(), tree.files().len());
        return Ok(());
    }
    Err(format!(
        "offences: {}, each explained above",
        offences.len()
    ))
}

fn offences(tree: &Tree) -> Vec<Offence> {
    let mut offences = Vec::new();
    for (name, check) in RULES {
        offences.extend(check(tree).into_iter().map(|mut offence| {
            offence.says = format!("{} [{name}]", offence.says);
            offence
        }));
    }
    offences.sort();
    offences
}

impl Offence {
    pub(crate) fn new(path: &str, line: usize, says: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line,
            says: says.into(),
        }
    }
}

impl fmt::Display for Offence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.path, self.line, self.says)
    }
}

#[cfg(test)]
mod tests;
