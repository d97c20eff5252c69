//! The tests that run in the virtual machine, the command that they start, and their libraries.

use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Tests that look at control groups: their package, their name, and what they are told besides.
const TESTS: [(&str, &str, &str); 3] = [
    ("millicore-quota", "kernel", ""),
    ("millicore-lab", "places", "--skip docker"),
    // Busybox has no `script`, which gives a command a terminal.
    ("millicore-cli", "quota", "--skip the_terminal_has_gone"),
];

/// What cargo has built.
#[derive(Debug)]
pub(super) struct Executable {
    /// Its package's directory and its name are in it.
    source: PathBuf,
    pub(super) path: PathBuf,
}

/// A line of `cargo --message-format=json`.
#[derive(Deserialize)]
struct Message {
    executable: Option<PathBuf>,
    target: Option<Target>,
}

#[derive(Deserialize)]
struct Target {
    src_path: PathBuf,
}

/// Builds them, as `cargo test` does.
pub(super) fn build(repository: &Path) -> Result<Vec<Executable>, String> {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args("test --no-run --all-features --message-format json-render-diagnostics".split(' '))
        .args(
            TESTS
                .iter()
                .flat_map(|(package, ..)| ["--package", package]),
        )
        .args(TESTS.iter().flat_map(|(_, test, _)| ["--test", test]))
        .current_dir(repository)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cargo did not run: {error}"))?;
    if !output.status.success() {
        return Err(format!("cargo test --no-run: {}", output.status));
    }
    let printed = String::from_utf8_lossy(&output.stdout);
    Ok(printed.lines().filter_map(executable).collect())
}

fn executable(line: &str) -> Option<Executable> {
    let message: Message = serde_json::from_str(line).ok()?;
    Some(Executable {
        source: message.target?.src_path,
        path: message.executable?,
    })
}

impl Executable {
    /// How it is run; nothing if it is no test.
    pub(super) fn test_command(&self) -> Option<String> {
        let (.., arguments) = TESTS.iter().find(|(package, test, _)| {
            let test = Path::new(package).join("tests").join(test);
            // A test is a file, or a directory with a `main.rs`.
            let mut places = self.source.ancestors().take(2);
            places.any(|place| place.with_extension("").ends_with(&test))
        })?;
        let path = self.path.display();
        Some(format!("    {path} --test-threads 1 {arguments}"))
    }

    /// A copy without what only a debugger reads, most of it.
    pub(super) fn stripped(&self) -> Result<PathBuf, String> {
        let copy = self.path.with_extension("stripped");
        let status = Command::new("strip")
            .arg("-o")
            .args([&copy, &self.path])
            .status()
            .map_err(|error| format!("strip did not run: {error}"))?;
        status
            .success()
            .then_some(copy)
            .ok_or_else(|| format!("strip {}: {status}", self.path.display()))
    }
}

/// The shared libraries and the loader of a program; none if it has none.
pub(super) fn libraries(program: &Path) -> Result<Vec<PathBuf>, String> {
    let output = Command::new("ldd")
        .arg(program)
        .output()
        .map_err(|error| format!("ldd did not run: {error}"))?;
    Ok(listed(&String::from_utf8_lossy(&output.stdout)))
}

/// The paths in lines such as `libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f)`.
fn listed(text: &str) -> Vec<PathBuf> {
    let words = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        words.find(|word| word.starts_with('/'))
    });
    words.map(PathBuf::from).collect()
}

#[cfg(test)]
mod tests {
    use super::{executable, listed};
    use std::path::PathBuf;

    #[test]
    fn tests_are_found_among_what_cargo_says() {
        let line =
            |source: &str| format!(r#"{{"target":{{"src_path":"{source}"}},"executable":"/t/p"}}"#);
        let command = |source: &str| executable(&line(source)).unwrap().test_command();
        assert_eq!(
            command("/r/millicore-lab/tests/places/main.rs").unwrap(),
            "    /t/p --test-threads 1 --skip docker"
        );
        assert_eq!(
            command("/r/millicore-cli/tests/quota.rs").unwrap(),
            "    /t/p --test-threads 1 --skip the_terminal_has_gone"
        );
        assert_eq!(command("/r/millicore-cli/tests/places/main.rs"), None);
        assert_eq!(command("/r/millicore-cli/src/main.rs"), None);
        let library =
            r#"{"reason":"compiler-artifact","target":{"src_path":"x"},"executable":null}"#;
        assert!(executable(library).is_none());
        assert!(executable(r#"{"reason":"build-finished","success":true}"#).is_none());
        assert!(executable("running 3 tests").is_none());
    }

    #[test]
    fn libraries_are_read_as_ldd_prints_them() {
        let text = "\tlinux-vdso.so.1 (0x00007ffd)\n\
            \tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f5e)\n\
            \t/lib64/ld-linux-x86-64.so.2 (0x00007f5f)\n";
        let expected = [
            "/lib/x86_64-linux-gnu/libc.so.6",
            "/lib64/ld-linux-x86-64.so.2",
        ];
        assert_eq!(listed(text), expected.map(PathBuf::from));
        assert_eq!(
            listed("\tnot a dynamic executable\n"),
            Vec::<PathBuf>::new()
        );
    }
}
