//! Runs tests one after the other and tells of them as `cargo test` does.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Instant;

pub(crate) struct Test {
    pub(crate) name: String,
    pub(crate) body: Box<dyn FnOnce()>,
}

pub(crate) fn test(name: impl Into<String>, body: impl FnOnce() + 'static) -> Test {
    Test {
        name: name.into(),
        body: Box::new(body),
    }
}

/// Runs the tests whose name contains one of the arguments, or all if there is none.
pub(crate) fn run(arguments: &[String], tests: Vec<Test>) -> ExitCode {
    let is_flag = |argument: &&String| argument.starts_with("--");
    let wanted: Vec<&String> = arguments.iter().filter(|it| !is_flag(it)).collect();
    let is_wanted =
        |test: &Test| wanted.is_empty() || wanted.iter().any(|part| test.name.contains(&***part));
    let count = tests.len();
    let tests: Vec<Test> = tests.into_iter().filter(is_wanted).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        for test in &tests {
            println!("{}: test", test.name);
        }
        return ExitCode::SUCCESS;
    }
    println!("\nrunning {} tests", tests.len());
    let filtered = count - tests.len();
    let started = Instant::now();
    let mut failed = Vec::new();
    let mut passed = 0;
    for Test { name, body } in tests {
        let is_good = catch_unwind(AssertUnwindSafe(body)).is_ok();
        println!("test {name} ... {}", if is_good { "ok" } else { "FAILED" });
        match is_good {
            true => passed += 1,
            false => failed.push(name),
        }
    }
    if !failed.is_empty() {
        println!("\nfailures:\n    {}", failed.join("\n    "));
    }
    let result = if failed.is_empty() { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {result}. {passed} passed; {} failed; 0 ignored; 0 measured; {filtered} \
         filtered out; finished in {:.2}s\n",
        failed.len(),
        started.elapsed().as_secs_f64()
    );
    ExitCode::from(u8::from(!failed.is_empty()))
}
