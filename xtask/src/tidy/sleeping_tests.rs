//! A test waits for what it tests, or moves the clock itself; it does not sleep and hope.

use crate::tidy::{Offence, Tree};

pub(crate) fn check(tree: &Tree) -> Vec<Offence> {
    let mut offences = Vec::new();
    for file in tree.rust_files() {
        for (index, line) in file.rust.iter().enumerate() {
            if (file.is_test() || line.in_test_module) && line.has_word("sleep(") {
                let says = "a test that sleeps is slow on a fast machine and fails on a slow one: \
                            wait for the event, or pass the time as an argument";
                offences.push(Offence::new(&file.path, index + 1, says));
            }
        }
    }
    offences
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tests::check_rule;

    #[test]
    fn no_test_sleeps() {
        let sleeps = "//! Head.\nthread::sleep(pause);\n";
        check_rule(
            check,
            &[("crates/a/tests/live.rs", sleeps)],
            &["crates/a/tests/live.rs:2"],
        );
        check_rule(
            check,
            &[("crates/a/src/b/tests.rs", sleeps)],
            &["crates/a/src/b/tests.rs:2"],
        );
        let inline = "#[cfg(test)]\nmod tests {\n    sleep(pause);\n}\n";
        check_rule(
            check,
            &[("crates/a/src/b.rs", inline)],
            &["crates/a/src/b.rs:3"],
        );
        check_rule(check, &[("crates/a/src/b.rs", sleeps)], &[]);
        check_rule(check, &[("crates/a/benches/b.rs", sleeps)], &[]);
    }
}
