//! The first line of every Rust file says what the file is for.

use crate::tidy::{Offence, Tree};

/// Shorter than this it repeats the file's name.
const SHORTEST: usize = 20;

pub(crate) fn check(tree: &Tree) -> Vec<Offence> {
    tree.rust_files()
        .filter(|file| !is_sentence(file.text.lines().next().unwrap_or_default()))
        .map(|file| {
            let says = format!(
                "the first line is `//!` and a sentence of at least {SHORTEST} characters: \
                 write what this file is for"
            );
            Offence::new(&file.path, 1, says)
        })
        .collect()
}

fn is_sentence(line: &str) -> bool {
    line.strip_prefix("//! ").is_some_and(|sentence| {
        let sentence = sentence.trim();
        sentence.chars().count() >= SHORTEST
            && sentence.contains(' ')
            && !sentence.starts_with(char::is_lowercase)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tests::check_rule;

    #[track_caller]
    fn check_text(text: &str, expected: &[&str]) {
        check_rule(check, &[("a.rs", text)], expected);
    }

    #[test]
    fn a_file_says_what_it_is_for() {
        check_text("//! Orders requests by their arrival.\n", &[]);
        check_text("//! `fifo`: earliest arrival first.\n", &[]);
        check_text("", &["a.rs:1"]);
        check_text("use std::fmt;\n", &["a.rs:1"]);
        check_text("//! Orders.\n", &["a.rs:1"]);
        check_text("//! orders requests by arrival\n", &["a.rs:1"]);
        check_text("//\n//! Orders requests by their arrival.\n", &["a.rs:1"]);
    }
}
