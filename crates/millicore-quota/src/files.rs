//! The files of a group: a small value each, read and written whole.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// What a file of the group holds, without the line's end.
pub(crate) fn read(directory: &Path, file: &str) -> io::Result<String> {
    let path = directory.join(file);
    let text = fs::read_to_string(&path).map_err(|error| at(&path, &error))?;
    Ok(text.trim_end().to_owned())
}

/// Writes one value, in one write.
pub(crate) fn write(directory: &Path, file: &str, text: &str) -> io::Result<()> {
    let path = directory.join(file);
    OpenOptions::new()
        .write(true)
        .open(&path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| {
            at(
                Path::new(&format!("writing {text} to {}", path.display())),
                &error,
            )
        })
}

/// The same error, with the file in its sentence.
pub(crate) fn at(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
