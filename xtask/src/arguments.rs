//! What was typed after `cargo xtask`, as a task or a refusal.

/// Printed for `help`, and under every refusal.
pub(crate) const USAGE: &str = "\
usage: cargo xtask test [--fast]   check everything, cheapest first, and stop at the first failure
                                   (--fast: without the virtual machine, documentation, benches,
                                   loom and fuzz builds)
       cargo xtask guest           run the tests of CPU limits in a virtual machine with cgroup v2
       cargo xtask tidy            check the house rules alone
       cargo xtask help            print this";

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Task {
    Test(Depth),
    Guest,
    Tidy,
    Help,
}

/// How much of the check runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    Full,
    /// Only what one edit is likely to break.
    Fast,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UsageError {
    #[error("no task given")]
    NoTask,
    #[error("there is no task `{0}`")]
    UnknownTask(String),
    #[error("`{task}` does not take `{argument}`")]
    UnknownArgument {
        task: &'static str,
        argument: String,
    },
}

pub(crate) fn parse(mut typed: impl Iterator<Item = String>) -> Result<Task, UsageError> {
    let task = typed.next().ok_or(UsageError::NoTask)?;
    let rest: Vec<String> = typed.collect();
    match task.as_str() {
        "test" => match rest.iter().find(|argument| *argument != "--fast") {
            Some(unknown) => refuse("test", unknown),
            None if rest.is_empty() => Ok(Task::Test(Depth::Full)),
            None => Ok(Task::Test(Depth::Fast)),
        },
        "guest" => alone("guest", Task::Guest, &rest),
        "tidy" => alone("tidy", Task::Tidy, &rest),
        "help" | "--help" | "-h" => Ok(Task::Help),
        _ => Err(UsageError::UnknownTask(task)),
    }
}

fn alone(name: &'static str, task: Task, rest: &[String]) -> Result<Task, UsageError> {
    rest.first()
        .map_or(Ok(task), |unknown| refuse(name, unknown))
}

fn refuse(task: &'static str, argument: &str) -> Result<Task, UsageError> {
    Err(UsageError::UnknownArgument {
        task,
        argument: argument.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(typed: &str, expected: Result<Task, &str>) {
        let parsed = parse(typed.split_whitespace().map(str::to_owned));
        assert_eq!(
            parsed.map_err(|error| error.to_string()),
            expected.map_err(str::to_owned)
        );
    }

    #[test]
    fn tasks_are_parsed_and_the_unknown_is_refused() {
        check("test", Ok(Task::Test(Depth::Full)));
        check("test --fast", Ok(Task::Test(Depth::Fast)));
        check("guest", Ok(Task::Guest));
        check("tidy", Ok(Task::Tidy));
        check("--help", Ok(Task::Help));
        check("", Err("no task given"));
        check("tset", Err("there is no task `tset`"));
        check("test --quick", Err("`test` does not take `--quick`"));
        check("test --fast now", Err("`test` does not take `now`"));
        check("tidy --fast", Err("`tidy` does not take `--fast`"));
    }
}
