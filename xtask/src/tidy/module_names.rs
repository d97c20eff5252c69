//! A module is named by what is in it; `foo.rs` stands beside `foo/`.

use crate::tidy::tree::TextFile;
use crate::tidy::{Offence, Tree};

/// Names that say nothing, and so attract everything.
const EMPTY_NAMES: [&str; 6] = ["common", "utils", "types", "core", "prelude", "helpers"];

pub(crate) fn check(tree: &Tree) -> Vec<Offence> {
    tree.rust_files()
        .flat_map(|file| {
            wrong_file_name(file)
                .into_iter()
                .chain(wrong_inline_modules(file))
        })
        .collect()
}

fn wrong_file_name(file: &TextFile) -> Option<Offence> {
    let stem = file.path.rsplit('/').next()?.strip_suffix(".rs")?;
    if stem == "mod" {
        let says = "`foo.rs` stands beside `foo/`: rename this `mod.rs` after its directory";
        return Some(Offence::new(&file.path, 1, says));
    }
    EMPTY_NAMES
        .contains(&stem)
        .then(|| Offence::new(&file.path, 1, says_nothing(stem)))
}

fn wrong_inline_modules(file: &TextFile) -> impl Iterator<Item = Offence> {
    file.rust.iter().enumerate().filter_map(|(index, line)| {
        let name = line
            .code
            .trim_end()
            .strip_suffix('{')?
            .trim_end()
            .rsplit(' ')
            .next()?;
        let is_offence = EMPTY_NAMES.contains(&name) && line.has_word("mod");
        is_offence.then(|| Offence::new(&file.path, index + 1, says_nothing(name)))
    })
}

fn says_nothing(name: &str) -> String {
    format!("a module named `{name}` says nothing: name it by the one idea that is in it")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tests::check_rule;

    #[test]
    fn a_module_is_named_by_what_is_in_it() {
        check_rule(check, &[("crates/a/src/order.rs", "mod tie {\n}\n")], &[]);
        check_rule(
            check,
            &[("crates/a/src/order/mod.rs", "")],
            &["crates/a/src/order/mod.rs:1"],
        );
        check_rule(
            check,
            &[("crates/a/src/utils.rs", "")],
            &["crates/a/src/utils.rs:1"],
        );
        check_rule(
            check,
            &[("a.rs", "use std::fmt;\npub mod prelude {\n}\n")],
            &["a.rs:2"],
        );
        check_rule(check, &[("a.rs", "fn common() {\n}\n")], &[]);
    }
}
