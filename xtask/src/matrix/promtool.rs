//! Prometheus' rule engine on the generated rules and the scrapes of a trial.
//!
//! promtool's unit tests are the only way to it without a server and without waiting. A test that expects nothing fails
//! and prints what there is; so three expressions over `ALERTS` tell when each alert fired first and last, and how often
//! it began to.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use vsr_metrics_catalog::{Catalog, promql};

use super::scrapes::{STEP, Scrapes, TARGET};
use crate::catalog;
use crate::workspace;

/// The rules to evaluate, and what they look at.
pub struct Rules {
    files: Vec<PathBuf>,
    /// Their groups, those of alerts first.
    groups: Vec<String>,
    metrics: BTreeSet<String>,
}

/// From when to when an alert fired with the same labels. Times are seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its name.
    pub alert: String,
    /// The replica that its labels name, if they do.
    pub replica: Option<u64>,
    /// The first evaluation at which it fired.
    pub first: u64,
    /// The last one.
    pub last: u64,
    /// How often it began to fire.
    pub times: u64,
}

impl Rules {
    /// Alerts of a catalog, the recorded series that they look at, and the metrics that those come from.
    ///
    /// # Errors
    /// If a file of rules is missing.
    pub fn of(catalog: &Catalog) -> Result<Self, String> {
        let mut metrics = BTreeSet::new();
        let mut is_recorded = BTreeMap::new();
        let rules = catalog.alerts.iter().flat_map(vsr_metrics_catalog::model::Alert::rules);
        let mut open: Vec<String> = rules.flat_map(|rule| promql::series(&rule.expr)).collect();
        while let Some(name) = open.pop() {
            if let Some(rule) = catalog.rules.iter().find(|rule| rule.record == name) {
                if is_recorded.insert(name, rule.objective.is_some()).is_none() {
                    open.extend(promql::series(&rule.expr));
                }
            } else {
                metrics.insert(name);
            }
        }
        let mut names = vec!["alerts"];
        // Objectives record into a file of their own; the two hundred other rules are loaded only if an alert needs one.
        names.extend(is_recorded.values().any(|is_objective| *is_objective).then_some("objectives"));
        names.extend(is_recorded.values().any(|is_objective| !is_objective).then_some("recording"));
        let (_, out) = catalog::COMMITTED[0];
        let directory = workspace::root().join(out).join("alerts");
        let files: Vec<PathBuf> =
            names.iter().map(|name| directory.join(format!("{}.{name}.yml", catalog.name))).collect();
        match files.iter().find(|file| !file.is_file()) {
            Some(missing) => Err(format!("`{}` is missing: run `cargo xtask gen`", missing.display())),
            None => Ok(Self { groups: groups(&files)?, files, metrics }),
        }
    }

    /// The metrics that they look at.
    pub fn metrics(&self) -> &BTreeSet<String> {
        &self.metrics
    }
}

/// Seconds between two evaluations in a trial of this length: as the configuration to deploy has it, and as Prometheus has
/// it by itself where a trial takes hours.
pub fn pause(length: u64) -> u64 {
    if length > HOURS { 60 } else { STEP }
}

/// From this length on, a trial takes hours.
const HOURS: u64 = 2 * 3600;

/// Evaluates the rules over a whole trial. Returns each alert that fired, once for each set of labels.
///
/// # Errors
/// If promtool cannot be started, or says something else than which alerts fired.
pub fn evaluate(
    program: &Path,
    directory: &Path,
    name: &str,
    length: u64,
    rules: &Rules,
    scrapes: &Scrapes,
) -> Result<Vec<Span>, String> {
    let file = directory.join(format!("{name}.test.yml"));
    fs::write(&file, test(length, rules, scrapes))
        .map_err(|error| format!("`{}`: {error}", file.display()))?;
    let output = Command::new(program)
        .args(["test", "rules"])
        .arg(&file)
        .output()
        .map_err(|error| format!("promtool cannot be started: {error}"))?;
    let printed = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    let answers: Vec<&str> = printed.lines().filter_map(|line| line.trim().strip_prefix("got:")).collect();
    // Where nothing fired, nothing was expected.
    if output.status.success() && answers.is_empty() {
        return Ok(Vec::new());
    }
    let [first, last, times] = answers[..] else {
        return Err(format!("`{}`: promtool does not say what fired:\n{printed}", file.display()));
    };
    spans(first, last, times)
}

/// Puts together what the three expressions say of each set of labels.
fn spans(first: &str, last: &str, times: &str) -> Result<Vec<Span>, String> {
    let (first, last, times) = (samples(first)?, samples(last)?, samples(times)?);
    let span = |(labels, first): (&String, &u64)| {
        let missing = || format!("`{labels}` fired, and promtool does not say when or how often");
        Ok(Span {
            alert: label(labels, "alertname").ok_or_else(missing)?.to_owned(),
            replica: replica(labels),
            first: *first,
            last: *last.get(labels).ok_or_else(missing)?,
            times: *times.get(labels).ok_or_else(missing)?,
        })
    };
    first.iter().map(span).collect()
}

/// The test file.
fn test(length: u64, rules: &Rules, scrapes: &Scrapes) -> String {
    let pause = pause(length);
    let mut text = String::from("rule_files:\n");
    for file in &rules.files {
        let _ = writeln!(text, "  - {}", quoted(&file.display().to_string()));
    }
    // promtool has no order of its own. With alerts first, what they read was recorded one evaluation before: the latest
    // that Prometheus may be.
    text += "group_eval_order:\n";
    for group in &rules.groups {
        let _ = writeln!(text, "  - {}", quoted(group));
    }
    let _ = write!(text, "evaluation_interval: {pause}s\ntests:\n  - interval: {STEP}s\n    input_series:\n");
    for (selector, values) in scrapes.written() {
        let _ = writeln!(text, "      - {{ series: {}, values: {} }}", quoted(selector), quoted(&values));
    }
    text += "    promql_expr_test:\n";
    let firing = "ALERTS{alertstate=\"firing\"}";
    // It begins wherever it did not fire at the evaluation before.
    let begins = format!("{firing} unless {firing} offset {pause}s");
    for (function, inner) in [
        ("min_over_time", format!("timestamp({firing})")),
        ("max_over_time", format!("timestamp({firing})")),
        ("count_over_time", format!("({begins})")),
    ] {
        let expr = format!("{function}({inner}[{length}s:{pause}s])");
        let _ = writeln!(text, "      - {{ expr: {}, eval_time: {length}s }}", quoted(&expr));
    }
    text
}

/// Names of all groups in files of rules, as `cargo xtask gen` writes them.
fn groups(files: &[PathBuf]) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    for file in files {
        let text = fs::read_to_string(file).map_err(|error| format!("`{}`: {error}", file.display()))?;
        names.extend(text.lines().filter_map(|line| line.strip_prefix("  - name: ")).map(str::to_owned));
    }
    Ok(names)
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Reads `{alertname="A", …} 1.2E+03, {…} 9E+02`: each alert's labels with their number.
fn samples(text: &str) -> Result<BTreeMap<String, u64>, String> {
    let broken = || format!("`{text}` are no samples of alerts");
    let mut found = BTreeMap::new();
    for sample in text.split('{').skip(1) {
        let (labels, number) = sample.rsplit_once("} ").ok_or_else(broken)?;
        let number: f64 = number.trim_end_matches([',', ' ']).parse().map_err(|_| broken())?;
        let at = Duration::try_from_secs_f64(number).map_err(|_| broken())?;
        found.insert(labels.to_owned(), at.as_secs());
    }
    if found.is_empty() { Err(broken()) } else { Ok(found) }
}

/// The value of a label in `a="1", b="2"`.
fn label<'a>(labels: &'a str, name: &str) -> Option<&'a str> {
    let rest = labels.split(", ").find_map(|pair| pair.strip_prefix(name)?.strip_prefix("=\""))?;
    rest.strip_suffix('"')
}

/// The replica that an alert is about: its own label, the standby's, or that of the target that was scraped.
fn replica(labels: &str) -> Option<u64> {
    let of_target = || label(labels, "instance")?.strip_prefix(TARGET);
    let number = label(labels, "replica_id").or_else(|| label(labels, "standby_id")).or_else(of_target);
    number?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_promtool_are_read() {
        let first =
            r#" {alertname="A", alertstate="firing", replica_id="1"} 1.215E+03, {alertname="B"} 9E+02"#;
        let last =
            r#" {alertname="B"} 9.15E+02, {alertname="A", alertstate="firing", replica_id="1"} 1.5E+03"#;
        let times = r#" {alertname="A", alertstate="firing", replica_id="1"} 2E+00, {alertname="B"} 1E+00"#;
        let span = |alert: &str, replica, first, last, times| {
            let alert = alert.to_owned();
            Span { alert, replica, first, last, times }
        };
        assert_eq!(
            spans(first, last, times),
            Ok(vec![span("A", Some(1), 1215, 1500, 2), span("B", None, 900, 915, 1)])
        );
        assert!(samples("nil").is_err());
        assert!(spans(first, last, r#"{alertname="A"} 1E+00"#).is_err(), "nobody says how often");
        assert!(spans(r#"{x="1"} 4"#, r#"{x="1"} 4"#, r#"{x="1"} 4"#).is_err(), "no alert");
    }

    #[test]
    fn an_alert_is_about_the_replica_that_its_labels_name() {
        assert_eq!(replica(r#"alertname="A", instance="replica-0", job="vsr", replica_id="2""#), Some(2));
        assert_eq!(replica(r#"alertname="A", job="vsr", standby_id="3""#), Some(3));
        assert_eq!(replica(r#"alertname="A", instance="replica-1", job="vsr""#), Some(1));
        assert_eq!(replica(r#"alertname="A", job="vsr""#), None);
    }

    #[test]
    fn rules_look_at_metrics_also_through_what_is_recorded() {
        let compiled = catalog::read(Path::new(catalog::COMMITTED[0].0)).expect("the catalog");
        let rules = Rules::of(&compiled.catalog).expect("rules");
        assert!(rules.metrics.contains("vsr_client_latency_ms_count"), "{:?}", rules.metrics);
        assert!(rules.metrics.contains("up"));
        assert!(rules.groups.iter().any(|group| group == "vsr-data"), "{:?}", rules.groups);
        assert!(!rules.metrics.contains("vsr_messages_sent_total"), "no alert looks at it");
        assert!(!rules.metrics.iter().any(|name| name.contains(':')));
    }
}
