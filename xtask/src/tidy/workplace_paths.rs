//! No file names an absolute path of the machine it was written on.

use crate::tidy::{Offence, Tree};

/// First parts of paths that exist on somebody's machine and mean nothing to a reader.
const WORKPLACES: [&str; 3] = ["work", "root", "farm"];

pub(crate) fn check(tree: &Tree) -> Vec<Offence> {
    let mut offences = Vec::new();
    for file in tree.files().iter().filter(|file| file.path != "Cargo.lock") {
        for (index, line) in file.text.lines().enumerate() {
            if let Some(workplace) = WORKPLACES.iter().find(|name| names_path(line, name)) {
                let says = format!(
                    "a path below `/{workplace}` exists on one machine only: write it relative to \
                     the repository, or take it as an argument"
                );
                offences.push(Offence::new(&file.path, index + 1, says));
            }
        }
    }
    offences
}

/// Whether `line` has `/first/` where a path begins: not within a longer path or an address.
fn names_path(line: &str, first: &str) -> bool {
    let needle = format!("/{first}/");
    line.match_indices(&needle).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        !before.is_some_and(|character| character.is_alphanumeric() || "/._-})".contains(character))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tests::check_rule;

    #[track_caller]
    fn check_line(line: &str, is_offence: bool) {
        let expected: &[&str] = if is_offence { &["a.md:1"] } else { &[] };
        check_rule(check, &[("a.md", line)], expected);
    }

    #[test]
    fn absolute_paths_of_a_workplace_are_found() {
        for workplace in WORKPLACES {
            check_line(&format!("see /{workplace}/a.txt"), true);
            check_line(&format!("(`/{workplace}/a.txt`)"), true);
            check_line(&format!("https://example.org/{workplace}/a"), false);
            check_line(&format!("crates/{workplace}/a"), false);
            check_line(&format!("{{root}}/{workplace}/a"), false);
        }
        check_line("/sys/fs/cgroup/cpu", false);
    }
}
