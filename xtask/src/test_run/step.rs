//! The steps of the whole check, as plain data in the order in which they run.

use crate::arguments::Depth;

#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) action: Action,
}

/// What a step does.
#[derive(Debug)]
pub(crate) enum Action {
    Cargo(CommandLine),
    /// The house rules, which are checked inside this process.
    Tidy,
    /// The tests in a virtual machine.
    Guest,
}

/// A cargo invocation, without the word `cargo`.
#[derive(Debug)]
pub(crate) struct CommandLine {
    pub(crate) arguments: Vec<&'static str>,
    pub(crate) environment: Vec<(&'static str, String)>,
}

impl Step {
    /// The step as a user would type it.
    pub(crate) fn shown(&self) -> String {
        let command = match &self.action {
            Action::Cargo(command) => command,
            Action::Tidy => return "cargo xtask tidy".to_owned(),
            Action::Guest => return "cargo xtask guest".to_owned(),
        };
        let environment: String = command
            .environment
            .iter()
            .map(|(name, value)| format!("{name}='{value}' "))
            .collect();
        format!("{environment}cargo {}", command.arguments.join(" "))
    }
}

/// The steps that `depth` asks for; `exists` answers for a path below the repository's root.
pub(crate) fn plan(depth: Depth, exists: impl Fn(&str) -> bool) -> Vec<Step> {
    let mut steps = vec![
        step("fmt", "fmt --all --check"),
        Step {
            name: "tidy",
            action: Action::Tidy,
        },
        step(
            "clippy",
            "clippy --workspace --all-targets --all-features -- -D warnings",
        ),
        // Without target flags cargo tests libraries, binaries, integration tests and doc examples,
        // builds the examples, and leaves the benches alone.
        step("test", "test --workspace --all-features --no-fail-fast"),
    ];
    if depth == Depth::Fast {
        return steps;
    }
    steps.push(Step {
        name: "guest",
        action: Action::Guest,
    });
    steps.push(
        step(
            "doc",
            "doc --workspace --all-features --no-deps --document-private-items",
        )
        .with("RUSTDOCFLAGS", "-D warnings".to_owned()),
    );
    if exists("crates/millicore/tests/loom.rs") {
        // Other flags rebuild every dependency: a directory of its own keeps the usual cache.
        steps.push(
            step("loom", "test --package millicore --test loom --release")
                .with("RUSTFLAGS", extended_rustflags("--cfg loom"))
                .with("CARGO_TARGET_DIR", target_directory("loom")),
        );
    }
    if exists("fuzz/Cargo.toml") {
        steps.push(
            step("fuzz", "check --manifest-path fuzz/Cargo.toml")
                .with("CARGO_TARGET_DIR", target_directory("fuzz")),
        );
    }
    steps.push(step("bench", "bench --workspace --no-run"));
    steps
}

fn step(name: &'static str, arguments: &'static str) -> Step {
    let arguments = arguments.split(' ').collect();
    Step {
        name,
        action: Action::Cargo(CommandLine {
            arguments,
            environment: Vec::new(),
        }),
    }
}

impl Step {
    fn with(mut self, name: &'static str, value: String) -> Self {
        if let Action::Cargo(command) = &mut self.action {
            command.environment.push((name, value));
        }
        self
    }
}

fn extended_rustflags(flags: &str) -> String {
    match std::env::var("RUSTFLAGS") {
        Ok(inherited) if !inherited.is_empty() => format!("{inherited} {flags}"),
        _ => flags.to_owned(),
    }
}

fn target_directory(name: &str) -> String {
    let usual = std::env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| "target".to_owned());
    format!("{usual}/{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(depth: Depth, existing: &[&str], expected: &[&str]) {
        let steps = plan(depth, |path| existing.contains(&path));
        let names: Vec<&str> = steps.iter().map(|step| step.name).collect();
        assert_eq!(names, expected);
    }

    #[test]
    fn the_plan_follows_the_depth_and_what_exists() {
        let optional = ["crates/millicore/tests/loom.rs", "fuzz/Cargo.toml"];
        check(Depth::Fast, &optional, &["fmt", "tidy", "clippy", "test"]);
        check(
            Depth::Full,
            &[],
            &["fmt", "tidy", "clippy", "test", "guest", "doc", "bench"],
        );
        check(
            Depth::Full,
            &optional,
            &[
                "fmt", "tidy", "clippy", "test", "guest", "doc", "loom", "fuzz", "bench",
            ],
        );
    }

    #[test]
    fn a_step_is_shown_as_it_is_typed() {
        let shown = step("doc", "doc --no-deps")
            .with("RUSTDOCFLAGS", "-D warnings".into())
            .shown();
        assert_eq!(shown, "RUSTDOCFLAGS='-D warnings' cargo doc --no-deps");
        assert_eq!(
            Step {
                name: "tidy",
                action: Action::Tidy
            }
            .shown(),
            "cargo xtask tidy"
        );
    }
}
