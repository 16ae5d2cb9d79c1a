//! Named rules over a resolved catalog: a table, and one small function each.

mod alerts;
mod budget;
mod conventions;
mod operators;
mod references;
mod unused;

#[cfg(feature = "promql")]
pub(crate) use references::{family_name, is_exporters};

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

/// Rules over parsed queries, which tools apply and the macro does not: each with its reason.
pub const QUERY_LINTS: [(&str, &str); 23] = [
    ("query-syntax", "Prometheus refuses a file of rules for one that it cannot read"),
    ("query-label", "a label that no series has selects nothing, or keeps everything apart or together"),
    ("query-value", "a value that a label never has selects nothing"),
    ("query-bound", "a bucket that is not there selects nothing"),
    (
        "bound-spelling",
        "Prometheus 3 stores the bound 100 as `100.0`, so that `le=\"100\"` selects nothing there",
    ),
    ("window-unit", "a window without a unit is seconds to new servers, and a mistake to others"),
    ("short-window", "a rate needs two samples, also when a scrape is lost"),
    ("rate-of-gauge", "a gauge that falls is no counter that was restarted"),
    ("delta-of-counter", "a counter that was restarted did not fall"),
    ("raw-counter", "a running total above a threshold stays there"),
    ("quantile-share", "quantiles go from 0 to 1"),
    ("quantile-without-buckets", "quantiles are estimated from buckets"),
    ("quantile-without-le", "without `le`, buckets are added up"),
    ("aggregated-quotient", "a mean of quotients is not the quotient of the whole"),
    ("ambiguous-match", "Prometheus refuses an operation in which one series meets several"),
    ("no-match", "an operation between series of different labels is silent"),
    ("threshold-range", "what buckets cannot tell apart can be no threshold"),
    ("threshold-unit", "0.1 seconds are not 0.1 milliseconds"),
    ("unknown-state", "a gauge with states has no other values"),
    ("for-outlasts-window", "an alert that waits longer than its window remembers cannot fire"),
    ("absent-too-soon", "a lost scrape is not a missing metric"),
    ("template-label", "a label that the condition drops is empty in the text that wakes somebody"),
    ("template-syntax", "a text that cannot be expanded wakes somebody with an error message"),
];

/// Findings, each with the metric that an exception could excuse.
#[derive(Default)]
pub(crate) struct Findings(Vec<(Diagnostic, Option<String>)>);

impl Findings {
    /// A finding about one metric.
    pub(crate) fn about(&mut self, metric: &str, diagnostic: Diagnostic) {
        self.0.push((diagnostic, Some(metric.to_owned())));
    }

    /// Leaves one finding of each rule at each place.
    #[cfg(feature = "promql")]
    pub(crate) fn once_a_place(&mut self) {
        let mut seen = std::collections::HashSet::new();
        self.0.retain(|(finding, _)| seen.insert((finding.code, finding.span)));
    }

    /// Drops the findings of one rule where another one explains them.
    #[cfg(feature = "promql")]
    pub(crate) fn explained(&mut self, code: &str, by: &str) {
        let explained = self.0.iter().filter(|(finding, _)| finding.code == by);
        let places: std::collections::HashSet<_> = explained.map(|(finding, _)| finding.span).collect();
        self.0.retain(|(finding, _)| finding.code != code || !places.contains(&finding.span));
    }

    /// A finding that no exception can excuse.
    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push((diagnostic, None));
    }
}

/// Applies all rules, less the exceptions, and tells of exceptions that are wrong or excuse nothing. `queries` is what
/// was found in parsed queries, if anybody looked.
pub(crate) fn check(subject: &Subject<'_>, queries: Option<Findings>, diagnostics: &mut Diagnostics) {
    let catalog = subject.catalog;
    let mut findings = Findings::default();
    for lint in LINTS {
        (lint.check)(subject, &mut findings);
    }
    let queries_judged = queries.is_some();
    findings.0.extend(queries.into_iter().flat_map(|queries| queries.0));
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
    unused::exceptions(subject, &used, queries_judged, diagnostics);
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
