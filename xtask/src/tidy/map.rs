//! The code map in ARCHITECTURE.md names every crate and every file directly below its `src`.
//!
//! The map is the section `## Map`. A line of it is a path and what is there; the indented lines
//! below it are the modules of that crate, several on a line where they belong together:
//!
//! ```text
//! - `crates/millicore-policy` — decides what runs next
//!   - `order`, `width` — the two halves of a policy
//! - `docs/decisions` — why it is so, with the number that decided
//! ```

use std::collections::BTreeSet;

use crate::tidy::{Offence, Tree};

const MAP_PATH: &str = "ARCHITECTURE.md";
const HEADING: &str = "## Map";

pub(crate) fn check(tree: &Tree) -> Vec<Offence> {
    let Some(architecture) = tree.file(MAP_PATH) else {
        let says = "there is no map of the code: write one, with a section `## Map`";
        return vec![Offence::new(MAP_PATH, 1, says)];
    };
    let entries = entries(&architecture.text);
    let mut offences = Vec::new();
    let mut named = BTreeSet::new();
    for entry in &entries {
        offences.extend(entry.offences(tree));
        named.extend(entry.paths.iter().map(String::as_str));
    }
    let heading = architecture
        .text
        .lines()
        .position(|line| line.trim_end() == HEADING);
    for path in expected_paths(tree) {
        if !named.contains(path.as_str()) {
            let says = format!("`{path}` is not on the map: add a line under `{HEADING}`");
            offences.push(Offence::new(
                MAP_PATH,
                heading.map_or(1, |index| index + 1),
                says,
            ));
        }
    }
    offences
}

/// One line of the map.
struct Entry {
    line: usize,
    /// What it names, as paths from the root; a module `name` of a crate is `<crate>/src/name.rs`.
    paths: Vec<String>,
    is_explained: bool,
}

impl Entry {
    fn offences(&self, tree: &Tree) -> Vec<Offence> {
        let missing = self
            .paths
            .iter()
            .filter(|path| !tree.has(path))
            .map(|path| {
                format!("the map names `{path}`, which does not exist: correct or remove the line")
            });
        let unexplained = (!self.is_explained).then(|| {
            "a line of the map says what is there: write ` — ` and a few words".to_owned()
        });
        missing
            .chain(unexplained)
            .map(|says| Offence::new(MAP_PATH, self.line, says))
            .collect()
    }
}

fn entries(text: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut crate_path = String::new();
    let lines = text
        .lines()
        .enumerate()
        .skip_while(|(_, line)| line.trim_end() != HEADING);
    for (index, line) in lines.skip(1) {
        if line.starts_with("## ") {
            break;
        }
        let Some(item) = line.trim_start().strip_prefix("- `") else {
            continue;
        };
        let (names, explanation) = item.split_once(" — ").unwrap_or((item, ""));
        let names = names.split(", ").map(|name| name.trim_matches(['`', ' ']));
        let is_module = line.starts_with(' ');
        let path = |name: &str| match is_module {
            true => format!("{crate_path}/src/{name}.rs"),
            false => name.to_owned(),
        };
        let paths: Vec<String> = names.map(path).collect();
        if !is_module {
            crate_path = paths.first().cloned().unwrap_or_default();
        }
        let is_explained = !explanation.trim().is_empty();
        entries.push(Entry {
            line: index + 1,
            paths,
            is_explained,
        });
    }
    entries
}

/// Every crate's directory, and every file directly below its `src` that is a module.
fn expected_paths(tree: &Tree) -> Vec<String> {
    let mut expected = Vec::new();
    for manifest in tree
        .manifests()
        .iter()
        .filter(|manifest| manifest.package.is_some())
    {
        let Some(directory) = manifest.path.strip_suffix("/Cargo.toml") else {
            continue;
        };
        expected.push(directory.to_owned());
        let source = format!("{directory}/src/");
        expected.extend(tree.rust_files().filter_map(|file| {
            let name = file.path.strip_prefix(&source)?;
            let is_module =
                !name.contains('/') && !["lib.rs", "main.rs", "tests.rs"].contains(&name);
            is_module.then(|| file.path.clone())
        }));
    }
    expected
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tests::check_rule;

    #[track_caller]
    fn check_map(map: &str, expected: &[&str]) {
        let manifest = "[package]\nname = \"a\"\n";
        let files = [
            ("ARCHITECTURE.md", map),
            ("crates/a/Cargo.toml", manifest),
            ("crates/a/src/lib.rs", ""),
            ("crates/a/src/order.rs", ""),
            ("crates/a/src/order/tie.rs", ""),
            ("crates/a/src/width.rs", ""),
        ];
        check_rule(check, &files, expected);
    }

    #[test]
    fn the_map_is_complete_and_true() {
        let complete = "# A\n## Map\n- `crates/a` — one\n  - `order`, `width` — both\n";
        check_map(complete, &[]);
        check_map(&complete.replace(", `width`", ""), &["ARCHITECTURE.md:2"]);
        check_map(&complete.replace(" — both", ""), &["ARCHITECTURE.md:4"]);
        check_map(
            &format!("{complete}  - `gone` — was here\n"),
            &["ARCHITECTURE.md:5"],
        );
        check_map(
            &format!("{complete}- `crates/gone` — was here\n"),
            &["ARCHITECTURE.md:5"],
        );
        check_map(&format!("{complete}## Else\n- `gone` — not the map\n"), &[]);
    }

    #[test]
    fn there_is_a_map() {
        check_rule(check, &[("README.md", "")], &["ARCHITECTURE.md:1"]);
        check_map("# A\n", &["ARCHITECTURE.md:1"; 3]);
    }
}
