//! The arrows between the crates of this workspace, as drawn in ARCHITECTURE.md.

use crate::tidy::manifest::{Dependency, Kind, Manifest};
use crate::tidy::{Offence, Tree};

struct Arrows {
    from: &'static str,
    to: &'static [&'static str],
    /// What its tests and benchmarks may use beyond that: the sibling on the same floor, to compare
    /// the two, and real work to run.
    to_in_tests: &'static [&'static str],
}

const ARROWS: &[Arrows] = &[
    Arrows {
        from: "millicore-cli",
        to: &[
            "millicore-lab",
            "millicore-server",
            "millicore-sim",
            "millicore-quota",
        ],
        to_in_tests: &[],
    },
    Arrows {
        from: "millicore-lab",
        to: &[
            "millicore-server",
            "millicore-workload",
            "millicore-sim",
            "millicore",
            "millicore-quota",
        ],
        to_in_tests: &[],
    },
    Arrows {
        from: "millicore-server",
        to: &["millicore", "millicore-workload", "millicore-quota"],
        to_in_tests: &[],
    },
    Arrows {
        from: "millicore-workload",
        to: &["millicore"],
        to_in_tests: &[],
    },
    Arrows {
        from: "millicore",
        to: &["millicore-policy", "millicore-quota"],
        to_in_tests: &["millicore-sim", "millicore-workload"],
    },
    Arrows {
        from: "millicore-sim",
        to: &["millicore-policy"],
        to_in_tests: &["millicore"],
    },
    Arrows {
        from: "millicore-quota",
        to: &[],
        to_in_tests: &[],
    },
    Arrows {
        from: "millicore-policy",
        to: &[],
        to_in_tests: &[],
    },
    // A workspace of its own beside this one, because its targets need another compiler.
    Arrows {
        from: "millicore-fuzz",
        to: &[
            "millicore-lab",
            "millicore-server",
            "millicore-sim",
            "millicore-quota",
            "millicore-policy",
        ],
        to_in_tests: &[],
    },
    Arrows {
        from: "xtask",
        to: &[],
        to_in_tests: &[],
    },
];

pub(crate) fn check(tree: &Tree) -> Vec<Offence> {
    let mut offences = Vec::new();
    for manifest in tree.manifests() {
        let Some(package) = manifest.package.as_deref() else {
            continue;
        };
        match ARROWS.iter().find(|arrows| arrows.from == package) {
            Some(arrows) => offences.extend(wrong_arrows(manifest, arrows)),
            None => offences.push(Offence::new(
                &manifest.path,
                1,
                format!(
                    "the crate `{package}` has no arrows: give it a row in \
                     xtask/src/tidy/arrows.rs and a place in ARCHITECTURE.md"
                ),
            )),
        }
    }
    offences
}

/// Whether `name` is a crate of this workspace.
pub(crate) fn is_ours(name: &str) -> bool {
    ARROWS.iter().any(|arrows| arrows.from == name)
}

fn wrong_arrows(manifest: &Manifest, arrows: &Arrows) -> Vec<Offence> {
    let is_drawn = |dependency: &Dependency| {
        let name = dependency.name.as_str();
        arrows.to.contains(&name)
            || dependency.kind == Kind::Test && arrows.to_in_tests.contains(&name)
    };
    manifest
        .dependencies
        .iter()
        .filter(|dependency| is_ours(&dependency.name) && !is_drawn(dependency))
        .map(|dependency| {
            let says = format!(
                "no arrow leads from `{}` to `{}`: move the code to the side that may know the \
                 other, or argue for the arrow in a decision note",
                arrows.from, dependency.name
            );
            Offence::new(&manifest.path, dependency.line, says)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tests::check_rule;

    #[track_caller]
    fn check_manifest(package: &str, dependencies: &str, expected: &[&str]) {
        let text = format!("[package]\nname = \"{package}\"\n{dependencies}");
        check_rule(check, &[("Cargo.toml", &text)], expected);
    }

    #[test]
    fn only_drawn_arrows_are_followed() {
        let on_sim = "[dependencies]\nmillicore-sim.workspace = true\n";
        check_manifest("millicore-lab", on_sim, &[]);
        check_manifest("millicore-policy", on_sim, &["Cargo.toml:4"]);
        check_manifest("millicore", on_sim, &["Cargo.toml:4"]);
    }

    #[test]
    fn tests_may_use_the_sibling_but_not_the_floor_above() {
        let tested_with = |name| format!("[dev-dependencies]\n{name}.workspace = true\n");
        check_manifest("millicore", &tested_with("millicore-sim"), &[]);
        check_manifest(
            "millicore",
            &tested_with("millicore-lab"),
            &["Cargo.toml:4"],
        );
        check_manifest(
            "millicore-policy",
            &tested_with("millicore-sim"),
            &["Cargo.toml:4"],
        );
    }

    #[test]
    fn an_unknown_crate_needs_a_row() {
        check_manifest("millicore-extra", "", &["Cargo.toml:1"]);
    }
}
