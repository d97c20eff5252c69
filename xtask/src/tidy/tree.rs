//! The text files of the repository, read once and handed to every rule.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::tidy::manifest::Manifest;
use crate::tidy::rust_source::{self, Line};

/// Every text file that git tracks or would track, ordered by path.
#[derive(Debug)]
pub(crate) struct Tree {
    files: Vec<TextFile>,
    manifests: Vec<Manifest>,
}

#[derive(Debug)]
pub(crate) struct TextFile {
    /// Relative to the repository's root, with `/` between its parts.
    pub(crate) path: String,
    pub(crate) text: String,
    /// The lines of a Rust file, taken apart; empty for any other file.
    pub(crate) rust: Vec<Line>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum TreeError {
    #[error("cannot list the files of {}: {reason}; is git installed?", root.display())]
    List { root: PathBuf, reason: String },
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{path} is not a manifest cargo would accept: {source}")]
    Manifest {
        path: String,
        source: toml::de::Error,
    },
}

impl Tree {
    pub(crate) fn read(root: &Path) -> Result<Self, TreeError> {
        // A source archive comes without `.git`: then every file counts but what was built.
        let paths = if root.join(".git").exists() {
            listed_by_git(root)?
        } else {
            found_on_disk(root)?
        };
        let mut files = Vec::new();
        for path in paths {
            match std::fs::read(root.join(&path)) {
                Ok(bytes) => files.extend(String::from_utf8(bytes).ok().map(|text| (path, text))),
                // In the index but deleted, or a link to a directory: there is no text to hold.
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::NotFound | io::ErrorKind::IsADirectory
                    ) => {}
                Err(source) => {
                    return Err(TreeError::Read {
                        path: root.join(path),
                        source,
                    });
                }
            }
        }
        Self::from_texts(files)
    }

    fn from_texts(texts: impl IntoIterator<Item = (String, String)>) -> Result<Self, TreeError> {
        let mut tree = Self {
            files: Vec::new(),
            manifests: Vec::new(),
        };
        for (path, text) in texts {
            if path == "Cargo.toml" || path.ends_with("/Cargo.toml") {
                let manifest =
                    Manifest::parse(&path, &text).map_err(|source| TreeError::Manifest {
                        path: path.clone(),
                        source,
                    })?;
                tree.manifests.push(manifest);
            }
            let rust = if path.ends_with(".rs") {
                rust_source::lines(&text)
            } else {
                Vec::new()
            };
            tree.files.push(TextFile { path, text, rust });
        }
        Ok(tree)
    }

    pub(crate) fn files(&self) -> &[TextFile] {
        &self.files
    }

    pub(crate) fn rust_files(&self) -> impl Iterator<Item = &TextFile> {
        self.files.iter().filter(|file| file.path.ends_with(".rs"))
    }

    pub(crate) fn file(&self, path: &str) -> Option<&TextFile> {
        self.files.iter().find(|file| file.path == path)
    }

    /// Whether `path` is a file, or a directory with a file in it.
    pub(crate) fn has(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        self.files.iter().any(|file| {
            file.path
                .strip_prefix(path)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    /// Every `Cargo.toml`, the workspace's own included.
    pub(crate) fn manifests(&self) -> &[Manifest] {
        &self.manifests
    }

    /// A tree that exists only in a test.
    #[cfg(test)]
    #[track_caller]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        Self::from_texts(
            files
                .iter()
                .map(|(path, text)| ((*path).into(), (*text).into())),
        )
        .unwrap()
    }
}

impl TextFile {
    /// Whether the whole file is test code.
    pub(crate) fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.split('/').any(|part| part == "tests")
    }
}

fn listed_by_git(root: &Path) -> Result<BTreeSet<String>, TreeError> {
    let refuse = |reason: String| TreeError::List {
        root: root.to_owned(),
        reason,
    };
    let output = Command::new("git")
        // A checkout owned by another user, as build machines make them, is read all the same.
        .args(["-c", "safe.directory=*", "ls-files", "-z"])
        .args(["--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .map_err(|error| refuse(error.to_string()))?;
    if !output.status.success() {
        return Err(refuse(
            String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        ));
    }
    let listing = String::from_utf8_lossy(&output.stdout);
    Ok(listing.split_terminator('\0').map(str::to_owned).collect())
}

fn found_on_disk(root: &Path) -> Result<BTreeSet<String>, TreeError> {
    let mut paths = BTreeSet::new();
    let mut directories = vec![PathBuf::new()];
    while let Some(directory) = directories.pop() {
        let refuse = |source| TreeError::Read {
            path: root.join(&directory),
            source,
        };
        for entry in root.join(&directory).read_dir().map_err(refuse)? {
            let entry = entry.map_err(refuse)?;
            let path = directory.join(entry.file_name());
            let kind = entry.file_type().map_err(refuse)?;
            if kind.is_dir() && entry.file_name() != "target" {
                directories.push(path);
            } else if kind.is_file() {
                paths.insert(path.to_string_lossy().into_owned());
            }
        }
    }
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_and_the_disk_name_this_file() {
        let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        let this_file = "xtask/src/tidy/tree.rs";
        assert!(found_on_disk(root).unwrap().contains(this_file));
        assert!(Tree::read(root).unwrap().file(this_file).is_some());
    }

    #[test]
    fn a_directory_is_there_when_a_file_is_in_it() {
        let tree = Tree::of(&[("docs/decisions/README.md", "")]);
        assert!(tree.has("docs/decisions") && tree.has("docs/decisions/README.md"));
        assert!(!tree.has("docs/dec"));
    }
}
