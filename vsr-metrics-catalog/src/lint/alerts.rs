//! Alerts that can fire, and that someone knows what to do about.

use std::time::Duration;

use super::{Findings, Subject};
use crate::diagnostic::Diagnostic;
use crate::model::{AlertTest, Condition};

/// What pagers show without cutting.
const LONGEST_NAME: usize = 40;

pub(super) fn name(subject: &Subject<'_>, findings: &mut Findings) {
    let catalog = subject.catalog;
    if subject.lost.header {
        // The prefix is not known.
        return;
    }
    for alert in &catalog.alerts {
        let prefix = crate::names::pascal(catalog.prefix.trim_end_matches('_'));
        // Without a capital there, two names could be one constant with the threshold.
        let rest = alert.name.strip_prefix(&prefix);
        let sound = rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()))
            && alert.name.len() <= LONGEST_NAME
            && alert.name.chars().all(|c| c.is_ascii_alphanumeric());
        if !sound {
            let message = format!("`{}` is not an alert name", alert.name);
            let help = format!(
                "write `{prefix}` and words that begin with a capital, at most {LONGEST_NAME} characters"
            );
            findings.push(Diagnostic::error("alert-name", alert.span, message).help(help));
        }
    }
}

pub(super) fn runbook(subject: &Subject<'_>, findings: &mut Findings) {
    let catalog = subject.catalog;
    for alert in &catalog.alerts {
        let book = &alert.runbook;
        if book.meaning.is_empty() || book.diagnosis.is_empty() || book.mitigation.is_empty() {
            let message = format!("alert `{}` has no runbook", alert.name);
            let help = "add `runbook:` with meaning, impact, diagnosis, mitigation and resolved_when";
            findings.push(Diagnostic::error("alert-without-runbook", alert.span, message).help(help));
        }
    }
}

pub(super) fn test(subject: &Subject<'_>, findings: &mut Findings) {
    let catalog = subject.catalog;
    // The cases of rules that follow from an objective, or from what other alerts need, follow as well.
    let written = catalog.alerts.iter().filter(|alert| alert.condition == Condition::Expression);
    for alert in written {
        let has =
            |times: fn(&AlertTest) -> &[Duration]| alert.tests.iter().any(|test| !times(test).is_empty());
        let lacking = if !has(|test| &test.fires_at) {
            "makes it fire"
        } else if !has(|test| &test.quiet_at) {
            "keeps it quiet"
        } else if !has(|test| &test.clears_at) {
            "sees it clear"
        } else {
            continue;
        };
        let message = format!("alert `{}` has no test that {lacking}", alert.name);
        let help = "add cases with `fires_at`, `quiet_at` and `quiet_again_at` under `tests:`";
        findings.push(Diagnostic::error("alert-without-test", alert.span, message).help(help));
    }
}

pub(super) fn priority(subject: &Subject<'_>, findings: &mut Findings) {
    let catalog = subject.catalog;
    for alert in &catalog.alerts {
        if !["P0", "P1", "P2"].contains(&alert.priority.as_str()) {
            let message = format!("`{}` is not a priority", alert.priority);
            findings.push(Diagnostic::error("alert-priority", alert.span, message).help("use P0, P1 or P2"));
        }
    }
}
