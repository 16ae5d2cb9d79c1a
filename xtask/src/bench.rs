//! `cargo xtask bench`: the comparison with other libraries, by becoming it.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;

use crate::outcome::{Outcome, Refused};
use crate::workspace;

/// How it is called.
pub const USAGE: &str = "usage: cargo xtask bench [OPTIONS]

All options go to the benchmark, a crate of its own under bench/: no other chore compiles the libraries it compares.";

/// Builds the benchmark and replaces this process with it.
pub fn run(arguments: &[OsString]) -> Outcome {
    let manifest = workspace::root().join("bench/Cargo.toml");
    if !manifest.is_file() {
        return Err(Refused::new("`bench/Cargo.toml` is missing: there is no benchmark to run"));
    }
    eprintln!("building the benchmark and the libraries it compares, optimized");
    let error = workspace::cargo(["run", "--release", "--quiet", "--manifest-path"])
        .arg(manifest)
        .arg("--")
        .args(arguments)
        .exec();
    Err(Refused::new(format!("`cargo` cannot be started: {error}")))
}
