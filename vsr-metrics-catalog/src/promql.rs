//! The reference graph: every query of a catalog parsed, and everything in it looked up in the catalog.
//!
//! For `cargo xtask`, which may take its time; the macro looks for names alone ([`crate::lint`]).

mod alerts;
mod facts;
mod lex;
mod matchers;
mod matching;
mod operations;
mod series;
mod template;
mod tree;

use std::ops::Range;

use crate::diagnostic::Diagnostic;
use crate::lint::{Findings, Subject};
use crate::model::{Alert, Catalog, Expression, Form, Owner};
use facts::Facts;
use series::Names;

/// Everything that the checks look at.
struct Graph<'a> {
    subject: &'a Subject<'a>,
    names: Names<'a>,
}

/// Checks every expression. `beside` are catalogs that are exported by the same program.
pub(crate) fn check(subject: &Subject<'_>, beside: &[Catalog]) -> Findings {
    let mut findings = Findings::default();
    if subject.lost.header {
        // Prefix and scrape interval decide too much.
        return findings;
    }
    let graph = Graph { subject, names: names(subject, beside) };
    for expression in &subject.catalog.expressions {
        if expression.form == Form::Template || expression.form == Form::Name || graph.is_doubtful(expression)
        {
            continue;
        }
        let mut report = Report::of(subject, expression, &mut findings);
        match tree::parse(&expression.text) {
            Ok(expr) => {
                operations::check(&graph, &expr, &mut report);
                if let Owner::Alert(index) = expression.owner {
                    alerts::condition(&graph, &subject.catalog.alerts[index], &expr, &mut report);
                }
            }
            Err(message) => report.syntax(&message),
        }
    }
    for expression in &subject.catalog.expressions {
        if let (Form::Template, Owner::Alert(index)) = (expression.form, expression.owner)
            && !graph.is_doubtful(expression)
        {
            let alert = &subject.catalog.alerts[index];
            let mut report = Report::of(subject, expression, &mut findings);
            template::check(&graph, alert, &mut report);
        }
    }
    alerts::missing(subject, &mut findings);
    // A rule that stands for many is wrong in one place.
    findings.once_a_place();
    // A number in another unit lies where nothing can be.
    findings.explained("threshold-range", "threshold-unit");
    findings
}

/// Names of all series that a query looks at, in the order of the text; none if it cannot be read.
pub fn series(query: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    if let Ok(expr) = tree::parse(query) {
        expr.walk(&mut |expr| {
            if let tree::Node::Selector(selector) = &expr.node
                && let Some(name) = &selector.name
                && !found.contains(name)
            {
                found.push(name.clone());
            }
        });
    }
    found
}

/// The names of all catalogs, and what the recording rules record. A rule may look at rules before it.
fn names<'a>(subject: &Subject<'a>, beside: &'a [Catalog]) -> Names<'a> {
    let mut names = Names::new(subject.catalog, beside, subject.lost);
    for rule in &subject.catalog.rules {
        let facts = tree::parse(&rule.expr).map(|expr| Facts::of(&expr, &names));
        let facts = facts.unwrap_or_else(|_| Facts::unknown());
        names.record(&rule.record, facts);
    }
    names
}

impl Graph<'_> {
    /// Whether what surrounds the expression has a mistake of its own.
    fn is_doubtful(&self, expression: &Expression) -> bool {
        let catalog = self.subject.catalog;
        let name = match expression.owner {
            Owner::Alert(index) | Owner::Runbook(index) | Owner::Test(index) => {
                catalog.alerts.get(index).map(|alert: &Alert| &alert.name)
            }
            Owner::Slo(index) => catalog.slos.get(index).map(|slo| &slo.name),
            Owner::Rule(_) | Owner::Dashboard(_) | Owner::Playbook => None,
        };
        name.is_some_and(|name| self.subject.lost.may_define(name))
    }
}

/// Where findings about one expression go.
struct Report<'a, 'f> {
    subject: &'a Subject<'a>,
    expression: &'a Expression,
    findings: &'f mut Findings,
    /// Whether nothing was found so far.
    is_clean: bool,
}

impl<'a, 'f> Report<'a, 'f> {
    fn of(subject: &'a Subject<'a>, expression: &'a Expression, findings: &'f mut Findings) -> Self {
        Self { subject, expression, findings, is_clean: true }
    }

    fn is_clean(&self) -> bool {
        self.is_clean
    }

    fn push(&mut self, code: &'static str, at: &Range<usize>, message: String, help: impl Into<String>) {
        let span = self.expression.place(self.subject.source, at.start, at.len().max(1));
        let finding = Diagnostic::error(code, span, message).help(help);
        self.is_clean = false;
        match self.owner().map(str::to_owned) {
            Some(owner) => self.findings.about(&owner, finding),
            None => self.findings.push(finding),
        }
    }

    /// The name under which an exception can excuse findings.
    fn owner(&self) -> Option<&str> {
        let catalog = self.subject.catalog;
        match self.expression.owner {
            Owner::Rule(index) => catalog.rules.get(index).map(|rule| rule.record.as_str()),
            Owner::Slo(index) => catalog.slos.get(index).map(|slo| slo.name.as_str()),
            Owner::Alert(index) | Owner::Runbook(index) | Owner::Test(index) => {
                catalog.alerts.get(index).map(|alert| alert.name.as_str())
            }
            Owner::Dashboard(index) => catalog.dashboards.get(index).map(|board| board.uid.as_str()),
            Owner::Playbook => Some("playbook"),
        }
    }

    fn syntax(&mut self, message: &str) {
        let message = message.lines().next().unwrap_or_default();
        let text = &self.expression.text;
        // `unknown function with name 'x'`
        let culprit =
            message.split('\'').nth(1).and_then(|word| text.find(word).map(|at| at..at + word.len()));
        let at = culprit.unwrap_or(0..text.len());
        self.push("query-syntax", &at, format!("not valid PromQL: {message}"), "correct the query");
    }
}
