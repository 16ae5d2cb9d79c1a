//! Named rules over a resolved catalog: a table, and one small function each.

mod alerts;
mod budget;
mod conventions;
mod operators;
mod references;
mod unused;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::lost::Lost;
use crate::model::Catalog;
use crate::source::SourceFile;

/// A named rule.
pub struct Lint {
    /// Name, as exceptions and findings call it.
    pub name: &'static str,
    /// Why the rule is there.
    pub why: &'static str,
    check: fn(&Subject<'_>, &mut Findings),
}

/// What is judged. Not everything that the file defines is in the model, if some of it could not be read.
pub(crate) struct Subject<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) source: &'a SourceFile,
    pub(crate) lost: &'a Lost,
}

/// All rules.
pub const LINTS: &[Lint] = &[
    Lint {
        name: "base-unit",
        why: "Prometheus expects base units, so that graphs of different systems share an axis",
        check: conventions::base_unit,
    },
    Lint {
        name: "count-suffix",
        why: "`_count` is what a histogram exposes its observations as",
        check: conventions::count_suffix,
    },
    Lint {
        name: "help-sentence",
        why: "a help text that ends in a period is one that somebody finished",
        check: conventions::help_sentence,
    },
    Lint {
        name: "series-budget",
        why: "every sample line is stored by someone for months",
        check: budget::series_budget,
    },
    Lint {
        name: "unknown-metric",
        why: "a query of a name that nothing exports is silent",
        check: references::names,
    },
    Lint { name: "alert-name", why: "pagers and dashboards cut long names", check: alerts::name },
    Lint { name: "alert-without-runbook", why: "somebody will be woken by it", check: alerts::runbook },
    Lint {
        name: "alert-without-test",
        why: "an untested alert is one that cannot fire",
        check: alerts::test,
    },
    Lint { name: "alert-priority", why: "the priority decides who is called", check: alerts::priority },
    Lint {
        name: "slo-name",
        why: "recording rules of the objective are named after it",
        check: operators::slo_name,
    },
    Lint { name: "unused-label", why: "a label that no metric has is a leftover", check: unused::labels },
    Lint { name: "unused-buckets", why: "a preset that no metric has is a leftover", check: unused::buckets },
];

/// Findings, each with the metric that an exception could excuse.
#[derive(Default)]
pub(crate) struct Findings(Vec<(Diagnostic, Option<String>)>);

impl Findings {
    /// A finding about one metric.
    fn about(&mut self, metric: &str, diagnostic: Diagnostic) {
        self.0.push((diagnostic, Some(metric.to_owned())));
    }

    /// A finding that no exception can excuse.
    fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push((diagnostic, None));
    }
}

/// Applies all rules, less the exceptions, and tells of exceptions that are wrong or excuse nothing.
pub(crate) fn check(subject: &Subject<'_>, diagnostics: &mut Diagnostics) {
    let catalog = subject.catalog;
    let mut findings = Findings::default();
    for lint in LINTS {
        (lint.check)(subject, &mut findings);
    }
    let mut used: Vec<Vec<bool>> =
        catalog.exceptions.iter().map(|exception| vec![false; exception.metrics.len()]).collect();
    for (diagnostic, metric) in findings.0 {
        let mut excused = false;
        for (exception, used) in catalog.exceptions.iter().zip(&mut used) {
            if exception.lint != diagnostic.code {
                continue;
            }
            for (pattern, used) in exception.metrics.iter().zip(used) {
                if metric.as_deref().is_some_and(|metric| matches(pattern, metric)) {
                    *used = true;
                    excused = true;
                }
            }
        }
        // An exception that could not be read may be the one for this.
        excused |= metric.is_some() && subject.lost.exception;
        if !excused {
            diagnostics.push(diagnostic);
        }
    }
    unused::exceptions(subject, &used, diagnostics);
}

/// Whether a name fits a pattern in which `*` stands for any characters.
pub fn matches(pattern: &str, name: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut tail) = name.strip_prefix(start) else { return false };
    let (middle, end) = rest.rsplit_once('*').unwrap_or(("", rest));
    // The first place that fits leaves the most for what follows.
    for piece in middle.split('*') {
        let Some(at) = tail.find(piece) else { return false };
        tail = &tail[at + piece.len()..];
    }
    tail.ends_with(end)
}
