//! The compiler's own walls stand: no unsafe code, and no standard library in the policy.

use crate::tidy::tree::TextFile;
use crate::tidy::{Offence, Tree};

/// Crates whose head does not forbid unsafe code, and why the operating system leaves no choice.
const MAY_BE_UNSAFE: &[(&str, &str)] = &[
    (
        "crates/millicore-quota",
        "a command joins its group between fork and exec, for which there is no safe interface",
    ),
    (
        "crates/millicore-server",
        "fork, memory shared between processes and descriptors given by number have no safe interface",
    ),
];

const POLICY: &str = "crates/millicore-policy/src/";

/// What a policy must not name: it is told the time, and nothing else of the machine.
const CLOCKS: [&str; 2] = ["Instant", "SystemTime"];

pub(crate) fn check(tree: &Tree) -> Vec<Offence> {
    check_against(MAY_BE_UNSAFE, tree)
}

fn check_against(may_be_unsafe: &[(&str, &str)], tree: &Tree) -> Vec<Offence> {
    let mut offences = Vec::new();
    for file in tree.rust_files() {
        offences.extend(unforbidden(may_be_unsafe, file));
        if file.path.starts_with(POLICY) {
            offences.extend(policy_offences(file));
        }
    }
    offences
}

fn unforbidden(may_be_unsafe: &[(&str, &str)], file: &TextFile) -> Option<Offence> {
    let package = file
        .path
        .strip_suffix("/src/lib.rs")
        .or_else(|| file.path.strip_suffix("/src/main.rs"))?;
    let exception = may_be_unsafe.iter().find(|(path, _)| *path == package);
    let says = match (has_line(file, "#![forbid(unsafe_code)]"), exception) {
        (true, None) | (false, Some(_)) => return None,
        (true, Some((_, reason))) => format!(
            "this crate forbids unsafe code now: remove its row ({reason}) from \
             xtask/src/tidy/walls.rs"
        ),
        (false, None) => "the crate's head has to forbid unsafe code: add \
                          `#![forbid(unsafe_code)]`, or a row with the reason in \
                          xtask/src/tidy/walls.rs"
            .to_owned(),
    };
    Some(Offence::new(&file.path, 1, says))
}

fn policy_offences(file: &TextFile) -> Vec<Offence> {
    let mut offences = Vec::new();
    if file.path == format!("{POLICY}lib.rs") && !has_line(file, "#![no_std]") {
        let says = "the policy crate has no standard library: add `#![no_std]` to its head";
        offences.push(Offence::new(&file.path, 1, says));
    }
    if file.is_test() {
        return offences;
    }
    for (index, line) in file
        .rust
        .iter()
        .enumerate()
        .filter(|(_, line)| !line.in_test_module)
    {
        let named = ["std::"]
            .iter()
            .chain(&CLOCKS)
            .find(|word| line.has_word(word));
        offences.extend(named.map(|word| {
            let says = format!(
                "a policy does not name `{word}`: take what it needs from `core` or `alloc`, and \
                 time as an argument"
            );
            Offence::new(&file.path, index + 1, says)
        }));
    }
    offences
}

fn has_line(file: &TextFile, wanted: &str) -> bool {
    file.rust.iter().any(|line| line.code.trim() == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tests::check_rule;

    const HEAD: &str = "crates/millicore-policy/src/lib.rs";
    const FORBID: &str = "#![forbid(unsafe_code)]\n";

    #[test]
    fn every_crate_forbids_unsafe_code_or_says_why_not() {
        let listed = |tree: &Tree| check_against(&[("crates/a", "fork")], tree);
        check_rule(check, &[("crates/a/src/lib.rs", FORBID)], &[]);
        check_rule(
            check,
            &[("crates/a/src/lib.rs", "")],
            &["crates/a/src/lib.rs:1"],
        );
        check_rule(
            check,
            &[("crates/a/src/main.rs", "//! {FORBID}")],
            &["crates/a/src/main.rs:1"],
        );
        check_rule(listed, &[("crates/a/src/lib.rs", "")], &[]);
        check_rule(
            listed,
            &[("crates/a/src/lib.rs", FORBID)],
            &["crates/a/src/lib.rs:1"],
        );
    }

    #[test]
    fn the_policy_knows_no_standard_library_and_no_clock() {
        let whole = format!("#![no_std]\n{FORBID}");
        check_rule(check, &[(HEAD, &whole)], &[]);
        check_rule(
            check,
            &[(HEAD, FORBID)],
            &["crates/millicore-policy/src/lib.rs:1"],
        );
        let order = "crates/millicore-policy/src/order.rs";
        let place = "crates/millicore-policy/src/order.rs:1";
        check_rule(check, &[(order, "use core::fmt;")], &[]);
        check_rule(check, &[(order, "use std::fmt;")], &[place]);
        check_rule(check, &[(order, "fn f(now: Instant) {}")], &[place]);
        check_rule(
            check,
            &[(order, "#[cfg(test)]\nmod tests {\n use std::fmt;\n}\n")],
            &[],
        );
    }
}
