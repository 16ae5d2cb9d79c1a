//! Names in expressions: every name with the catalog's prefix must be one that the catalog exports.

use std::collections::HashSet;

use super::Findings;
use crate::diagnostic::Diagnostic;
use crate::model::{Catalog, Indicator, Instrument};
use crate::names;
use crate::source::Span;

pub(super) fn names(catalog: &Catalog, findings: &mut Findings) {
    let exported = exported(catalog);
    for (expression, span) in expressions(catalog) {
        for name in names::words(expression) {
            if !name.starts_with(&catalog.prefix) || exported.contains(name) {
                continue;
            }
            let message = format!("`{name}` is not exported by this catalog");
            let finding = Diagnostic::error("unknown-metric", span, message);
            let close = names::closest(name, exported.iter().map(String::as_str));
            findings.push(match close {
                Some(close) => finding.help(format!("did you mean `{close}`?")),
                None => finding.help("declare it under `metrics`"),
            });
        }
    }
}

/// Every name that a scrape can see.
fn exported(catalog: &Catalog) -> HashSet<String> {
    let mut names = HashSet::new();
    for family in &catalog.families {
        if matches!(family.instrument, Instrument::Histogram { .. }) {
            names.extend(["_bucket", "_sum", "_count"].map(|suffix| format!("{}{suffix}", family.name)));
        }
        names.insert(family.name.clone());
    }
    names
}

/// Every expression, wherever it stands, with its place.
fn expressions(catalog: &Catalog) -> Vec<(&str, Span)> {
    let mut found: Vec<(&str, Span)> = Vec::new();
    found.extend(catalog.rules.iter().map(|rule| (rule.expr.as_str(), rule.span)));
    for alert in &catalog.alerts {
        found.push((&alert.expr, alert.expr_span));
        let steps = alert.runbook.diagnosis.iter().chain(&alert.runbook.mitigation);
        found.extend(steps.filter_map(|step| Some((step.query.as_deref()?, alert.span))));
        let series = alert.tests.iter().flat_map(|test| &test.series);
        found.extend(series.map(|(selector, _)| (selector.as_str(), alert.span)));
    }
    for slo in &catalog.slos {
        match &slo.indicator {
            Indicator::Latency { metric, .. } => found.push((metric, slo.span)),
            Indicator::Ratio { good, total } => {
                found.extend([(good.as_str(), slo.span), (total.as_str(), slo.span)]);
            }
        }
    }
    for panel in catalog.dashboards.iter().flat_map(|board| &board.rows).flat_map(|row| &row.panels) {
        found.extend(panel.metrics.iter().map(|metric| (metric.as_str(), panel.span)));
        found.extend(panel.queries.iter().map(|query| (query.expr.as_str(), query.span)));
    }
    found
}
