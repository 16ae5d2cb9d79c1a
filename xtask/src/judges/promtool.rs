//! promtool reads an output in which every family has a sample, and complains about what the catalog excepts.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{expected, exposition, tools};
use crate::test::End;

/// The full output: exactly the excepted names.
pub fn full() -> End {
    match tools::promtool() {
        Ok(promtool) => End::from(exposition(&["full", "--format", "text"]).and_then(|text| {
            let excepted = expected::excepted()?;
            let named = complaints(&promtool, &text)?;
            let missing: Vec<_> = excepted.difference(&named).cloned().collect();
            if !missing.is_empty() {
                return Err(format!("excepted, yet promtool does not complain: {}", missing.join(", ")));
            }
            no_other(&named, &excepted)
        })),
        Err(remedy) => End::LeftOut(remedy),
    }
}

/// Any other output: no name that is not excepted.
///
/// # Errors
/// With the names complained about, or with promtool's words if it cannot read the text.
pub fn complains_at_most(promtool: &Path, text: &str) -> Result<(), String> {
    no_other(&complaints(promtool, text)?, &expected::excepted()?)
}

/// Finds names that are complained about and not excepted.
fn no_other(named: &BTreeSet<String>, excepted: &BTreeSet<String>) -> Result<(), String> {
    let other: Vec<_> = named.difference(excepted).cloned().collect();
    if other.is_empty() { Ok(()) } else { Err(format!("promtool complains about {}", other.join(", "))) }
}

/// The names that promtool complains about.
fn complaints(promtool: &Path, text: &str) -> Result<BTreeSet<String>, String> {
    let mut child = Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("promtool cannot be started: {error}"))?;
    if let Some(mut input) = child.stdin.take() {
        // It reads everything before it prints, so neither side waits for the other.
        input.write_all(text.as_bytes()).map_err(|error| format!("promtool does not read: {error}"))?;
    }
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    let printed = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    // 3 is its code for complaints; anything else is an output that it cannot read.
    match output.status.code() {
        Some(0 | 3) => {
            Ok(printed.lines().filter_map(|line| line.split(' ').next()).map(String::from).collect())
        }
        _ => Err(format!("promtool cannot read the output: {printed}")),
    }
}
