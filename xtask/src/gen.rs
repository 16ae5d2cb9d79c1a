//! `cargo xtask gen`: writes the files that follow from the catalogs, or says which of them are stale.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::catalog;
use crate::outcome::{Outcome, Refused, Verdict};
use crate::workspace;

/// How it is called.
pub const USAGE: &str = "usage: cargo xtask gen [--check] [--catalog FILE] [--overlay FILE] [--out DIR]

  --check          write nothing; list each stale file and exit with 1
  --catalog FILE   another catalog than the committed ones; needs --out
  --overlay FILE   what a deployment changes; without --out, the files go below target/overlays/
  --out DIR        where the files go (default: docs/ for metrics.yaml)";

/// What every generated file says in its first lines.
const MARK: &str = "by `cargo xtask gen`";

/// In how many lines the mark is looked for: some formats need an opening before they can say anything.
const MARK_LINES: usize = 3;

/// Paths of files with what they should say.
type Files = BTreeMap<PathBuf, String>;

/// Writes or checks.
pub fn run(arguments: &[OsString]) -> Outcome {
    let (mut is_check, mut named, mut overlay, mut out) = (false, None, None, None);
    let mut parser = lexopt::Parser::from_args(arguments);
    while let Some(argument) = parser.next()? {
        match argument {
            lexopt::Arg::Long("check") => is_check = true,
            lexopt::Arg::Long("catalog") => named = Some(parser.value()?),
            lexopt::Arg::Long("overlay") => overlay = Some(PathBuf::from(parser.value()?)),
            lexopt::Arg::Long("out") => out = Some(PathBuf::from(parser.value()?)),
            other => return Err(Refused::from(other.unexpected())),
        }
    }
    if let Some(overlay) = &overlay {
        // The committed files are those of no deployment.
        let name = overlay.file_stem().unwrap_or(overlay.as_os_str());
        out = out.or_else(|| Some(workspace::target().join("overlays").join(name)));
    }
    let jobs = jobs(named, out)?;
    let mut files = Files::new();
    for (path, out) in &jobs {
        let (compiled, changes) = catalog::read_with(path, overlay.as_deref())?;
        let judged = std::iter::once(&compiled).chain(&changes);
        let wrong: Vec<_> = judged.filter(|outcome| outcome.diagnostics.has_errors()).collect();
        for outcome in &wrong {
            eprintln!("{}", outcome.diagnostics.render_all(&outcome.source));
        }
        if !wrong.is_empty() {
            return Ok(Verdict::Findings);
        }
        for file in vsr_metrics_codegen::render::render(&compiled.catalog) {
            files.insert(out.join(file.path), file.contents);
        }
    }
    let orphans = orphans(&jobs, &files)?;
    if is_check { Ok(check(&files, &orphans)) } else { write(&files, &orphans) }
}

/// Which catalog goes where.
fn jobs(named: Option<OsString>, out: Option<PathBuf>) -> Result<Vec<(PathBuf, PathBuf)>, Refused> {
    let committed = |(path, out): (&str, &str)| (PathBuf::from(path), workspace::root().join(out));
    match (named, out) {
        (None, None) => Ok(catalog::COMMITTED.map(committed).to_vec()),
        (None, Some(out)) => Ok(vec![(catalog::COMMITTED[0].0.into(), out)]),
        (Some(path), Some(out)) => Ok(vec![(path.into(), out)]),
        (Some(path), None) => {
            let known =
                catalog::COMMITTED.into_iter().find(|(known, _)| Path::new(&path) == Path::new(known));
            let job = known.map(|known| vec![committed(known)]);
            job.ok_or_else(|| Refused::new(format!("`{}` needs `--out DIR`", path.to_string_lossy())))
        }
    }
}

/// Lists every file that does not say what it should, with the first line that differs.
fn check(files: &Files, orphans: &[PathBuf]) -> Verdict {
    let mut findings = Vec::new();
    for (path, contents) in files {
        match fs::read_to_string(path) {
            Ok(found) => {
                findings.extend(difference(&found, contents).map(|what| format!("{}:{what}", shown(path))));
            }
            Err(error) => findings.push(format!("{}: cannot be read: {error}", shown(path))),
        }
    }
    findings.extend(orphans.iter().map(|path| format!("{}: no catalog generates it any more", shown(path))));
    for finding in &findings {
        println!("{finding}");
    }
    if findings.is_empty() {
        println!("{} generated files are current", files.len());
    } else {
        println!("run `cargo xtask gen` and commit what it writes");
    }
    Verdict::clean_if(findings.is_empty())
}

/// Writes every file that differs, and removes those that nothing generates any more.
fn write(files: &Files, orphans: &[PathBuf]) -> Outcome {
    let refuse = |path: &Path, error: &std::io::Error| Refused::new(format!("`{}`: {error}", shown(path)));
    for (path, contents) in files {
        if fs::read_to_string(path).is_ok_and(|found| found == *contents) {
            continue;
        }
        let directory = path.parent().unwrap_or(path);
        fs::create_dir_all(directory).map_err(|error| refuse(directory, &error))?;
        fs::write(path, contents).map_err(|error| refuse(path, &error))?;
        println!("wrote {}", shown(path));
    }
    for path in orphans {
        fs::remove_file(path).map_err(|error| refuse(path, &error))?;
        println!("removed {}", shown(path));
    }
    println!("{} generated files are current", files.len());
    Ok(Verdict::Clean)
}

/// Generated files below the directories that nothing generates any more.
fn orphans(jobs: &[(PathBuf, PathBuf)], files: &Files) -> Result<Vec<PathBuf>, Refused> {
    let mut found = Vec::new();
    let others = catalog::COMMITTED.map(|(_, out)| workspace::root().join(out));
    for (_, out) in jobs {
        let mut directories = vec![out.clone()];
        while let Some(directory) = directories.pop() {
            for path in entries(&directory)? {
                if path.is_dir() {
                    // What another catalog's files go into is judged with that catalog.
                    let is_other = others.contains(&path);
                    if !is_other {
                        directories.push(path);
                    }
                } else if !files.contains_key(&path) && is_generated(&path) {
                    found.push(path);
                }
            }
        }
    }
    Ok(found)
}

/// What lies in a directory, in a fixed order; nothing in one that is not there.
fn entries(directory: &Path) -> Result<Vec<PathBuf>, Refused> {
    if !directory.exists() {
        return Ok(Vec::new());
    }
    let listed = fs::read_dir(directory).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let listed = listed.map_err(|error| Refused::new(format!("`{}`: {error}", shown(directory))))?;
    let mut paths: Vec<PathBuf> = listed.into_iter().map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}

/// Whether a file says that it was generated.
fn is_generated(path: &Path) -> bool {
    fs::read_to_string(path).is_ok_and(|text| text.lines().take(MARK_LINES).any(|line| line.contains(MARK)))
}

/// The first line that differs, as `LINE: found, expected`.
fn difference(found: &str, expected: &str) -> Option<String> {
    if found == expected {
        return None;
    }
    let (mut left, mut right) = (found.lines(), expected.lines());
    let mut number = 0;
    loop {
        number += 1;
        match (left.next(), right.next()) {
            (Some(found), Some(expected)) if found == expected => {}
            (None, None) => return Some(format!("{number}: the line ends differ")),
            (found, expected) => {
                let line = |line: Option<&str>| {
                    line.map_or("the end of the file".into(), |line| format!("`{line}`"))
                };
                return Some(format!("{number}: is {}, expected {}", line(found), line(expected)));
            }
        }
    }
}

/// A path as a person in the root would write it.
fn shown(path: &Path) -> String {
    path.strip_prefix(workspace::root()).unwrap_or(path).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_line_that_differs_is_told() {
        assert_eq!(difference("a\nb\n", "a\nb\n"), None);
        assert_eq!(difference("a\nb\n", "a\nc\n").as_deref(), Some("2: is `b`, expected `c`"));
        assert_eq!(difference("a\n", "a\nc\n").as_deref(), Some("2: is the end of the file, expected `c`"));
        assert_eq!(difference("a", "a\n").as_deref(), Some("2: the line ends differ"));
    }

    #[test]
    fn foreign_catalog_needs_a_place_for_its_files() {
        assert!(jobs(Some("x.yaml".into()), None).is_err());
        assert_eq!(jobs(None, None).map(|jobs| jobs.len()).ok(), Some(2));
    }
}
