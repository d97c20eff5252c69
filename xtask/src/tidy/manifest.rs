//! What the rules need to know of a `Cargo.toml`: the package's name and what it depends on.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::{Spanned, Value};

#[derive(Debug)]
pub(crate) struct Manifest {
    pub(crate) path: String,
    /// `None`: a workspace's manifest without a package of its own.
    pub(crate) package: Option<String>,
    pub(crate) dependencies: Vec<Dependency>,
}

#[derive(Debug)]
pub(crate) struct Dependency {
    /// The crate's name in the registry, even where it is renamed.
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// Where it is declared, counted from 1.
    pub(crate) line: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Part of the product: `[dependencies]` and `[build-dependencies]`, for any target.
    Product,
    /// `[dev-dependencies]`: tests, examples and benches.
    Test,
    /// `[workspace.dependencies]`: a version that members may inherit.
    Workspace,
}

type Table = BTreeMap<Spanned<String>, Value>;

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "kebab-case")]
struct Written {
    package: Option<Package>,
    workspace: Workspace,
    // The three tables of `Sections`, once more: `flatten` would lose where they are written.
    dependencies: Table,
    build_dependencies: Table,
    dev_dependencies: Table,
    target: BTreeMap<String, Sections>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Workspace {
    dependencies: Table,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "kebab-case")]
struct Sections {
    dependencies: Table,
    build_dependencies: Table,
    dev_dependencies: Table,
}

impl Manifest {
    pub(crate) fn parse(path: &str, text: &str) -> Result<Self, toml::de::Error> {
        let written: Written = toml::from_str(text)?;
        let mut dependencies = Vec::new();
        let mut add = |table: &Table, kind| {
            dependencies.extend(
                table
                    .iter()
                    .map(|(name, value)| dependency(text, name, value, kind)),
            );
        };
        add(&written.workspace.dependencies, Kind::Workspace);
        let everywhere = Sections {
            dependencies: written.dependencies,
            build_dependencies: written.build_dependencies,
            dev_dependencies: written.dev_dependencies,
        };
        for sections in std::iter::once(&everywhere).chain(written.target.values()) {
            add(&sections.dependencies, Kind::Product);
            add(&sections.build_dependencies, Kind::Product);
            add(&sections.dev_dependencies, Kind::Test);
        }
        let package = written.package.map(|package| package.name);
        Ok(Self {
            path: path.to_owned(),
            package,
            dependencies,
        })
    }

    pub(crate) fn has(&self, name: &str, kind: Kind) -> bool {
        self.dependencies
            .iter()
            .any(|dependency| dependency.name == name && dependency.kind == kind)
    }
}

fn dependency(text: &str, name: &Spanned<String>, value: &Value, kind: Kind) -> Dependency {
    let renamed = value.get("package").and_then(Value::as_str);
    let line = text[..name.span().start].matches('\n').count() + 1;
    Dependency {
        name: renamed.unwrap_or(name.get_ref()).to_owned(),
        kind,
        line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, package: Option<&str>, expected: &[(&str, Kind, usize)]) {
        let manifest = Manifest::parse("Cargo.toml", text).unwrap();
        assert_eq!(manifest.package.as_deref(), package);
        let found: Vec<(&str, Kind, usize)> = manifest
            .dependencies
            .iter()
            .map(|dependency| (dependency.name.as_str(), dependency.kind, dependency.line))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn every_section_is_read() {
        check(
            "[package]\nname = \"a\"\n[dependencies]\nb.workspace = true\nc = \"1\"\n\
             [dev-dependencies]\nd = \"1\"\n[build-dependencies]\ne = \"1\"\n",
            Some("a"),
            &[
                ("b", Kind::Product, 4),
                ("c", Kind::Product, 5),
                ("e", Kind::Product, 9),
                ("d", Kind::Test, 7),
            ],
        );
        check(
            "[target.'cfg(unix)'.dependencies]\nshort = { package = \"long\", version = \"1\" }\n",
            None,
            &[("long", Kind::Product, 2)],
        );
        check(
            "[workspace.dependencies]\nb = \"1\"\n",
            None,
            &[("b", Kind::Workspace, 2)],
        );
    }
}
