//! How long a file may be before it is split; the length of a function is clippy's to hold.

use crate::tidy::tree::TextFile;
use crate::tidy::{Offence, Tree};

const CODE_LINES: usize = 500;
const POLICY_CODE_LINES: usize = 300;
const MAIN_CODE_LINES: usize = 40;
const ALL_LINES: usize = 800;

/// Documents at the root, and the most lines in which they say what they have to say.
const DOCUMENTS: [(&str, usize); 3] = [
    ("README.md", 120),
    ("ARCHITECTURE.md", 250),
    ("STYLE.md", 200),
];

pub(crate) fn check(tree: &Tree) -> Vec<Offence> {
    let documents = DOCUMENTS.iter().filter_map(|(path, limit)| {
        let file = tree.file(path)?;
        too_long(file, *limit, "cut it, or move a part to a page of its own")
    });
    let sources = tree.rust_files().flat_map(|file| {
        [
            too_much_code(file),
            too_long(
                file,
                ALL_LINES,
                "split it by idea, or move its tests to a file of their own",
            ),
        ]
    });
    documents.chain(sources.flatten()).collect()
}

fn too_long(file: &TextFile, limit: usize, what_to_do: &str) -> Option<Offence> {
    let count = file.text.lines().count();
    let says = format!("the file has {count} lines, of at most {limit}: {what_to_do}");
    (count > limit).then(|| Offence::new(&file.path, limit + 1, says))
}

/// Counts lines that are not blank, not comment and not an inline test module.
fn too_much_code(file: &TextFile) -> Option<Offence> {
    let (limit, kind) = code_limit(&file.path);
    let is_counted = |index: &usize| {
        file.rust
            .get(*index)
            .is_some_and(|line| line.is_code() && !line.in_test_module)
    };
    let counted: Vec<usize> = (0..file.rust.len()).filter(is_counted).collect();
    let first_beyond = counted.get(limit)?;
    let says = format!(
        "{kind} has at most {limit} lines of code, this one {}: split it by idea",
        counted.len()
    );
    Some(Offence::new(&file.path, first_beyond + 1, says))
}

fn code_limit(path: &str) -> (usize, &'static str) {
    if path.starts_with("crates/millicore-policy/src/policies/") {
        (POLICY_CODE_LINES, "a policy")
    } else if path.ends_with("/src/main.rs") {
        (MAIN_CODE_LINES, "a `main.rs`")
    } else {
        (CODE_LINES, "a file")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tests::check_rule;

    #[track_caller]
    fn check_text(path: &str, text: &str, expected: &[&str]) {
        check_rule(check, &[(path, text)], expected);
    }

    #[test]
    fn code_lines_are_counted_by_the_kind_of_file() {
        let code = |count| "f();\n".repeat(count);
        check_text("crates/a/src/b.rs", &code(500), &[]);
        check_text("crates/a/src/b.rs", &code(501), &["crates/a/src/b.rs:501"]);
        check_text(
            "crates/a/src/main.rs",
            &code(41),
            &["crates/a/src/main.rs:41"],
        );
        check_text("crates/a/tests/b/main.rs", &code(41), &[]);
        let policy = "crates/millicore-policy/src/policies/fair.rs";
        check_text(policy, &code(300), &[]);
        check_text(
            policy,
            &code(301),
            &["crates/millicore-policy/src/policies/fair.rs:301"],
        );
    }

    #[test]
    fn comments_blank_lines_and_test_modules_are_free() {
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "f();\n".repeat(200));
        let free = format!("{}{}{tests}", "// why\n".repeat(50), "\n".repeat(40));
        check_text("a.rs", &format!("{}{free}", "f();\n".repeat(500)), &[]);
        check_text(
            "a.rs",
            &format!("{free}{}", "f();\n".repeat(501)),
            &["a.rs:794"],
        );
    }

    #[test]
    fn all_lines_are_counted_too() {
        check_text("a.rs", &"// why\n".repeat(800), &[]);
        check_text("a.rs", &"// why\n".repeat(801), &["a.rs:801"]);
        check_text("README.md", &"word\n".repeat(121), &["README.md:121"]);
        check_text("docs/README.md", &"word\n".repeat(121), &[]);
    }
}
