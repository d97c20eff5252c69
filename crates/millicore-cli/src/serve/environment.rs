//! Wishes from the environment: `MILLICORE_QUEUE=100`, and what the system around us conventionally
//! says.

use super::options::{BIND, OPTIONS, PREFIX, Shape, WORKERS, by_similar_name};
use super::wishes::{Source, Wishes};
use crate::failure::Failure;
use std::collections::BTreeMap;
use std::ffi::OsString;

/// The name of the configuration file, where the command line has none.
pub(super) const CONFIG: &str = "MILLICORE_CONFIG";

/// The variables that this command reads.
#[derive(Clone, Debug, Default)]
pub(super) struct Environment {
    variables: BTreeMap<String, String>,
}

impl Environment {
    /// From all variables of a process. An empty one counts as absent: that is how a variable is
    /// cleared where it cannot be removed.
    pub(super) fn new(
        variables: impl Iterator<Item = (OsString, OsString)>,
    ) -> Result<Self, Failure> {
        let mut known = BTreeMap::new();
        for (name, value) in variables {
            let Some(name) = name.to_str().filter(|name| is_ours(name)) else {
                continue;
            };
            let value = value.into_string().map_err(|_| {
                Failure::usage(format_args!("{name} in the environment: not UTF-8"))
            })?;
            if !value.is_empty() {
                known.insert(name.to_owned(), value);
            }
        }
        Ok(Self { variables: known })
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    pub(super) fn wishes(&self) -> Wishes {
        let mut wishes = Wishes::default();
        for option in OPTIONS {
            if let Some(text) = self.get(&option.variable()) {
                let texts = match option.shape {
                    Shape::List => text.split(',').map(|text| text.trim().to_owned()).collect(),
                    _ => vec![text.to_owned()],
                };
                wishes.insert(option, texts, Source::Environment);
            }
        }
        wishes
    }

    /// What a platform says to every server: the number of workers, and sockets that it opened.
    pub(super) fn conventions(&self, given_sockets: &[String]) -> Wishes {
        let mut wishes = Wishes::default();
        if let Some(workers) = self.get(WEB_CONCURRENCY) {
            let source = Source::Convention(WEB_CONCURRENCY);
            wishes.insert(&WORKERS, vec![workers.to_owned()], source);
        }
        if !given_sockets.is_empty() {
            let source = Source::Convention("LISTEN_FDS");
            wishes.insert(&BIND, given_sockets.to_vec(), source);
        }
        wishes
    }

    /// A warning for each variable that looks like ours and is none.
    pub(super) fn warnings(&self) -> Vec<String> {
        let is_known =
            |name: &str| name == CONFIG || OPTIONS.iter().any(|option| option.variable() == name);
        let names = self.variables.keys();
        let unknown = names.filter(|name| !is_known(name) && !is_of_a_service(name));
        let warning = |name: &String| {
            let stem = name.strip_prefix(PREFIX)?.to_lowercase();
            let meant = match by_similar_name(&stem) {
                Some(option) => {
                    format!("; {PREFIX}{} is", option.to_uppercase().replace('-', "_"))
                }
                None => String::new(),
            };
            Some(format!("{name} in the environment is no option{meant}"))
        };
        unknown.filter_map(warning).collect()
    }
}

const WEB_CONCURRENCY: &str = "WEB_CONCURRENCY";

fn is_ours(name: &str) -> bool {
    name.starts_with(PREFIX) || name == WEB_CONCURRENCY
}

/// Kubernetes tells every container about a service named `millicore` by `MILLICORE_PORT` and its
/// like, which nobody wrote for us.
fn is_of_a_service(name: &str) -> bool {
    let stem = name.strip_prefix(PREFIX).unwrap_or(name);
    stem == "PORT" || stem.starts_with("PORT_") || stem.starts_with("SERVICE_")
}

#[cfg(test)]
mod tests {
    use super::super::options::{QUEUE, TENANT};
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        let variables = variables
            .iter()
            .map(|(name, value)| (name.into(), value.into()));
        Environment::new(variables).unwrap()
    }

    #[test]
    fn every_option_has_a_variable() {
        for option in OPTIONS {
            let wishes = environment(&[(&option.variable(), "x")]).wishes();
            assert_eq!(wishes.setting(option).texts, ["x"]);
        }
    }

    #[test]
    fn lists_have_commas_and_empty_variables_are_absent() {
        let set = environment(&[
            ("MILLICORE_TENANT", "a=1, b=2:400m"),
            ("MILLICORE_QUEUE", ""),
        ]);
        assert_eq!(set.wishes().setting(&TENANT).texts, ["a=1", "b=2:400m"]);
        assert!(!set.wishes().contains(&QUEUE));
    }

    #[test]
    fn a_misspelt_variable_is_noticed_and_those_of_kubernetes_are_not() {
        #[track_caller]
        fn check(name: &str, expected: &[&str]) {
            assert_eq!(environment(&[(name, "1")]).warnings(), expected);
        }
        let meant = "MILLICORE_WORKER in the environment is no option; MILLICORE_WORKERS is";
        check("MILLICORE_WORKER", &[meant]);
        check(
            "MILLICORE_COLOUR",
            &["MILLICORE_COLOUR in the environment is no option"],
        );
        check("MILLICORE_PORT_8000_TCP", &[]);
        check("MILLICORE_SERVICE_HOST", &[]);
        check("MILLICORE_CONFIG", &[]);
        check("OTHER", &[]);
    }
}
