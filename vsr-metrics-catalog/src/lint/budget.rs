//! What a catalog costs.

use super::{Findings, Subject};
use crate::diagnostic::Diagnostic;

pub(super) fn series_budget(subject: &Subject<'_>, findings: &mut Findings) {
    let catalog = subject.catalog;
    let lines = |family| (catalog.sample_lines(family), family);
    let total =
        catalog.families.iter().fold(0_u64, |sum, family| sum.saturating_add(catalog.sample_lines(family)));
    if !subject.lost.header
        && let Some((most, largest)) = catalog.families.iter().map(lines).max_by_key(|(lines, _)| *lines)
        && total > catalog.series_budget
    {
        let message =
            format!("{total} sample lines an instance, and the budget is {}", catalog.series_budget);
        let help = format!("`{}` alone has {most}; drop a label, or raise `series_budget`", largest.name);
        findings.push(Diagnostic::error("series-budget", largest.span, message).help(help));
    }
}
