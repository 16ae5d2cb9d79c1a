//! The runbook: one section for each alert, for someone who was woken by it.

use std::fmt::Write as _;

use vsr_metrics_catalog::model::{Alert, Catalog, Condition, Step, Threshold};

use super::alerts::duration;
use super::markdown::{anchor, head, prose, row};
use super::{GeneratedFile, file, origin};
use crate::promql::both_spellings;

pub(super) fn render(catalog: &Catalog) -> Vec<GeneratedFile> {
    if catalog.alerts.is_empty() {
        return Vec::new();
    }
    let mut text =
        format!("<!-- {} -->\n\n# Runbook of `{}`\n\n{INTRODUCTION}", origin(catalog), catalog.name);
    text += &contents(catalog);
    for alert in &catalog.alerts {
        text += &section(catalog, alert);
    }
    file("runbook.md", text)
}

const INTRODUCTION: &str = "\
Each alert has a section, and its `runbook_url` leads there. Run the queries of a section from the top; most of
them answer with the labels of what to look at. Where several clusters share a Prometheus, only the answers with the
alert's `job` count. Stop when you know enough to act. Where nothing helps, call whoever owns the metric and say what you
saw.

";

/// Alerts by group, the urgent ones marked.
fn contents(catalog: &Catalog) -> String {
    let mut groups: Vec<&str> = Vec::new();
    for alert in &catalog.alerts {
        if !groups.contains(&alert.group.as_str()) {
            groups.push(&alert.group);
        }
    }
    let mut text = head(&["Group", "Alert", "Priority", "Severity", "Says"]);
    for group in groups {
        for alert in catalog.alerts.iter().filter(|alert| alert.group == group) {
            text += &row(&[
                group.to_owned(),
                format!("[{0}](#{1})", alert.name, anchor(&alert.name)),
                alert.priority.clone(),
                alert.severity.name().to_owned(),
                prose(&alert.summary),
            ]);
        }
    }
    text
}

fn section(catalog: &Catalog, alert: &Alert) -> String {
    let book = &alert.runbook;
    let mut text = format!("\n## {}\n\n{}\n", alert.name, prose(&alert.summary));
    text += &condition(catalog, alert);
    let _ = write!(text, "\n### Meaning\n\n{}\n", prose(book.meaning.trim()));
    let _ = write!(text, "\n### Impact\n\n{}\n", prose(book.impact.trim()));
    let _ = write!(text, "\n### Diagnosis\n\n{}", steps(&book.diagnosis));
    let _ = write!(text, "\n### Mitigation\n\n{}", steps(&book.mitigation));
    if !book.avoid.is_empty() {
        text += "\nDo not:\n\n";
        for mistake in &book.avoid {
            let _ = writeln!(text, "- {}", prose(mistake.trim()));
        }
    }
    let _ = write!(text, "\n### Resolved when\n\n{}\n", prose(book.resolved_when.trim()));
    text
}

/// When it fires, how urgent it is, and where to look.
fn condition(catalog: &Catalog, alert: &Alert) -> String {
    let rules = alert.rules();
    let mut facts = vec![format!("{}, {}", alert.priority, alert.severity.name())];
    facts.extend(alert.threshold.map(|threshold: Threshold| format!("threshold {}", threshold.words())));
    if !alert.hold.is_zero() {
        facts.push(format!("for {}", duration(alert.hold)));
    }
    let board = catalog.dashboards.iter().find(|board| Some(&board.uid) == alert.dashboard.as_ref());
    facts.extend(board.map(|board| format!("dashboard \"{}\"", board.title)));
    let mut text = format!("\n{}.\n", prose(&facts.join("; ")));
    let shown = match &alert.condition {
        Condition::Missing { metrics, .. } => {
            let _ = write!(text, "\nOne rule for each of {} metrics, such as:\n", metrics.len());
            1
        }
        _ => rules.len(),
    };
    for rule in &rules[..shown] {
        let _ = write!(text, "\n```promql\n{}\n```\n", both_spellings(rule.expr.trim()));
    }
    if let Some(note) = &alert.note {
        let _ = write!(text, "\nDiffers from the design document: {}\n", prose(note.trim()));
    }
    text
}

/// Numbered steps, each with its query.
pub(super) fn steps(steps: &[Step]) -> String {
    let mut text = String::new();
    for (step, number) in steps.iter().zip(1..) {
        let _ = writeln!(text, "{number}. {}", prose(step.text.trim()));
        if let Some(query) = &step.query {
            let lines = both_spellings(query.trim());
            let indented: Vec<String> = lines.lines().map(|line| format!("   {line}\n")).collect();
            let _ = write!(text, "\n   ```promql\n{}   ```\n\n", indented.concat());
        }
    }
    text.trim_end().to_owned() + "\n"
}
