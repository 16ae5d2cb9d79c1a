//! Every use of a family, from parsed queries, also by way of recorded names.

use std::collections::HashMap;

use vsr_metrics_catalog::model::{Alert, Catalog, Condition, Family, Indicator, Panel};
use vsr_metrics_catalog::names::title;
use vsr_metrics_catalog::promql;

use super::series_names;

/// Between the titles of a board and of a panel; no title has it.
const BETWEEN: char = '\n';

/// From the name of each series to those who look at it.
pub(crate) struct Graph {
    alerts: Index,
    missing: Index,
    rules: Index,
    slos: Index,
    panels: Index,
    runbook: Index,
}

/// Users by the name of a series, each once, in the order of the catalog.
#[derive(Default)]
struct Index(HashMap<String, Vec<String>>);

impl Graph {
    /// Parses all queries once.
    pub(crate) fn new(catalog: &Catalog) -> Self {
        let recorded = Recorded::new(catalog);
        let mut graph = Self {
            alerts: Index::default(),
            missing: Index::default(),
            rules: Index::default(),
            slos: Index::default(),
            panels: Index::default(),
            runbook: Index::default(),
        };
        for rule in &catalog.rules {
            graph.rules.enter(&recorded, &rule.expr, &rule.record);
        }
        for slo in &catalog.slos {
            match &slo.indicator {
                Indicator::Latency { metric, .. } => graph.slos.enter(&recorded, metric, &slo.name),
                Indicator::Ratio { good, total } => {
                    graph.slos.enter(&recorded, good, &slo.name);
                    graph.slos.enter(&recorded, total, &slo.name);
                }
            }
        }
        for alert in &catalog.alerts {
            graph.enter_alert(&recorded, alert);
            let steps = alert.runbook.diagnosis.iter().chain(&alert.runbook.mitigation);
            for query in steps.filter_map(|step| step.query.as_deref()) {
                graph.runbook.enter(&recorded, query, &alert.name);
            }
        }
        for board in &catalog.dashboards {
            for panel in board.rows.iter().flat_map(|row| &row.panels) {
                let user = format!("{}{BETWEEN}{}", board.title, panel_title(catalog, panel));
                panel.metrics.iter().for_each(|metric| graph.panels.push(metric, &user));
                panel.queries.iter().for_each(|query| graph.panels.enter(&recorded, &query.plain(), &user));
            }
        }
        graph
    }

    /// What an alert looks at. One that waits for missing metrics looks at none of them, but for the one beside which
    /// they are expected.
    fn enter_alert(&mut self, recorded: &Recorded, alert: &Alert) {
        if let Condition::Missing { beside, metrics } = &alert.condition {
            self.alerts.push(beside, &alert.name);
            for metric in metrics {
                self.missing.push(metric, &alert.name);
            }
        } else {
            for rule in alert.rules() {
                self.alerts.enter(recorded, &rule.expr, &alert.name);
            }
        }
    }

    /// The alerts that fire when nobody reports the family.
    pub(crate) fn missing(&self, family: &Family) -> Vec<&str> {
        self.missing.users(family)
    }

    /// The alerts that look at the family.
    pub(crate) fn alerts(&self, family: &Family) -> Vec<&str> {
        self.alerts.users(family)
    }

    /// The recording rules made from the family.
    pub(crate) fn rules(&self, family: &Family) -> Vec<&str> {
        self.rules.users(family)
    }

    /// The objectives that the family measures.
    pub(crate) fn slos(&self, family: &Family) -> Vec<&str> {
        self.slos.users(family)
    }

    /// The boards that show the family, each with the titles of its panels.
    pub(crate) fn panels(&self, family: &Family) -> Vec<(&str, Vec<&str>)> {
        let mut boards: Vec<(&str, Vec<&str>)> = Vec::new();
        for (board, panel) in
            self.panels.users(family).into_iter().filter_map(|user| user.split_once(BETWEEN))
        {
            match boards.iter_mut().find(|(known, _)| *known == board) {
                Some((_, panels)) => panels.push(panel),
                None => boards.push((board, vec![panel])),
            }
        }
        boards
    }

    /// The alerts in whose runbook a query looks at the family.
    pub(crate) fn runbook(&self, family: &Family) -> Vec<&str> {
        self.runbook.users(family)
    }
}

/// What a panel is called on its board: after its metric, where it has no title of its own.
fn panel_title(catalog: &Catalog, panel: &Panel) -> String {
    let of_metric = || {
        let family = panel.metrics.first().and_then(|metric| catalog.family(metric));
        family.map(|family| title(&family.stem)).unwrap_or_default()
    };
    panel.title.clone().unwrap_or_else(of_metric)
}

/// What each recorded series is made of.
struct Recorded(HashMap<String, Vec<String>>);

impl Recorded {
    fn new(catalog: &Catalog) -> Self {
        Self(catalog.rules.iter().map(|rule| (rule.record.clone(), promql::series(&rule.expr))).collect())
    }

    /// The series that a query looks at, and those that they are recorded from.
    fn reached(&self, query: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut open = promql::series(query);
        while let Some(name) = open.pop() {
            if !found.contains(&name) {
                open.extend(self.0.get(&name).into_iter().flatten().cloned());
                found.push(name);
            }
        }
        found
    }
}

impl Index {
    fn enter(&mut self, recorded: &Recorded, query: &str, user: &str) {
        for name in recorded.reached(query) {
            self.push(&name, user);
        }
    }

    fn push(&mut self, name: &str, user: &str) {
        let users = self.0.entry(name.to_owned()).or_default();
        if !users.iter().any(|known| known == user) {
            users.push(user.to_owned());
        }
    }

    fn users(&self, family: &Family) -> Vec<&str> {
        let names = series_names(family);
        super::once(names.iter().filter_map(|name| self.0.get(name)).flatten().map(String::as_str))
    }
}
