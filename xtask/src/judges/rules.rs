//! The generated rules before the programs that will evaluate them: promtool checks and tests, vmalert loads.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use super::tools;
use crate::catalog;
use crate::test::{End, output_of};
use crate::workspace;

/// Programs that run at the same time.
const AT_ONCE: usize = 2;

/// promtool has nothing to say about alerts and recording rules, and they pass their own tests.
pub fn promtool() -> End {
    match tools::promtool() {
        Ok(program) => End::from(check(&program).and_then(|()| test(&program))),
        Err(remedy) => End::LeftOut(remedy),
    }
}

/// The same files load in vmalert, which reads them for `VictoriaMetrics`.
pub fn vmalert() -> End {
    match tools::vmalert() {
        Ok(program) => End::from(rules().and_then(|files| {
            let mut dry_run = Command::new(program);
            dry_run.args(["-dryRun", "-rule.validateExpressions", "-rule.validateTemplates"]);
            for file in files {
                dry_run.arg(format!("-rule={}", file.display()));
            }
            output_of(&mut dry_run).map(drop)
        })),
        Err(remedy) => End::LeftOut(remedy),
    }
}

fn check(program: &Path) -> Result<(), String> {
    output_of(Command::new(program).args(["check", "rules", "--lint=all", "--lint-fatal"]).args(rules()?))
        .map(drop)
}

/// Runs the test files in a few programs at once: each of them uses one core.
fn test(program: &Path) -> Result<(), String> {
    let mut files = Vec::new();
    for directory in directories() {
        files.extend(yaml_in(&directory.join("tests"))?);
    }
    if files.is_empty() {
        return Err("no tests of alerts were generated".to_owned());
    }
    // Large files first, and then whatever fits.
    files.sort_by_key(|file| std::cmp::Reverse(fs::metadata(file).map_or(0, |data| data.len())));
    let share = |number: usize| files.iter().skip(number).step_by(AT_ONCE);
    let outcomes: Vec<Result<String, String>> = thread::scope(|scope| {
        let run = |number| {
            let mut command = Command::new(program);
            command.args(["test", "rules"]).args(share(number));
            scope.spawn(move || output_of(&mut command))
        };
        let running: Vec<_> = (0..AT_ONCE.min(files.len())).map(run).collect();
        running
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| Err("a test of rules panicked".to_owned())))
            .collect()
    });
    outcomes.into_iter().try_for_each(|outcome| outcome.map(drop))
}

/// Where the rules of each committed catalog lie.
fn directories() -> Vec<PathBuf> {
    catalog::COMMITTED.iter().map(|(_, out)| workspace::root().join(out).join("alerts")).collect()
}

/// All generated files of rules.
pub(super) fn rules() -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for directory in directories() {
        files.extend(yaml_in(&directory)?);
    }
    if files.is_empty() { Err("no rules were generated".to_owned()) } else { Ok(files) }
}

/// How many rules these files hold, alerting and recording ones.
pub(super) fn declared() -> Result<usize, String> {
    let mut count = 0;
    for file in rules()? {
        let text = fs::read_to_string(&file).map_err(|error| format!("`{}`: {error}", file.display()))?;
        let begins = |line: &&str| ["- alert:", "- record:"].iter().any(|key| line.trim().starts_with(key));
        count += text.lines().filter(begins).count();
    }
    Ok(count)
}

/// The YAML files of a directory, in a fixed order; none of one that is not there.
fn yaml_in(directory: &Path) -> Result<Vec<PathBuf>, String> {
    if !directory.exists() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(directory).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let entries = entries.map_err(|error| format!("`{}`: {error}", directory.display()))?;
    let mut files: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|kind| kind == "yml"));
    files.sort();
    Ok(files)
}
