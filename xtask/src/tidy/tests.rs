//! The repository held to the rules, and the helper with which each rule is tested.

use std::path::Path;

use super::tree::Tree;
use super::{Offence, RULES, offences};

/// Applies one rule to files in memory and compares the places it names, written `path:line`.
#[track_caller]
pub(crate) fn check_rule(
    rule: impl Fn(&Tree) -> Vec<Offence>,
    files: &[(&str, &str)],
    expected: &[&str],
) {
    let offences = rule(&Tree::of(files));
    let places: Vec<String> = offences
        .iter()
        .map(|offence| format!("{}:{}", offence.path, offence.line))
        .collect();
    assert_eq!(places, expected, "{offences:#?}");
}

#[test]
fn the_repository_is_tidy() {
    let tree = Tree::read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))).unwrap();
    let found: Vec<String> = offences(&tree).iter().map(Offence::to_string).collect();
    assert!(
        found.is_empty(),
        "{} offences:\n{}",
        found.len(),
        found.join("\n")
    );
}

#[test]
fn every_rule_has_its_file_and_every_file_its_rule() {
    let tree = Tree::read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))).unwrap();
    let readers = ["manifest", "rust_source", "tests", "tree"];
    let files: Vec<&str> = tree
        .files()
        .iter()
        .filter_map(|file| {
            file.path
                .strip_prefix("xtask/src/tidy/")?
                .strip_suffix(".rs")
        })
        .filter(|name| !readers.contains(name))
        .collect();
    assert_eq!(files, RULES.map(|(name, _)| name));
}
