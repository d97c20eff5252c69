//! What a program needs to run where nothing else is: itself, and the libraries it is linked with.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The shared libraries of a program and the loader that brings them, by their paths on this machine;
/// none if it is linked statically.
///
/// The loader is asked, which knows where it would find them; the program does not run.
pub(super) fn libraries(executable: &Path) -> io::Result<Vec<PathBuf>> {
    let Some(loader) = loader(&fs::read(executable)?) else {
        return Ok(Vec::new());
    };
    let listed = Command::new(&loader)
        .arg("--list")
        .arg(executable)
        .output()?;
    if !listed.status.success() {
        let says = String::from_utf8_lossy(&listed.stderr).into_owned();
        return Err(io::Error::other(format!("{}: {says}", loader.display())));
    }
    let mut paths = listed_paths(&String::from_utf8_lossy(&listed.stdout));
    paths.push(loader);
    paths.sort();
    paths.dedup();
    Ok(paths)
}

/// The paths in lines such as `libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f)`.
fn listed_paths(text: &str) -> Vec<PathBuf> {
    let path = |line: &str| {
        let (_, found) = line.rsplit_once("=> ").unwrap_or(("", line.trim_start()));
        let found = found.split_once(" (").map_or(found, |(path, _)| path);
        found.starts_with('/').then(|| PathBuf::from(found))
    };
    text.lines().filter_map(path).collect()
}

/// The loader that a program names, if it names one.
///
/// Format: elf(5), a 64-bit little-endian file, program header `PT_INTERP`.
fn loader(elf: &[u8]) -> Option<PathBuf> {
    const INTERPRETER: u64 = 3;
    let number = |at: usize, bytes: usize| {
        let field = elf.get(at..at.checked_add(bytes)?)?;
        Some(
            field
                .iter()
                .rev()
                .fold(0, |sum, &byte| sum << 8 | u64::from(byte)),
        )
    };
    let index = |value: u64| usize::try_from(value).ok();
    if elf.get(..6)? != b"\x7fELF\x02\x01" {
        return None;
    }
    let (table, entry_bytes, entries) = (number(0x20, 8)?, number(0x36, 2)?, number(0x38, 2)?);
    let header = (0..entries)
        .filter_map(|entry| index(table.checked_add(entry * entry_bytes)?))
        .find(|&at| number(at, 4) == Some(INTERPRETER))?;
    let begin = index(number(header + 8, 8)?)?;
    let end = begin.checked_add(index(number(header + 32, 8)?)?)?;
    let name = elf.get(begin..end)?.split(|&byte| byte == 0).next()?;
    Some(PathBuf::from(std::str::from_utf8(name).ok()?))
}

#[cfg(test)]
mod tests {
    use super::{libraries, listed_paths, loader};
    use std::path::PathBuf;

    #[test]
    fn a_dynamic_program_names_its_loader_and_libraries() {
        let this = std::env::current_exe().unwrap();
        let found = libraries(&this).unwrap();
        match loader(&std::fs::read(this).unwrap()) {
            Some(loader) => assert!(found.contains(&loader), "{found:?}"),
            None => assert_eq!(found, Vec::<PathBuf>::new()),
        }
        assert!(found.iter().all(|path| path.is_file()), "{found:?}");
    }

    #[test]
    fn what_is_no_program_has_no_loader() {
        for bytes in [&b""[..], b"#!/bin/sh\n", b"\x7fELF", b"\x7fELF\x02\x01\x01"] {
            assert_eq!(loader(bytes), None);
        }
        let mut cut = b"\x7fELF\x02\x01".to_vec();
        cut.resize(64, 0xff);
        assert_eq!(loader(&cut), None);
    }

    #[test]
    fn paths_are_read_from_what_a_loader_lists() {
        let text = "\tlinux-vdso.so.1 (0x00007ffd)\n\
                    \tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f5e)\n\
                    \t/lib64/ld-linux-x86-64.so.2 (0x00007f5f)\n";
        let expected = [
            "/lib/x86_64-linux-gnu/libc.so.6",
            "/lib64/ld-linux-x86-64.so.2",
        ];
        assert_eq!(listed_paths(text), expected.map(PathBuf::from));
    }
}
