//! Nothing unfinished, switched off or silenced stays in the tree.

use crate::tidy::rust_source::{Line, contains_word};
use crate::tidy::{Offence, Tree};

/// What is searched in the code of a Rust file, and what to do instead.
const IN_CODE: [(&str, &str); 5] = [
    (
        "#[allow",
        "write `#[expect(lint, reason = \"...\")]`, which ends when its reason does",
    ),
    (
        "#![allow",
        "write `#![expect(lint, reason = \"...\")]`, which ends when its reason does",
    ),
    (
        "todo!(",
        "finish it, or return an error that says what is not supported",
    ),
    (
        "unimplemented!(",
        "finish it, or return an error that says what is not supported",
    ),
    (
        "#[ignore",
        "let the test say on standard error why it cannot run here, and return",
    ),
];

/// Words that promise work, searched in comments and in files that are not prose.
const PROMISES: [&str; 3] = ["TODO", "FIXME", "XXX"];

/// Endings of the other files that are code.
const CODE_ENDINGS: [&str; 6] = [".toml", ".sh", ".py", ".yml", ".yaml", ".ci/run"];

pub(crate) fn check(tree: &Tree) -> Vec<Offence> {
    let mut offences = Vec::new();
    for file in tree.files() {
        for (index, line) in file.rust.iter().enumerate() {
            let says = in_code(line).into_iter().chain(in_comment(line));
            offences.extend(says.map(|says| Offence::new(&file.path, index + 1, says)));
        }
        if CODE_ENDINGS
            .iter()
            .any(|ending| file.path.ends_with(ending))
        {
            for (index, line) in file.text.lines().enumerate() {
                let says = promise(line);
                offences.extend(says.map(|says| Offence::new(&file.path, index + 1, says)));
            }
        }
    }
    offences
}

fn in_code(line: &Line) -> Option<String> {
    let (found, instead) = IN_CODE.iter().find(|(needle, _)| line.has_word(needle))?;
    Some(format!("`{found}` does not stay in the tree: {instead}"))
}

fn in_comment(line: &Line) -> Option<String> {
    let text = line.comment.trim_start_matches(['/', '!', '*', ' ']);
    let fence = text.strip_prefix("```").unwrap_or_default();
    if contains_word(fence, "ignore") {
        return Some(
            "an example that is not compiled will not stay true: make it compile, `no_run` if it \
             must not run"
                .to_owned(),
        );
    }
    promise(&line.comment)
}

fn promise(text: &str) -> Option<String> {
    let word = PROMISES.iter().find(|word| contains_word(text, word))?;
    Some(format!(
        "`{word}` is a promise nobody reads: do it now, or write a decision note"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tests::check_rule;

    #[track_caller]
    fn check_line(path: &str, line: &str, is_offence: bool) {
        let place = format!("{path}:1");
        let expected = if is_offence {
            vec![place.as_str()]
        } else {
            Vec::new()
        };
        check_rule(check, &[(path, line)], &expected);
    }

    #[test]
    fn code_is_finished_and_not_silenced() {
        check_line("a.rs", "#[allow(dead_code)]", true);
        check_line("a.rs", "#![allow(dead_code)]", true);
        check_line("a.rs", "#[expect(dead_code, reason = \"why\")]", false);
        check_line("a.rs", "    todo!()", true);
        check_line("a.rs", "    unimplemented!(\"later\")", true);
        check_line("a.rs", "    #[ignore = \"slow\"]", true);
        check_line("a.rs", "let text = \"todo!() #[allow\";", false);
    }

    #[test]
    fn comments_promise_nothing() {
        check_line("a.rs", "f(); // TODO later", true);
        check_line("a.rs", "// FIXME(me): wrong", true);
        check_line("a.rs", "/* XXX */", true);
        check_line("a.rs", "// mktemp /tmp/XXXXXX", false);
        check_line("a.toml", "# TODO", true);
        check_line("a.md", "no TODO here", false);
    }

    #[test]
    fn examples_compile() {
        check_line("a.rs", "/// ```ignore", true);
        check_line("a.rs", "//! ```rust,ignore", true);
        check_line("a.rs", "/// ```no_run", false);
        check_line("a.rs", "/// ignore the rest", false);
    }
}
