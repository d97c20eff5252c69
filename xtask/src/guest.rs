//! `cargo xtask guest`: tests of CPU limits on a kernel with control groups of version 2, in a virtual
//! machine.
//!
//! Hosts that still have version 1 cannot mount version 2 with the controller `cpu`. So Debian's
//! kernel, busybox and the tests, at the paths that they have here, become a machine that lives in
//! memory. It is emulated, and needs no right.

mod archive;
mod executables;
mod kernel;

use archive::Archive;
use executables::Executable;
use std::env;
use std::fs;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use crate::test_run::tally::Tally;

/// What the first process of the machine does; `TESTS` stands for the tests.
const INIT: &str = include_str!("guest/init.sh");

/// The line that it prints when every test has passed.
const PASSED: &str = "guest: passed";

const EMULATOR: &str = "qemu-system-x86_64";

/// More than the tests take on a busy machine.
const MOST_SECONDS: &str = "300";

/// Runs nothing else.
pub(crate) fn run_alone(repository: &Path) -> ExitCode {
    match run(repository, &mut Tally::default()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("xtask: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the tests. Where something is missing it says so and is content, but not with `CI=true`.
pub(crate) fn run(repository: &Path, tally: &mut Tally) -> Result<(), String> {
    let directory = target_directory(repository).join("guest");
    fs::create_dir_all(&directory).map_err(|error| at(&directory, &error))?;
    let found = find_programs().and_then(|busybox| Ok((busybox, kernel::find(&directory)?)));
    let (busybox, kernel) = match found {
        Ok(found) => found,
        Err(missing) if env::var_os("CI").is_some_and(|ci| ci == "true") => return Err(missing),
        Err(missing) => {
            println!("not tested: {missing}");
            return Ok(());
        }
    };
    let executables = executables::build(repository)?;
    let machine = directory.join("initramfs");
    let archive = fill(&busybox, &executables)?.finish();
    fs::write(&machine, archive).map_err(|error| at(&machine, &error))?;
    boot(&kernel, &machine, tally)
}

fn target_directory(repository: &Path) -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| repository.join("target"), PathBuf::from)
}

/// Where busybox is, if the emulator is there too.
fn find_programs() -> Result<PathBuf, String> {
    let machine = env::consts::ARCH;
    if machine != "x86_64" {
        return Err(format!(
            "the virtual machine is for x86_64, and this is {machine}"
        ));
    }
    let find = |program: &str, package: &str| {
        let path = env::var_os("PATH").unwrap_or_default();
        let found = env::split_paths(&path).map(|directory| directory.join(program));
        found.into_iter().find(|it| it.is_file()).ok_or_else(|| {
            format!("{program} is not on the PATH; Debian has it in the package {package}")
        })
    };
    find(EMULATOR, "qemu-system-x86")?;
    find("busybox", "busybox-static")
}

/// Everything that is in the machine.
fn fill(busybox: &Path, executables: &[Executable]) -> Result<Archive, String> {
    let mut archive = Archive::default();
    for directory in ["dev", "proc", "sys", "tmp"] {
        archive.add_directory(Path::new(directory));
    }
    let mut add = |path: &Path, source: &Path| {
        let contents = fs::read(source).map_err(|error| at(source, &error))?;
        archive.add_program(path, &contents);
        Ok::<(), String>(())
    };
    add(Path::new("/bin/busybox"), busybox)?;
    let mut libraries = executables::libraries(busybox)?;
    for executable in executables {
        add(&executable.path, &executable.stripped()?)?;
        libraries.extend(executables::libraries(&executable.path)?);
    }
    for library in libraries {
        add(&library, &library)?;
    }
    let tests = executables.iter().filter_map(Executable::test_command);
    let tests: Vec<String> = tests.collect();
    archive.add_program(
        Path::new("/init"),
        INIT.replace("\nTESTS\n", &format!("\n{}\n", tests.join(" &&\n")))
            .as_bytes(),
    );
    Ok(archive)
}

/// Boots the machine and listens to its serial line until it is switched off.
fn boot(kernel: &Path, machine: &Path, tally: &mut Tally) -> Result<(), String> {
    let not_run = |error| format!("{EMULATOR} did not run: {error}");
    let mut emulator = Command::new("timeout")
        .args([MOST_SECONDS, EMULATOR])
        .args("-accel tcg -smp 2 -m 1024 -no-reboot".split(' '))
        .args("-vga none -display none -monitor none -nic none -serial stdio".split(' '))
        .arg("-kernel")
        .arg(kernel)
        .arg("-initrd")
        .arg(machine)
        .args(["-append", "console=ttyS0 quiet panic=-1 cgroup_no_v1=all"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(not_run)?;
    let mut printed = Vec::new();
    if let Some(console) = emulator.stdout.take() {
        let passed_on = tally.pass_on(BufReader::new(console), &mut printed);
        passed_on.map_err(not_run)?;
    }
    let status = emulator.wait().map_err(not_run)?;
    let printed = String::from_utf8_lossy(&printed);
    println!("{printed}");
    if printed.lines().any(|line| line.trim_end() == PASSED) {
        Ok(())
    } else {
        Err(format!(
            "no `{PASSED}` from the machine, which ended with {status}"
        ))
    }
}

fn at(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}
