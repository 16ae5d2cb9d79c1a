//! Every query of every panel, run on a real Prometheus that scraped a disturbed demo, and a process in which every
//! exporter is at work, and that knows the same of a week ago.
//!
//! Each has at least one finite sample within that time, but for those of families that the demo does not record. The list of
//! these is exact: a family in it that has samples is a finding as much as an empty query of another one. Queries of the
//! runbook and the playbook are run as well, and none may be refused.

mod instructions;
mod unrecorded;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::demo::Demo;
use super::prometheus::{Prometheus, unhealthy};
use super::rules::declared;
use super::variables::{Times, substituted};
use super::{grafana, scratch, tools, week};
use crate::test::End;
use unrecorded::UNRECORDED;

/// How long the demo runs, and how long it is scraped: until a primary crashed, a disk rotted, a state was transferred,
/// the members changed and a network was cut.
const RUN: &str = "60s";
const SCRAPED: u16 = 45;

/// Replicas of the demo, and that of the exporters.
const INSTANCES: [&str; 4] = ["0", "1", "2", "100"];

/// Longer than anybody builds.
const LONG: u16 = 1800;

/// Five scrapes, and all of them.
const TIMES: Times = Times { rate_interval: 5, range: SCRAPED as u64 };

/// One query and what came back.
struct Answer {
    board: String,
    panel: String,
    expr: String,
    finite: usize,
}

/// Runs the demo and asks everything.
pub fn run() -> End {
    let (prometheus, promtool) = match (tools::prometheus(), tools::promtool()) {
        (Ok(prometheus), Ok(promtool)) => (prometheus, promtool),
        (Err(remedy), _) | (_, Err(remedy)) => return End::LeftOut(remedy),
    };
    End::from(scratch("panels").and_then(|directory| {
        let (answers, mut findings) = ask(&prometheus, &promtool, &directory)?;
        let report = report(&answers);
        fs::write(directory.join("report.txt"), &report).map_err(|error| error.to_string())?;
        findings.extend(judge(&answers, UNRECORDED));
        if findings.is_empty() { Ok(()) } else { Err(findings.join("\n")) }
    }))
}

/// Scrapes the demo, makes a week of it, and runs every query at the end of what was scraped. Tells as well which of the
/// rules, evaluated all the while, failed.
fn ask(program: &Path, promtool: &Path, directory: &Path) -> Result<(Vec<Answer>, Vec<String>), String> {
    // It ends with this value; building the demo may take its time.
    let exporters = Demo::exporters(directory, LONG)?;
    let demo = Demo::start_with(directory, RUN, &["--chaos"])?;
    let targets = [demo.address(), exporters.address()];
    let prometheus = Prometheus::start(program, directory, &targets)?;
    std::thread::sleep(Duration::from_secs(SCRAPED.into()));
    let end = prometheus.last_scrape()?;
    let mut findings = unhealthy(&prometheus.rules()?, declared()?);
    findings.extend(instructions::refused(&prometheus, end)?);
    let history = week::earlier(&prometheus, u64::from(SCRAPED) + 5)?;
    drop(prometheus);
    week::backfill(promtool, &history, directory)?;
    // The demo has not to be scraped any more, only remembered.
    let prometheus = Prometheus::start(program, directory, &targets)?;
    let mut answers = Vec::new();
    for path in grafana::boards()? {
        let text = fs::read_to_string(&path).map_err(|error| format!("`{}`: {error}", path.display()))?;
        let board: Value =
            serde_json::from_str(&text).map_err(|error| format!("`{}`: {error}", path.display()))?;
        for panel in board["panels"].as_array().into_iter().flatten() {
            for target in panel["targets"].as_array().into_iter().flatten() {
                let expr = target["expr"].as_str().unwrap_or_default().to_owned();
                let finite = finite(&prometheus, &board, &expr, end)?;
                answers.push(Answer {
                    board: board["title"].as_str().unwrap_or_default().to_owned(),
                    panel: panel["title"].as_str().unwrap_or_default().to_owned(),
                    expr,
                    finite,
                });
            }
        }
    }
    Ok((answers, findings))
}

/// How many finite samples a query has; of a board about one instance, for the instance that has the most.
fn finite(prometheus: &Prometheus, board: &Value, expr: &str, end: f64) -> Result<usize, String> {
    let mut most = 0;
    for instance in INSTANCES {
        let sent = substituted(board, expr, instance, TIMES);
        promql_parser::parser::parse(&sent).map_err(|error| format!("`{sent}`: {error}"))?;
        let span = [("start", end - f64::from(SCRAPED) + 10.0), ("end", end), ("step", 2.0)];
        let answer = prometheus.ask("query_range", &sent, &span)?;
        let series = answer.as_array().into_iter().flatten();
        let samples = series.flat_map(|one| one["values"].as_array().into_iter().flatten());
        let is_finite = |pair: &&Value| {
            pair[1].as_str().and_then(|value| value.parse::<f64>().ok()).is_some_and(f64::is_finite)
        };
        most = most.max(samples.filter(is_finite).count());
        if most > 0 {
            break;
        }
    }
    Ok(most)
}

/// Empty queries that nothing excuses, and excuses that nothing needs.
fn judge(answers: &[Answer], unrecorded: &[(&str, &str)]) -> Vec<String> {
    let (empty, full): (Vec<&Answer>, Vec<&Answer>) = answers.iter().partition(|answer| answer.finite == 0);
    let excuses = |answer: &Answer| unrecorded.iter().any(|(family, _)| names(&answer.expr, family));
    let mut findings: Vec<String> = empty
        .iter()
        .filter(|answer| !excuses(answer))
        .map(|answer| format!("{}: {}: no finite sample: {}", answer.board, answer.panel, answer.expr))
        .collect();
    for (family, reason) in unrecorded {
        if !empty.iter().any(|answer| names(&answer.expr, family)) {
            let seen = full.iter().filter(|answer| names(&answer.expr, family)).count();
            findings.push(format!(
                "`{family}` is listed ({reason}), yet none of its {seen} queries is empty: take it off the list"
            ));
        }
    }
    findings
}

/// Counts, and each query with its number of finite samples.
fn report(answers: &[Answer]) -> String {
    let count = |key: fn(&Answer) -> (&str, &str)| {
        let mut keys: Vec<(&str, &str)> = answers.iter().map(key).collect();
        keys.sort_unstable();
        keys.dedup();
        keys.len()
    };
    let empty = answers.iter().filter(|answer| answer.finite == 0).count();
    let mut text = format!(
        "{} boards, {} panels, {} queries, {empty} empty\n\n",
        count(|answer| (&answer.board, "")),
        count(|answer| (&answer.board, &answer.panel)),
        answers.len()
    );
    for Answer { board, panel, expr, finite } in answers {
        let _ = writeln!(text, "{finite:>4}  {board}: {panel}: {expr}");
    }
    text
}

/// Whether an expression reads a series of the family.
fn names(expr: &str, family: &str) -> bool {
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == ':';
    expr.split(|letter| !is_word(letter)).any(|word| {
        word.strip_prefix(family).is_some_and(|rest| matches!(rest, "" | "_bucket" | "_sum" | "_count"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(expr: &str, finite: usize) -> Answer {
        Answer { board: "B".into(), panel: "P".into(), expr: expr.into(), finite }
    }

    #[test]
    fn list_is_exact_in_both_directions() {
        let answers = [answer("rate(a_bucket[5s])", 0), answer("b_total", 3)];
        assert_eq!(judge(&answers, &[("a", "later")]), [""; 0]);
        assert_eq!(judge(&answers, &[]).len(), 1);
        assert_eq!(judge(&answers, &[("a", "later"), ("b_total", "later")]).len(), 1);
    }

    #[test]
    fn family_is_a_whole_word() {
        assert!(names("sum(a_b{x=\"y\"})", "a_b"));
        assert!(!names("a_bc", "a_b"));
    }
}
