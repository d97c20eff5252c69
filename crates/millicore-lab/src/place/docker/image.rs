//! The image of a program: the program and its libraries, and nothing else.

use super::engine::Engine;
use super::failed;
use crate::place::executable::libraries;
use bollard::body_full;
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_lite::StreamExt;
use millicore_quota::PlaceError;
use std::collections::HashMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// The repository of all images of ours.
pub(super) const REPOSITORY: &str = "millicore-lab";

/// What they are found by, also when their name was given to another.
pub(super) const LABEL: &str = "millicore-lab";

/// Where the program is in its image.
pub(super) const PROGRAM: &str = "/millicore";

/// Which images were made, by what a changed program would differ in.
#[derive(Debug, Default)]
pub(super) struct Made(Mutex<HashMap<Edition, String>>);

/// A program as it was built once: its path, its length and when it was written.
type Edition = (PathBuf, u64, Option<SystemTime>);

/// Makes the image of a program unless there is one, and answers with its name.
pub(super) fn make(engine: &Engine, executable: &Path) -> Result<String, PlaceError> {
    let edition = edition(executable).map_err(|error| failed(doing(executable), error))?;
    let made = &engine.images.0;
    // Kept until it is made: two at once would leave one without a name.
    let mut made = made.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(name) = made.get(&edition) {
        return Ok(name.clone());
    }
    let name = make_again(engine, executable)?;
    made.insert(edition, name.clone());
    Ok(name)
}

fn edition(executable: &Path) -> io::Result<Edition> {
    let metadata = fs::metadata(executable)?;
    Ok((
        executable.to_owned(),
        metadata.len(),
        metadata.modified().ok(),
    ))
}

fn doing(executable: &Path) -> String {
    format!("making an image of {}", executable.display())
}

/// The same, whatever was made before.
pub(super) fn make_again(engine: &Engine, executable: &Path) -> Result<String, PlaceError> {
    let doing = || doing(executable);
    let archive = archive(executable).map_err(|error| failed(doing(), error))?;
    let mut hasher = DefaultHasher::new();
    archive.hash(&mut hasher);
    let tag = format!("{:016x}", hasher.finish());
    let name = format!("{REPOSITORY}:{tag}");
    match engine.ask(engine.docker.inspect_image(&name)) {
        Ok(_) => return Ok(name),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(doing(), error)),
    }
    let options = CreateImageOptionsBuilder::new()
        .from_src("-")
        .repo(REPOSITORY)
        .tag(&tag)
        .changes(vec![format!("LABEL {LABEL}=program")])
        .build();
    let importing = async {
        let body = Some(body_full(archive.into()));
        let mut progress = engine.docker.create_image(Some(options), body, None);
        while let Some(step) = progress.next().await {
            step?;
        }
        Ok(())
    };
    engine
        .ask(importing)
        .map_err(|error| failed(doing(), error))?;
    Ok(name)
}

/// The root of its file system as a tar archive, the same for the same files.
fn archive(executable: &Path) -> io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    add(&mut archive, Path::new(PROGRAM), executable)?;
    for library in libraries(executable)? {
        add(&mut archive, &library, &library)?;
    }
    archive.into_inner()
}

fn add(archive: &mut tar::Builder<Vec<u8>>, path: &Path, file: &Path) -> io::Result<()> {
    let contents = fs::read(file)?;
    let mut header = tar::Header::new_gnu();
    header.set_size(contents.len() as u64);
    header.set_mode(0o755);
    archive.append_data(
        &mut header,
        path.strip_prefix("/").unwrap_or(path),
        contents.as_slice(),
    )
}

#[cfg(test)]
mod tests {
    use super::archive;

    #[test]
    fn an_image_has_the_program_and_what_it_is_linked_with() {
        let this = std::env::current_exe().unwrap();
        let bytes = archive(&this).unwrap();
        assert_eq!(bytes, archive(&this).unwrap());
        let mut archive = tar::Archive::new(bytes.as_slice());
        let entries = archive.entries().unwrap().map(Result::unwrap);
        let found: Vec<(String, u64)> = entries
            .map(|entry| (entry.path().unwrap().display().to_string(), entry.size()))
            .collect();
        let size = std::fs::metadata(&this).unwrap().len();
        assert_eq!(found[0], ("millicore".to_owned(), size));
        assert_eq!(found.len(), 1 + super::libraries(&this).unwrap().len());
    }
}
