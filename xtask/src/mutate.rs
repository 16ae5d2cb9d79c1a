//! `cargo xtask mutate-rules`: makes each alert wrong in fixed ways, and sees a test of the alert fail each time.

mod operators;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use vsr_metrics_catalog::Catalog;
use vsr_metrics_catalog::model::{Alert, AlertRule, Condition};
use vsr_metrics_codegen::render::{GeneratedFile, render_alerts};

use crate::catalog;
use crate::judges::tools;
use crate::outcome::{Outcome, Refused, Verdict};
use crate::test::{End, output_of};
use crate::workspace;

/// How it is called.
pub const USAGE: &str = "usage: cargo xtask mutate-rules [--alert NAME]

  --alert NAME   only this alert

Mutants that no test can tell from the rule are listed with their proof in docs/alerts/equivalent-mutants.md.";

/// Mutants that are no mistakes, each with its proof.
const EQUIVALENTS: &str = "docs/alerts/equivalent-mutants.md";

/// Programs that run at the same time.
const AT_ONCE: usize = 2;

/// One rule made wrong.
struct Case {
    alert: String,
    /// Labels that tell the rule from others of the same name, and what was done to it.
    what: String,
    rules: PathBuf,
    tests: Vec<PathBuf>,
}

/// Runs all mutants and tells of those that no test noticed.
pub fn run(arguments: &[OsString]) -> Outcome {
    let mut only = None;
    let mut parser = lexopt::Parser::from_args(arguments);
    while let Some(argument) = parser.next()? {
        match argument {
            lexopt::Arg::Long("alert") => only = Some(parser.value()?.to_string_lossy().into_owned()),
            other => return Err(Refused::from(other.unexpected())),
        }
    }
    let promtool = tools::promtool().map_err(Refused::new)?;
    let summary = judge(&promtool, only.as_deref()).map_err(Refused::new)?;
    println!("{}", summary.text);
    Ok(Verdict::clean_if(summary.findings.is_empty()))
}

/// The same as a step of the tests.
pub fn step() -> End {
    match tools::promtool() {
        Ok(promtool) => match judge(&promtool, None) {
            Ok(summary) if summary.findings.is_empty() => End::Passed,
            Ok(summary) => End::Failed(summary.text),
            Err(error) => End::Failed(error),
        },
        Err(remedy) => End::LeftOut(remedy),
    }
}

/// What came of all mutants.
struct Summary {
    text: String,
    findings: Vec<String>,
}

fn judge(promtool: &Path, only: Option<&str>) -> Result<Summary, String> {
    let root = workspace::target().join("mutants");
    if root.exists() {
        fs::remove_dir_all(&root).map_err(|error| format!("`{}`: {error}", root.display()))?;
    }
    let mut cases = Vec::new();
    for (path, _) in catalog::COMMITTED {
        let compiled = catalog::read(Path::new(path)).map_err(|refused| refused.to_string())?;
        if compiled.diagnostics.has_errors() {
            return Err(compiled.diagnostics.render_all(&compiled.source));
        }
        cases.extend(write_all(&root, &compiled.catalog, only)?);
    }
    // A rule that cannot be read would fail every test, and prove nothing.
    output_of(Command::new(promtool).args(["check", "rules"]).args(cases.iter().map(|case| &case.rules)))?;
    let failed = failed(promtool, &cases)?;
    let survivors: BTreeSet<(String, String)> = cases
        .iter()
        .filter(|case| !case.tests.iter().any(|test| failed.contains(test)))
        .map(|case| (case.alert.clone(), case.what.clone()))
        .collect();
    Ok(summarize(&cases, &survivors, only))
}

/// Compares what survived with what is listed as equivalent.
fn summarize(cases: &[Case], survivors: &BTreeSet<(String, String)>, only: Option<&str>) -> Summary {
    let excused = match only {
        None => equivalents(),
        Some(only) => equivalents().into_iter().filter(|((alert, _), _)| alert == only).collect(),
    };
    let mut findings: Vec<String> = Vec::new();
    for (alert, what) in survivors {
        if !excused.contains_key(&(alert.clone(), what.clone())) {
            findings.push(format!("no test notices: {alert}: {what}"));
        }
    }
    for ((alert, what), proof) in &excused {
        if !survivors.contains(&(alert.clone(), what.clone())) {
            findings.push(format!("{EQUIVALENTS}: a test notices, or nobody makes it: {alert}: {what}"));
        }
        if proof.is_empty() {
            findings.push(format!("{EQUIVALENTS}: no proof: {alert}: {what}"));
        }
    }
    let alerts: BTreeSet<&str> = cases.iter().map(|case| case.alert.as_str()).collect();
    let counts = format!(
        "{} mutants of {} alerts: {} killed, {} listed as equivalent, {} neither",
        cases.len(),
        alerts.len(),
        cases.len() - survivors.len(),
        survivors.iter().filter(|survivor| excused.contains_key(survivor)).count(),
        survivors.iter().filter(|survivor| !excused.contains_key(survivor)).count(),
    );
    let text = findings.iter().cloned().chain([counts]).collect::<Vec<_>>().join("\n");
    Summary { text, findings }
}

/// The rows of the list: alert, what was done, why it makes no difference.
fn equivalents() -> BTreeMap<(String, String), String> {
    let text = fs::read_to_string(workspace::root().join(EQUIVALENTS)).unwrap_or_default();
    let rows = text.lines().filter_map(|line| {
        let cells: Vec<&str> = line.trim().trim_matches('|').split(" | ").map(str::trim).collect();
        let [alert, what, proof] = cells[..] else { return None };
        let alert = alert.strip_prefix('`')?.strip_suffix('`')?;
        Some(((alert.to_owned(), what.trim_matches('`').to_owned()), proof.to_owned()))
    });
    rows.collect()
}

/// Writes the rules of every mutant, and the tests of the alert as it should be.
fn write_all(root: &Path, catalog: &Catalog, only: Option<&str>) -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    for alert in catalog.alerts.iter().filter(|alert| only.is_none_or(|only| alert.name == only)) {
        for rule in &alert.rules() {
            let original = render_alerts(&alone(catalog, alert, rule));
            // Rules of one name are told apart by their labels, and so are the tests of each.
            let labels: Vec<String> =
                rule.labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
            for mutant in operators::mutants(catalog, rule) {
                let directory = root.join(&catalog.name).join(&alert.name).join(cases.len().to_string());
                let changed = render_alerts(&alone(catalog, alert, &mutant.rule));
                let (tests, _) = write(&directory, &original, |file| {
                    file.path.contains("tests/") && labels.iter().all(|label| file.contents.contains(label))
                })?;
                let (_, rules) = write(&directory, &changed, |file| !file.path.contains("tests/"))?;
                let rules = rules.into_iter().find(|path| path.to_string_lossy().ends_with(".alerts.yml"));
                cases.push(Case {
                    alert: alert.name.clone(),
                    what: labels.iter().map(|label| format!("{label}: ")).chain([mutant.what]).collect(),
                    rules: rules.ok_or("no rules were rendered")?,
                    tests,
                });
            }
        }
    }
    Ok(cases)
}

/// The catalog with one rule of one alert, and only what it needs recorded.
fn alone(catalog: &Catalog, alert: &Alert, rule: &AlertRule) -> Catalog {
    let mut alert = alert.clone();
    alert.severity = rule.severity;
    alert.expr.clone_from(&rule.expr);
    alert.labels.clone_from(&rule.labels);
    alert.others = Vec::new();
    if let Condition::Missing { metrics, .. } = &mut alert.condition {
        metrics.retain(|metric| rule.labels.iter().any(|(_, value)| value == metric));
    }
    let needed = match &alert.condition {
        Condition::Burn { slo } => Some(slo.clone()),
        _ => None,
    };
    alert.hold = rule.hold;
    let mut alone = catalog.clone();
    alone.rules.retain(|rule| rule.objective.is_some() && rule.objective == needed);
    alone.alerts = vec![alert];
    alone
}

/// Writes some of the files; returns the paths, those of tests apart.
fn write(
    directory: &Path,
    files: &[GeneratedFile],
    wanted: impl Fn(&GeneratedFile) -> bool,
) -> Result<(Vec<PathBuf>, Vec<PathBuf>), String> {
    let (mut tests, mut rules) = (Vec::new(), Vec::new());
    for file in files.iter().filter(|file| wanted(file)) {
        let path = directory.join(&file.path);
        let parent = path.parent().unwrap_or(directory);
        fs::create_dir_all(parent).map_err(|error| format!("`{}`: {error}", parent.display()))?;
        fs::write(&path, &file.contents).map_err(|error| format!("`{}`: {error}", path.display()))?;
        if file.path.contains("tests/") { tests.push(path) } else { rules.push(path) }
    }
    Ok((tests, rules))
}

/// The test files that failed.
fn failed(promtool: &Path, cases: &[Case]) -> Result<BTreeSet<PathBuf>, String> {
    let files: Vec<&PathBuf> = cases.iter().flat_map(|case| &case.tests).collect();
    let outputs: Vec<Result<String, String>> = thread::scope(|scope| {
        let run = |number: usize| {
            let mut command = Command::new(promtool);
            command.args(["test", "rules"]).args(files.iter().skip(number).step_by(AT_ONCE));
            scope.spawn(move || {
                let output =
                    command.output().map_err(|error| format!("promtool cannot be started: {error}"))?;
                Ok(String::from_utf8_lossy(&output.stdout).into_owned())
            })
        };
        let running: Vec<_> = (0..AT_ONCE).map(run).collect();
        let join = |thread: thread::ScopedJoinHandle<'_, _>| {
            thread.join().unwrap_or_else(|_| Err("a run of promtool panicked".to_owned()))
        };
        running.into_iter().map(join).collect()
    });
    // It names each file, and says of those that passed that they did; what failed is told elsewhere.
    let (mut failed, mut judged, mut last) = (BTreeSet::new(), 0, None);
    for output in outputs {
        for line in output?.lines() {
            if let Some(name) = line.strip_prefix("Unit Testing:") {
                failed.insert(PathBuf::from(name.trim()));
                last = Some(PathBuf::from(name.trim()));
                judged += 1;
            } else if line.trim() == "SUCCESS"
                && let Some(file) = last.take()
            {
                failed.remove(&file);
            }
        }
    }
    if judged == files.len() {
        Ok(failed)
    } else {
        Err(format!("promtool judged {judged} of {} files", files.len()))
    }
}
