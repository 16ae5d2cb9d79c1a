//! What a catalog defines and nothing uses.

use std::collections::HashSet;

use super::{Findings, LINTS, QUERY_LINTS, Subject};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::LabelId;

pub(super) fn labels(subject: &Subject<'_>, findings: &mut Findings) {
    let catalog = subject.catalog;
    if subject.lost.anything() || subject.lost.header {
        // What uses it may be what could not be read.
        return;
    }
    let used: HashSet<LabelId> = catalog
        .families
        .iter()
        .flat_map(|family| &family.labels)
        .chain(&catalog.constant_labels)
        .copied()
        .collect();
    for (index, label) in catalog.labels.iter().enumerate() {
        if !used.contains(&LabelId(index)) {
            let message = format!("no metric has the label `{}`", label.key);
            let finding = Diagnostic::error("unused-label", label.span, message).help("use it, or remove it");
            findings.push(finding.as_warning());
        }
    }
}

pub(super) fn buckets(subject: &Subject<'_>, findings: &mut Findings) {
    let catalog = subject.catalog;
    if subject.lost.anything() {
        return;
    }
    for preset in catalog.buckets.iter().filter(|preset| !preset.used) {
        let message = format!("no histogram has the buckets `{}`", preset.name);
        let finding =
            Diagnostic::error("unused-buckets", preset.span, message).help("use them, or remove them");
        findings.push(finding.as_warning());
    }
}

pub(super) fn exceptions(
    subject: &Subject<'_>,
    used: &[Vec<bool>],
    queries_judged: bool,
    diagnostics: &mut Diagnostics,
) {
    let Subject { catalog, lost, .. } = subject;
    for (exception, used) in catalog.exceptions.iter().zip(used) {
        if exception.reason.trim().is_empty() {
            let message = format!("an exception from `{}` without a reason", exception.lint);
            let finding = Diagnostic::error("exception-reason", exception.span, message);
            diagnostics.push(finding.help("say why the rule does not hold here"));
        }
        let of_queries = QUERY_LINTS.iter().any(|(name, _)| *name == exception.lint);
        if of_queries && !queries_judged {
            continue;
        }
        if !of_queries && !LINTS.iter().any(|lint| lint.name == exception.lint) {
            let names = QUERY_LINTS.iter().map(|(name, _)| *name);
            let known: Vec<&str> = LINTS.iter().map(|lint| lint.name).chain(names).collect();
            let message = format!("`{}` is not a rule", exception.lint);
            let help = crate::parse::suggestion(&exception.lint, &known);
            diagnostics.push(Diagnostic::error("unknown-lint", exception.span, message).help(help));
            continue;
        }
        for (pattern, _) in exception.metrics.iter().zip(used).filter(|(_, used)| !**used) {
            if lost.section || lost.names().any(|name| super::matches(pattern, name)) {
                continue;
            }
            let message = format!("the exception of `{pattern}` from `{}` excuses nothing", exception.lint);
            let finding = Diagnostic::error("exception-unused", exception.span, message);
            diagnostics.push(finding.help("remove it"));
        }
    }
}
