//! Names in expressions: every name with the catalog's prefix must be one that the catalog exports.

use std::collections::HashSet;

use super::{Findings, Subject};
use crate::diagnostic::Diagnostic;
use crate::model::{Catalog, Form, Instrument};
use crate::names;

/// Names that are compared, at a microsecond each, before findings go without a suggestion.
const PATIENCE: usize = 200_000;

pub(super) fn names(subject: &Subject<'_>, findings: &mut Findings) {
    let Subject { catalog, source, lost } = subject;
    if lost.header {
        // Without the prefix, nothing tells the catalog's names from others.
        return;
    }
    let exported = exported(catalog);
    let mut patience = PATIENCE;
    let expressions = catalog.expressions.iter().filter(|expression| expression.form != Form::Template);
    for expression in expressions {
        for (at, name) in names::words(&expression.text) {
            let is_known =
                exported.contains(name) || lost.may_define(family_name(name)) || lost.may_define(name);
            if !name.starts_with(&catalog.prefix) || is_known || is_exporters(catalog, name) {
                continue;
            }
            let message = format!("`{name}` is not exported by this catalog");
            let span = expression.place(source, at, name.len());
            let finding = Diagnostic::error("unknown-metric", span, message);
            // Every suggestion looks at every name; a file of nothing but unknown names gets only so many.
            patience = patience.saturating_sub(exported.len());
            let known = exported.iter().map(String::as_str).filter(|_| patience > 0);
            let close = names::closest(name, known);
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

/// Prefix of the runtime's own families, which every program exports beside its own.
const EXPORTERS: &str = "vsr_metrics_";

/// Whether a name belongs to the runtime's own catalog, and not to this one.
pub(crate) fn is_exporters(catalog: &Catalog, name: &str) -> bool {
    catalog.prefix != EXPORTERS && name.starts_with(EXPORTERS)
}

/// The family that a series' name would belong to if it were a histogram's.
pub(crate) fn family_name(series: &str) -> &str {
    ["_bucket", "_sum", "_count"].iter().find_map(|suffix| series.strip_suffix(suffix)).unwrap_or(series)
}
