//! `cargo xtask tidy`: the habits of this repository that no compiler checks, over the files that git knows.

mod arrows;
mod layers;
mod links;
mod promises;
mod text;

use std::ffi::OsString;
use std::fmt;
use std::path::Path;
use std::process::Command;

use crate::outcome::{Outcome, Refused, Verdict};
use crate::workspace;

/// How it is called.
pub const USAGE: &str = "usage: cargo xtask tidy";

/// One tracked file.
pub struct File {
    /// Path from the root, with forward slashes.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// One broken habit.
pub struct Finding {
    path: String,
    line: usize,
    message: String,
}

impl File {
    /// Whether it is Rust that a person wrote and cargo builds: fixtures of mistakes are not.
    fn is_rust(&self) -> bool {
        Path::new(&self.path).extension().is_some_and(|kind| kind == "rs") && !self.path.contains("/ui/")
    }

    /// Whether it belongs to the tests.
    fn is_test(&self) -> bool {
        self.path.contains("/tests/")
    }

    /// A finding about a line, counted from 1; 0 stands for the whole file.
    fn finding(&self, line: usize, message: impl Into<String>) -> Finding {
        Finding { path: self.path.clone(), line, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.path)?;
        if self.line > 0 {
            write!(f, "{}:", self.line)?;
        }
        write!(f, " {}", self.message)
    }
}

/// Prints every broken habit.
pub fn run(arguments: &[OsString]) -> Outcome {
    if let Some(word) = arguments.first() {
        return Err(Refused::new(format!("unexpected argument `{}`", word.to_string_lossy())));
    }
    let files = tracked(&workspace::root())?;
    let mut findings = text::check(&files);
    findings.extend(layers::check(&files));
    findings.extend(links::check(&files));
    findings.extend(promises::check(&files));
    findings.extend(arrows::check()?);
    for finding in &findings {
        println!("{finding}");
    }
    if findings.is_empty() {
        println!("{} files are tidy", files.len());
    }
    Ok(Verdict::clean_if(findings.is_empty()))
}

/// All text files that git tracks or would track.
fn tracked(root: &Path) -> Result<Vec<File>, Refused> {
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .map_err(|error| Refused::new(format!("`git` cannot be started: {error}")))?;
    if !listed.status.success() {
        return Err(Refused::new(format!(
            "`git ls-files` failed: {}",
            String::from_utf8_lossy(&listed.stderr)
        )));
    }
    let mut files = Vec::new();
    for path in String::from_utf8_lossy(&listed.stdout).split_terminator('\0') {
        let place = root.join(path);
        // A symlink's target is listed itself; a deleted file is not there; a binary file has no lines.
        if place.is_symlink() {
            continue;
        }
        if let Ok(text) = std::fs::read_to_string(&place) {
            files.push(File { path: path.to_owned(), text });
        }
    }
    Ok(files)
}
