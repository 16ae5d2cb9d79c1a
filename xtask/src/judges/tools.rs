//! Fetches the judges' programs into the build directory, or finds them on the path.
//!
//! Nothing is installed and no daemon is started: a package is downloaded and unpacked below `target/tools`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::test::output_of;
use crate::workspace;

/// The reference parsers, pinned so that a new release cannot change the verdict.
const PYTHON_PARSERS: &str = "prometheus-client==0.26.0";

/// Prometheus itself.
///
/// # Errors
/// If it is not to be had here; the text says how to get it.
pub fn prometheus() -> Result<PathBuf, String> {
    debian("prometheus", "prometheus")
}

/// Prometheus' tool that checks expositions and rules.
///
/// # Errors
/// If it is not to be had here; the text says how to get it.
pub fn promtool() -> Result<PathBuf, String> {
    debian("prometheus", "promtool")
}

/// A Python that can import the reference parsers.
///
/// # Errors
/// If it is not to be had here; the text says how to get it.
pub fn python() -> Result<PathBuf, String> {
    let environment = directory("python");
    let python = environment.join("bin/python");
    if !imports_parsers(&python) {
        // Whether it worked is seen by what it was for.
        let _ = output_of(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment));
        let _ = output_of(Command::new(&python).args(["-m", "pip", "install", "--quiet", PYTHON_PARSERS]));
    }
    let candidates = [python, "python3".into()];
    let found = candidates.into_iter().find(|python| imports_parsers(python));
    found.ok_or_else(|| format!("needs python3 with venv and pip, or `pip install {PYTHON_PARSERS}`"))
}

/// A program of a Debian package, or else one of that name on the path.
fn debian(package: &str, program: &str) -> Result<PathBuf, String> {
    let unpacked = directory(package).join("usr/bin").join(program);
    if !unpacked.is_file() {
        // Without apt, or without its servers, the path is next.
        let _ = unpack(package);
    }
    let candidates = [unpacked, program.into()];
    let found = candidates.into_iter().find(|program| starts(program));
    found.ok_or_else(|| format!("needs `{program}` on the path; on Debian, `apt-get install {package}`"))
}

/// Downloads and unpacks a Debian package.
fn unpack(package: &str) -> Result<(), String> {
    let download = directory("packages").join(package);
    fs::create_dir_all(&download).map_err(|error| error.to_string())?;
    let fetch = || output_of(Command::new("apt-get").args(["download", package]).current_dir(&download));
    if fetch().is_err() {
        // The lists of a fresh machine are empty; updating them takes the rights to.
        output_of(Command::new("apt-get").arg("update"))?;
        fetch()?;
    }
    let files = fs::read_dir(&download).map_err(|error| error.to_string())?;
    for file in files.flatten().filter(|file| file.path().extension().is_some_and(|kind| kind == "deb")) {
        output_of(Command::new("dpkg-deb").arg("-x").arg(file.path()).arg(directory(package)))?;
    }
    Ok(())
}

/// Whether a program of Prometheus can be started at all.
fn starts(program: &Path) -> bool {
    output_of(Command::new(program).arg("--version")).is_ok()
}

/// Whether a Python has the parsers.
fn imports_parsers(python: &Path) -> bool {
    output_of(Command::new(python).args(["-c", "import prometheus_client.openmetrics.parser"])).is_ok()
}

/// Where a tool lies.
fn directory(name: &str) -> PathBuf {
    workspace::target().join("tools").join(name)
}
