//! The kernel that the virtual machine runs: Debian's, downloaded and unpacked but never installed.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Names a kernel to run instead.
const INSTEAD: &str = "MILLICORE_GUEST_KERNEL";

/// Depends on the newest kernel for virtual machines, which has its drivers built in.
const PACKAGE: &str = "linux-image-cloud-amd64";

/// The kernel's image, which stays in this directory for the next time.
pub(super) fn find(directory: &Path) -> Result<PathBuf, String> {
    if let Some(kernel) = env::var_os(INSTEAD) {
        return Ok(kernel.into());
    }
    let unpacked = directory.join("kernel");
    if let Some(kernel) = image(&unpacked) {
        return Ok(kernel);
    }
    let said = run(Command::new("apt-cache").args(["depends", PACKAGE]))?;
    let newest = dependency(&said)
        .ok_or_else(|| format!("apt-cache knows no kernel that {PACKAGE} depends on"))?;
    println!("downloading {newest}");
    run(Command::new("apt-get")
        .args(["download", newest])
        .current_dir(directory))?;
    let is_package = |path: &PathBuf| path.extension().is_some_and(|it| it == "deb");
    let package = paths(directory).into_iter().find(is_package);
    let package = package.ok_or_else(|| format!("{} has no package", directory.display()))?;
    run(Command::new("dpkg-deb")
        .arg("--extract")
        .arg(&package)
        .arg(&unpacked))?;
    image(&unpacked).ok_or_else(|| format!("{} has no kernel", package.display()))
}

fn image(unpacked: &Path) -> Option<PathBuf> {
    let is_image = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("vmlinuz-")
    };
    paths(&unpacked.join("boot")).into_iter().find(is_image)
}

fn paths(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

/// The package in a line such as `  Depends: linux-image-6.1.0-56-cloud-amd64`.
fn dependency(said: &str) -> Option<&str> {
    let mut lines = said.lines();
    lines.find_map(|line| line.trim_start().strip_prefix("Depends: "))
}

fn run(command: &mut Command) -> Result<String, String> {
    let shown = format!("{command:?}");
    let output = command
        .output()
        .map_err(|error| format!("{shown}: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{shown}: {}", said.trim_end()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::dependency;

    #[test]
    fn the_newest_kernel_is_what_the_package_depends_on() {
        let said = "linux-image-cloud-amd64\n  Depends: linux-image-6.1.0-56-cloud-amd64\n";
        assert_eq!(dependency(said), Some("linux-image-6.1.0-56-cloud-amd64"));
        assert_eq!(dependency("linux-image-cloud-amd64\n"), None);
    }
}
