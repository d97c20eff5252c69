//! CHANGELOG.md has a heading under which the next change is written.

use crate::tidy::{Offence, Tree};

const CHANGELOG: &str = "CHANGELOG.md";

pub(crate) fn check(tree: &Tree) -> Vec<Offence> {
    let says = match tree.file(CHANGELOG) {
        None => "there is no changelog: start it with a heading `## Unreleased`",
        Some(file) if file.text.lines().any(is_heading) => return Vec::new(),
        Some(_) => "no heading names a release: write `## Unreleased` or `## 1.2.3` above changes",
    };
    vec![Offence::new(CHANGELOG, 1, says)]
}

/// `## Unreleased`, `## [Unreleased]`, `## 1.2.3` or `## [1.2.3] - 2026-01-31`.
fn is_heading(line: &str) -> bool {
    line.strip_prefix("## ").is_some_and(|heading| {
        let release = heading.trim_start_matches('[');
        release.starts_with("Unreleased") || release.starts_with(|first: char| first.is_numeric())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tests::check_rule;

    #[track_caller]
    fn check_text(text: &str, expected: &[&str]) {
        check_rule(check, &[("CHANGELOG.md", text)], expected);
    }

    #[test]
    fn the_changelog_names_a_release() {
        check_text("# Changes\n\n## Unreleased\n", &[]);
        check_text("## [Unreleased]\n", &[]);
        check_text("## 0.1.0\n", &[]);
        check_text("# Changes\n\nNone yet.\n", &["CHANGELOG.md:1"]);
        check_rule(check, &[("README.md", "")], &["CHANGELOG.md:1"]);
    }
}
