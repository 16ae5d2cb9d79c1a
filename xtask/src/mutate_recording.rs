//! `cargo xtask mutate-recording`: takes recordings away from the cluster, or puts them in wrong places, one at a time
//! in a copy of the tree, and has its tests run: some test must fail each time.

mod edits;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::outcome::{Outcome, Refused, Verdict};
use crate::test::output_of;
use crate::workspace;
use edits::{EDITS, Edit};

/// How it is called.
pub const USAGE: &str = "usage: cargo xtask mutate-recording [WORD…]

Only the edits whose name or file has one of the words, if there are any. Exit code 1 if an edit survives. Each edit
takes a build and a run of the test that notices most, and of all the others if that one does not: some ten minutes for
all of them on a quiet machine.";

/// The crate whose recordings are edited.
const CRATE: &str = "vsr-cluster";

/// Tests of the program as a whole: slow, and too far away to tell a recording from another.
const LEFT_OUT: [&str; 2] = ["demo", "soak"];

/// The test that notices most: the simulation in which everything happens, with every family compared. It is built and
/// run alone at first, in a third of the time.
const SHARPEST: [&str; 3] = ["--test", "seeds", "the_whole_story_is_safe_and_counted_exactly"];

/// Edits a copy of the tree, again and again.
pub fn run(arguments: &[OsString]) -> Outcome {
    let mut words = Vec::new();
    let mut parser = lexopt::Parser::from_args(arguments);
    while let Some(argument) = parser.next()? {
        match argument {
            lexopt::Arg::Value(word) => words.push(word.to_string_lossy().into_owned()),
            other => return Err(Refused::from(other.unexpected())),
        }
    }
    let asked_for = |edit: &&Edit| {
        words.is_empty()
            || words.iter().any(|word| edit.name.contains(word.as_str()) || edit.path.contains(word.as_str()))
    };
    let edits: Vec<&Edit> = EDITS.iter().filter(asked_for).collect();
    mutate(&edits).map_err(Refused::new)
}

fn mutate(edits: &[&Edit]) -> Result<Verdict, String> {
    let tree = copy()?;
    eprintln!("running the tests of {CRATE} as it is");
    let is_well = sharpest(&tree).and_then(|_| tests(&tree));
    is_well.map_err(|output| format!("the tests fail before anything is edited\n{output}"))?;
    let mut survivors = Vec::new();
    for (number, edit) in (1..).zip(edits) {
        let path = tree.join(CRATE).join("src").join(edit.path);
        let original = fs::read_to_string(&path).map_err(|error| format!("`{}`: {error}", path.display()))?;
        if original.matches(edit.from).count() != 1 {
            return Err(format!("`{}` does not have exactly once what `{}` is about", edit.path, edit.name));
        }
        eprintln!("edit {number} of {}: {}", edits.len(), edit.name);
        write(&path, &original.replace(edit.from, edit.to))?;
        let begin = Instant::now();
        let killed = is_killed(sharpest(&tree))? || is_killed(tests(&tree))?;
        write(&path, &original)?;
        let seconds = begin.elapsed().as_secs_f64();
        println!(
            "{:<10}{seconds:>6.1} s  {}: {}",
            if killed { "killed" } else { "SURVIVED" },
            edit.path,
            edit.name
        );
        if !killed {
            survivors.push(edit.name);
        }
    }
    println!("{} killed, {} survived", edits.len() - survivors.len(), survivors.len());
    Ok(Verdict::clean_if(survivors.is_empty()))
}

/// A copy of all files that git knows, as they are now, where the build of the last time still is.
fn copy() -> Result<PathBuf, String> {
    let tree = workspace::target().join("mutation/tree");
    let listed = output_of(Command::new("git").args(["ls-files"]).current_dir(workspace::root()))?;
    remove_others(&tree, &listed.lines().map(|name| tree.join(name)).collect())?;
    for name in listed.lines() {
        let (from, to) = (workspace::root().join(name), tree.join(name));
        let Ok(bytes) = fs::read(&from) else { continue };
        if fs::read(&to).is_ok_and(|there| there == bytes) {
            // Cargo goes by times: what is the same is left alone.
            continue;
        }
        let parent = to.parent().ok_or("a file without a directory")?;
        fs::create_dir_all(parent).map_err(|error| format!("`{}`: {error}", parent.display()))?;
        fs::write(&to, bytes).map_err(|error| format!("`{}`: {error}", to.display()))?;
    }
    Ok(tree)
}

/// Removes files of an earlier copy that the tree has no more.
fn remove_others(directory: &Path, kept: &BTreeSet<PathBuf>) -> Result<(), String> {
    let Ok(entries) = fs::read_dir(directory) else { return Ok(()) };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            remove_others(&path, kept)?;
        } else if !kept.contains(&path) && path.file_name().is_some_and(|name| name != "Cargo.lock") {
            fs::remove_file(&path).map_err(|error| format!("`{}`: {error}", path.display()))?;
        }
    }
    Ok(())
}

/// Whether a test failed. An edit that does not compile says nothing about tests.
fn is_killed(run: Result<String, String>) -> Result<bool, String> {
    match run {
        Ok(_) => Ok(false),
        Err(output) if output.contains("test result: FAILED") => Ok(true),
        Err(output) => Err(format!("the tests of an edit do not run\n{output}")),
    }
}

/// Runs the one test.
fn sharpest(tree: &Path) -> Result<String, String> {
    output_of(test(tree).args(SHARPEST))
}

fn test(tree: &Path) -> Command {
    let mut command = Command::new("cargo");
    command.args(["test", "--quiet", "--package", CRATE]).current_dir(tree);
    command.env("CARGO_TARGET_DIR", workspace::target().join("mutation/target"));
    command
}

/// Runs the crate's tests until one fails.
fn tests(tree: &Path) -> Result<String, String> {
    let mut command = test(tree);
    command.arg("--lib");
    let directory = tree.join(CRATE).join("tests");
    let files = fs::read_dir(&directory).map_err(|error| format!("`{}`: {error}", directory.display()))?;
    for file in files.flatten() {
        let path = file.path();
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        if path.extension().is_some_and(|kind| kind == "rs") && !LEFT_OUT.contains(&name) {
            command.args(["--test", name]);
        }
    }
    output_of(&mut command)
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("`{}`: {error}", path.display()))
}
