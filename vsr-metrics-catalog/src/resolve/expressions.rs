//! Collects every expression with its place.

use std::collections::HashMap;

use super::Resolver;
use crate::model::{Expression, Form, Owner, Query};
use crate::source::Span;
use crate::spec::{CatalogSpec, Entry, FullPanelSpec, PanelSpec, RuleSpec, StepSpec};

impl Resolver<'_> {
    pub(super) fn expressions(&mut self, spec: &CatalogSpec) {
        self.rule_and_slo_expressions(spec);
        self.alert_expressions(spec);
        self.panel_expressions(spec);
        self.playbook_expressions(spec);
    }

    fn expression(&mut self, owner: Owner, form: Form, text: &str, span: Span) {
        self.filled(owner, form, (text, text), span);
    }

    /// A text as it is used, and as it is written, with words in braces that stand for others.
    fn filled(&mut self, owner: Owner, form: Form, (text, written): (&str, &str), span: Span) {
        let (text, written) = (text.to_owned(), written.to_owned());
        self.catalog.expressions.push(Expression { text, written, form, owner, span });
    }

    /// What stands as the value at a path.
    fn valued(&mut self, owner: Owner, form: Form, text: &str, path: &str) {
        let span = self.places.value(path);
        self.expression(owner, form, text, span);
    }

    fn rule_and_slo_expressions(&mut self, spec: &CatalogSpec) {
        let place = |entry: &Entry<RuleSpec>| self.places.value(&format!("{}.expr", entry.path));
        let written: HashMap<Span, &str> =
            spec.rules.iter().map(|entry| (place(entry), entry.spec.expr.as_str())).collect();
        for index in 0..self.catalog.rules.len() {
            let rule = &self.catalog.rules[index];
            // What follows from an objective is written nowhere.
            if let Some(written) = written.get(&rule.span) {
                let (text, span) = (rule.expr.clone(), rule.span);
                self.filled(Owner::Rule(index), Form::Query, (&text, written), span);
            }
        }
        for (index, slo) in spec.slos.iter().enumerate() {
            let owner = Owner::Slo(index);
            let form = if slo.spec.total.is_some() { Form::Query } else { Form::Name };
            self.valued(owner, form, &slo.spec.good, &format!("{}.good", slo.path));
            if let Some(total) = &slo.spec.total {
                self.valued(owner, form, total, &format!("{}.total", slo.path));
            }
        }
    }

    fn alert_expressions(&mut self, spec: &CatalogSpec) {
        for (index, alert) in spec.alerts.iter().enumerate() {
            let path = &alert.path;
            let threshold = self.catalog.alerts[index].threshold.map(|threshold| threshold.value.to_string());
            let filled = |text: &str| match &threshold {
                Some(threshold) => text.replace("{{ threshold }}", threshold),
                None => text.to_owned(),
            };
            if let Some(expr) = &alert.spec.expr {
                let span = self.places.value(&format!("{path}.expr"));
                self.filled(Owner::Alert(index), Form::Query, (&filled(expr), expr), span);
            }
            for (key, text) in [("summary", &alert.spec.summary), ("description", &alert.spec.description)] {
                self.valued(Owner::Alert(index), Form::Template, text, &format!("{path}.{key}"));
            }
            if let Some(book) = &alert.spec.runbook {
                for (list, steps) in [("diagnosis", &book.diagnosis), ("mitigation", &book.mitigation)] {
                    for (step_index, step) in steps.iter().enumerate() {
                        if let StepSpec::Full(full) = step
                            && let Some(query) = &full.query
                        {
                            let place = format!("{path}.runbook.{list}[{step_index}].query");
                            let span = self.places.value(&place);
                            self.filled(Owner::Runbook(index), Form::Query, (&filled(query), query), span);
                        }
                    }
                }
            }
            for (test_index, test) in alert.spec.tests.iter().enumerate() {
                for series in test.series.keys() {
                    let span = self.places.key(&format!("{path}.tests[{test_index}].series.{series}"));
                    self.expression(Owner::Test(index), Form::Series, series, span);
                }
            }
        }
    }

    fn playbook_expressions(&mut self, spec: &CatalogSpec) {
        let Some(entry) = &spec.playbook else { return };
        for (index, step) in entry.spec.first_minutes.iter().enumerate() {
            if let StepSpec::Full(full) = step
                && let Some(query) = &full.query
            {
                let path = format!("playbook.first_minutes[{index}].query");
                self.valued(Owner::Playbook, Form::Query, query, &path);
            }
        }
        for (index, symptom) in entry.spec.symptoms.iter().enumerate() {
            if let Some(query) = &symptom.query {
                self.valued(
                    Owner::Playbook,
                    Form::Query,
                    query,
                    &format!("playbook.symptoms[{index}].query"),
                );
            }
        }
    }

    fn panel_expressions(&mut self, spec: &CatalogSpec) {
        for (index, board) in spec.dashboards.iter().enumerate() {
            let owner = Owner::Dashboard(index);
            for (row_index, row) in board.spec.rows.iter().enumerate() {
                for (panel_index, panel) in row.panels.iter().enumerate() {
                    let path = format!("{}.rows[{row_index}].panels[{panel_index}]", board.path);
                    match panel {
                        PanelSpec::Metric(metric) => self.valued(owner, Form::Name, metric, &path),
                        PanelSpec::Full(full) => self.full_panel_expressions(owner, full, &path),
                    }
                }
            }
        }
    }

    fn full_panel_expressions(&mut self, owner: Owner, panel: &FullPanelSpec, path: &str) {
        for (index, metric) in panel.metrics.iter().enumerate() {
            self.valued(owner, Form::Name, metric, &format!("{path}.metrics[{index}]"));
        }
        let single = panel.expr.iter().map(|expr| (expr, format!("{path}.expr")));
        let listed = panel.queries.iter().enumerate();
        let listed = listed.map(|(index, query)| (&query.expr, format!("{path}.queries[{index}].expr")));
        for (expr, path) in single.chain(listed) {
            let span = self.places.value(&path);
            self.filled(owner, Form::Query, (&plain(expr), expr), span);
        }
    }
}

/// A panel's query with values for Grafana's variables.
fn plain(expr: &str) -> String {
    Query { expr: expr.to_owned(), legend: None, span: Span::default() }.plain()
}
