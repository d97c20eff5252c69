//! Settings as text: as a file that can be read again, in a line, as a table of the documentation.

use super::options::{OPTIONS, ServeOption, Shape};
use super::plan::Plan;
use super::wishes::{Setting, Source};
use millicore_quota::ProcessLimit;
use millicore_server::model::ConcurrencyModel::{Forks, Prefork, Scheduled, Sync, Threads};

/// TOML that `--config` takes, with the source of each value that somebody set.
pub(super) fn config(plan: &Plan) -> String {
    let mut text = String::new();
    let known = OPTIONS
        .into_iter()
        .filter(|option| option.serves(plan.server.model));
    let mut heading = None;
    for option in known {
        if heading != Some(option.section) {
            let blank = if heading.is_some() { "\n" } else { "" };
            text.push_str(&format!("{blank}# {}\n", option.section.heading()));
            heading = Some(option.section);
        }
        let setting = plan.wishes.setting(option);
        let (value, source) = (value(option, &setting), comment(option, &setting.source));
        text.push_str(&format!("{} = {value}{source}\n", option.name));
    }
    text
}

fn value(option: &ServeOption, setting: &Setting) -> String {
    match option.shape {
        Shape::List => {
            let texts: Vec<String> = setting.texts.iter().map(|text| quoted(text)).collect();
            format!("[{}]", texts.join(", "))
        }
        Shape::Switch(_) => match super::values::switch(&setting.text()) {
            Ok(value) => value.to_string(),
            Err(_) => quoted(&setting.text()),
        },
        _ => match setting.text() {
            number
                if number
                    .parse::<i64>()
                    .is_ok_and(|it| it.to_string() == number) =>
            {
                number
            }
            text => quoted(&text),
        },
    }
}

/// A basic string of TOML: what is special in it, and control characters, are escaped.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            character if character.is_control() => {
                quoted.push_str(&format!("\\u{:04X}", u32::from(character)));
            }
            character => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

fn comment(option: &ServeOption, source: &Source) -> String {
    match source {
        Source::Default => String::new(),
        Source::Convention(variable) => format!("  # {variable}"),
        Source::File { path, line } => format!("  # {}, line {line}", path.escape_debug()),
        Source::Environment => format!("  # {}", option.variable()),
        Source::CommandLine => format!("  # {}", option.flag()),
    }
}

/// What is served, in a line.
pub(super) fn summary(plan: &Plan, limit: &ProcessLimit) -> String {
    let slots = match plan.server.model {
        Sync => "one request at a time".to_owned(),
        Threads => match plan.server.max_threads {
            Some(threads) => format!("at most {threads} threads"),
            None => "a thread for each request".to_owned(),
        },
        Forks => format!("at most {} processes", plan.server.max_children),
        Prefork => format!("{} workers", plan.server.workers),
        Scheduled => format!(
            "policy {}, cores {}",
            plan.scheduling.policy,
            plan.scheduling.cores(limit)
        ),
    };
    format!("model {}, {slots}; CPU limit {limit}", plan.server.model)
}

/// The table of the documentation: which option serves which model.
#[cfg(test)]
pub(super) fn documentation() -> String {
    use millicore_server::model::ConcurrencyModel;
    let mut text = String::from(
        "| option | default | sync | threads | forks | prefork | scheduled | on HUP |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for option in OPTIONS {
        let typed = match option.shape {
            Shape::Switch(negative) => format!("--{}, --{negative}", option.name),
            Shape::ValueOrBare(_) => format!("--{} [{}]", option.name, option.value),
            Shape::Value | Shape::List => format!("--{} {}", option.name, option.value),
        };
        let default = match option.default {
            "" => "none".to_owned(),
            text => format!("`{text}`"),
        };
        let mark = |is_so: bool| if is_so { "yes" } else { "" };
        let models: Vec<&str> = ConcurrencyModel::ALL
            .into_iter()
            .map(|model| mark(option.serves(model)))
            .collect();
        let (models, live) = (models.join(" | "), mark(option.is_live));
        text.push_str(&format!("| `{typed}` | {default} | {models} | {live} |\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{documentation, quoted};

    #[test]
    fn the_documentation_has_the_table_of_options() {
        let page = include_str!("../../../../docs/serve.md");
        let expected = documentation();
        assert!(
            page.contains(&expected),
            "docs/serve.md must contain:\n{expected}"
        );
    }

    #[test]
    fn text_is_quoted_so_that_toml_reads_it_back() {
        for text in ["a", "a\"b\\c", "tab\tline\n\u{7f}", "é"] {
            let file = format!("x = {}", quoted(text));
            let table = toml::de::DeTable::parse(&file).unwrap();
            assert_eq!(
                table.get_ref()["x"].get_ref().as_str(),
                Some(text),
                "{file}"
            );
        }
    }
}
