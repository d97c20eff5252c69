//! Which crate of ours may name which outside crate, and why it is worth its build time.

use crate::tidy::manifest::{Dependency, Kind, Manifest};
use crate::tidy::{Offence, Tree, arrows};

struct Outside {
    name: &'static str,
    used_by: &'static [&'static str],
    /// Crates whose tests, examples or benches alone use it.
    tested_by: &'static [&'static str],
    reason: &'static str,
}

const TABLE: &[Outside] = &[
    Outside {
        name: "async-executor",
        used_by: &[],
        tested_by: &["millicore"],
        reason: "what the executor is measured against",
    },
    Outside {
        name: "axum",
        used_by: &["millicore-server"],
        tested_by: &["millicore"],
        reason: "the demonstration and the example are services as their readers write them",
    },
    Outside {
        name: "bollard",
        used_by: &["millicore-lab"],
        tested_by: &[],
        reason: "the API of Docker engines, old and new",
    },
    Outside {
        name: "bytes",
        used_by: &["millicore-lab", "millicore-server"],
        tested_by: &[],
        reason: "bodies are passed on without a copy",
    },
    Outside {
        name: "clap",
        used_by: &["millicore-cli"],
        tested_by: &[],
        reason: "flags, their help and their refusals, as users of commands know them",
    },
    Outside {
        name: "csv",
        used_by: &["millicore-sim"],
        tested_by: &[],
        reason: "traces are spreadsheets: quoting and columns by name are its whole work",
    },
    Outside {
        name: "ctrlc",
        used_by: &["millicore-cli"],
        tested_by: &[],
        reason: "an interrupt that reports what is finished, without unsafe code of ours",
    },
    Outside {
        name: "dashu-int",
        used_by: &["millicore-workload"],
        tested_by: &[],
        reason: "a factorial of 200 000 needs integers as long as memory",
    },
    Outside {
        name: "futures-lite",
        used_by: &["millicore-lab"],
        tested_by: &["millicore", "millicore-server"],
        reason: "a future is awaited where no runtime is",
    },
    Outside {
        name: "h2",
        used_by: &["millicore-lab"],
        tested_by: &[],
        reason: "tells whose mistake a broken stream was, which hyper does not",
    },
    Outside {
        name: "hdrhistogram",
        used_by: &["millicore-lab"],
        tested_by: &[],
        reason: "percentiles of any number of requests in constant memory",
    },
    Outside {
        name: "http",
        used_by: &["millicore-fuzz", "millicore-lab", "millicore-server"],
        tested_by: &[],
        reason: "the types in which every HTTP library of Rust speaks",
    },
    Outside {
        name: "http-body",
        used_by: &["millicore-server"],
        tested_by: &[],
        reason: "the trait of bodies that come in pieces",
    },
    Outside {
        name: "http-body-util",
        used_by: &["millicore-lab", "millicore-server"],
        tested_by: &[],
        reason: "bodies of one piece, and bodies read to their end",
    },
    Outside {
        name: "httparse",
        used_by: &["millicore-lab", "millicore-server"],
        tested_by: &[],
        reason: "heads of messages, read as fast as a load generator needs it",
    },
    Outside {
        name: "hyper",
        used_by: &["millicore-lab", "millicore-server"],
        tested_by: &[],
        reason: "HTTP/1.1 and HTTP/2, correct in the cases that are attacked",
    },
    Outside {
        name: "hyper-util",
        used_by: &["millicore-lab", "millicore-server"],
        tested_by: &[],
        reason: "one port for both versions of HTTP, on tokio",
    },
    Outside {
        name: "indicatif",
        used_by: &["millicore-cli"],
        tested_by: &[],
        reason: "a line of progress that stays silent where nobody looks",
    },
    Outside {
        name: "libfuzzer-sys",
        used_by: &["millicore-fuzz"],
        tested_by: &[],
        reason: "a fuzzer that follows which branches its inputs take",
    },
    Outside {
        name: "loom",
        used_by: &["millicore"],
        tested_by: &[],
        reason: "every interleaving of the protocols between threads",
    },
    Outside {
        name: "nix",
        used_by: &["millicore-server"],
        tested_by: &[],
        reason: "fork and signalfd, which rustix does not have",
    },
    Outside {
        name: "pin-project-lite",
        used_by: &["millicore", "millicore-server"],
        tested_by: &[],
        reason: "a future inside a future, pinned without unsafe code of ours",
    },
    Outside {
        name: "png",
        used_by: &["millicore-workload"],
        tested_by: &[],
        reason: "an image that any browser shows",
    },
    Outside {
        name: "proptest",
        used_by: &[],
        tested_by: &[
            "millicore-lab",
            "millicore-policy",
            "millicore-quota",
            "millicore-server",
            "millicore-sim",
            "millicore-workload",
        ],
        reason: "finds and shrinks the case nobody thought of; its seed is printed",
    },
    Outside {
        name: "rand_pcg",
        used_by: &["millicore-lab", "millicore-sim"],
        tested_by: &[],
        reason: "one seed gives one trace, on every machine and in every later version",
    },
    Outside {
        name: "rayon",
        used_by: &[],
        tested_by: &["millicore"],
        reason: "what the executor is measured against",
    },
    Outside {
        name: "rustix",
        used_by: &[
            "millicore",
            "millicore-cli",
            "millicore-lab",
            "millicore-quota",
            "millicore-server",
            "millicore-workload",
        ],
        tested_by: &[],
        reason: "the kernel's masks, clocks, sockets and processes without unsafe code of ours",
    },
    Outside {
        name: "serde",
        used_by: &[
            "millicore-cli",
            "millicore-lab",
            "millicore-server",
            "xtask",
        ],
        tested_by: &[],
        reason: "plain data to and from every format that is spoken here",
    },
    Outside {
        name: "serde_json",
        used_by: &[
            "millicore-cli",
            "millicore-lab",
            "millicore-server",
            "xtask",
        ],
        tested_by: &[],
        reason: "the reports that other programs read, and what cargo reports",
    },
    Outside {
        name: "signal-hook",
        used_by: &["millicore-cli"],
        tested_by: &[],
        reason: "signals that are passed on, told from those of the terminal, without unsafe code of ours",
    },
    Outside {
        name: "tar",
        used_by: &["millicore-lab"],
        tested_by: &[],
        reason: "the archive that an engine makes an image of",
    },
    Outside {
        name: "thiserror",
        used_by: &[
            "millicore",
            "millicore-lab",
            "millicore-quota",
            "millicore-server",
            "millicore-sim",
            "millicore-workload",
            "xtask",
        ],
        tested_by: &[],
        reason: "an error's sentence stands beside its variant",
    },
    Outside {
        name: "tokio",
        used_by: &["millicore-lab", "millicore-server"],
        tested_by: &["millicore"],
        reason: "handles are awaited on the runtime that most servers have",
    },
    Outside {
        name: "toml",
        used_by: &["millicore-cli", "xtask"],
        tested_by: &[],
        reason: "reads manifests and settings, with the line on which something stands",
    },
    Outside {
        name: "tower-layer",
        used_by: &["millicore"],
        tested_by: &[],
        reason: "the trait by which existing services adopt the executor",
    },
    Outside {
        name: "tower-service",
        used_by: &["millicore", "millicore-server"],
        tested_by: &[],
        reason: "the trait by which existing services adopt the executor",
    },
    Outside {
        name: "tracing",
        used_by: &["millicore-cli", "millicore-server"],
        tested_by: &[],
        reason: "events with fields, which cost nothing where nobody listens",
    },
    Outside {
        name: "tracing-subscriber",
        used_by: &["millicore-server"],
        tested_by: &[],
        reason: "writes those events as text or JSON",
    },
];

/// Where an offence against the table itself is reported.
const TABLE_PATH: &str = "xtask/src/tidy/outside_crates.rs";

pub(crate) fn check(tree: &Tree) -> Vec<Offence> {
    check_against(TABLE, tree)
}

fn check_against(table: &[Outside], tree: &Tree) -> Vec<Offence> {
    let mut offences = Vec::new();
    for manifest in tree.manifests() {
        offences.extend(unknown_dependencies(table, manifest));
        offences.extend(uninherited_versions(tree, manifest));
    }
    for row in table {
        offences.extend(dead_users(row, tree));
    }
    offences
}

fn unknown_dependencies(table: &[Outside], manifest: &Manifest) -> Vec<Offence> {
    let Some(package) = manifest.package.as_deref() else {
        return Vec::new();
    };
    let is_listed = |dependency: &Dependency| {
        table
            .iter()
            .any(|row| row.name == dependency.name && row.users(dependency.kind).contains(&package))
    };
    manifest
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind != Kind::Workspace)
        .filter(|dependency| !arrows::is_ours(&dependency.name) && !is_listed(dependency))
        .map(|dependency| {
            let says = format!(
                "`{package}` may not name the outside crate `{}` here: do without it, or add the \
                 pair to {TABLE_PATH} with its reason",
                dependency.name
            );
            Offence::new(&manifest.path, dependency.line, says)
        })
        .collect()
}

/// A version in `[workspace.dependencies]` that no member inherits.
fn uninherited_versions(tree: &Tree, workspace: &Manifest) -> Vec<Offence> {
    let is_inherited = |name: &str| {
        tree.manifests()
            .iter()
            .any(|member| member.has(name, Kind::Product) || member.has(name, Kind::Test))
    };
    workspace
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind == Kind::Workspace)
        .filter(|dependency| !arrows::is_ours(&dependency.name) && !is_inherited(&dependency.name))
        .map(|dependency| {
            let says = format!("no crate uses `{}`: remove the line", dependency.name);
            Offence::new(&workspace.path, dependency.line, says)
        })
        .collect()
}

/// Users in a row that do not depend on the crate; a crate that does not exist yet is no offence.
fn dead_users(row: &Outside, tree: &Tree) -> Vec<Offence> {
    let pairs = [(Kind::Product, row.used_by), (Kind::Test, row.tested_by)];
    let listed = pairs
        .iter()
        .flat_map(|(kind, users)| users.iter().map(move |user| (*kind, *user)));
    let dead = listed.filter(|(kind, user)| {
        let manifest = tree
            .manifests()
            .iter()
            .find(|it| it.package.as_deref() == Some(*user));
        manifest.is_some_and(|manifest| !manifest.has(row.name, *kind))
    });
    dead.map(|(_, user)| {
        let says = format!(
            "`{user}` does not use `{}` (listed because: {}): take it out of the row",
            row.name, row.reason
        );
        Offence::new(TABLE_PATH, row.line(tree), says)
    })
    .collect()
}

impl Outside {
    fn users(&self, kind: Kind) -> &'static [&'static str] {
        match kind {
            Kind::Product => self.used_by,
            Kind::Test => self.tested_by,
            Kind::Workspace => &[],
        }
    }

    /// Where the row stands in this file, counted from 1.
    fn line(&self, tree: &Tree) -> usize {
        let needle = format!("name: \"{}\"", self.name);
        let text = tree.file(TABLE_PATH).map_or("", |file| &file.text);
        text.lines()
            .position(|line| line.contains(&needle))
            .map_or(1, |index| index + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tests::check_rule;

    const ONE_ROW: &[Outside] = &[Outside {
        name: "serde",
        used_by: &["millicore-lab"],
        tested_by: &["millicore-sim"],
        reason: "an example",
    }];

    #[track_caller]
    fn check_manifest(package: &str, dependencies: &str, expected: &[&str]) {
        let text = format!("[package]\nname = \"{package}\"\n{dependencies}");
        let rule = |tree: &Tree| check_against(ONE_ROW, tree);
        check_rule(rule, &[("Cargo.toml", &text)], expected);
    }

    #[test]
    fn a_crate_names_only_what_it_is_listed_for() {
        check_manifest("millicore-lab", "[dependencies]\nserde = \"1\"\n", &[]);
        check_manifest("millicore-sim", "[dev-dependencies]\nserde = \"1\"\n", &[]);
        check_manifest(
            "millicore-cli",
            "[dependencies]\nserde = \"1\"\n",
            &["Cargo.toml:4"],
        );
        check_manifest(
            "millicore-cli",
            "[dependencies]\nmillicore.workspace = true\n",
            &[],
        );
    }

    #[test]
    fn a_row_without_its_user_is_dead() {
        let table_first = "xtask/src/tidy/outside_crates.rs:1";
        check_manifest("millicore-lab", "", &[table_first]);
        check_manifest("millicore-sim", "", &[table_first]);
        let wrong_kind = "[dependencies]\nserde = \"1\"\n";
        check_manifest("millicore-sim", wrong_kind, &["Cargo.toml:4", table_first]);
    }

    #[test]
    fn a_version_nobody_inherits_is_dead() {
        let workspace = "[workspace.dependencies]\nserde = \"1\"\nmillicore = { path = \"\" }\n";
        check_rule(
            |tree| check_against(&[], tree),
            &[("Cargo.toml", workspace)],
            &["Cargo.toml:2"],
        );
    }
}
