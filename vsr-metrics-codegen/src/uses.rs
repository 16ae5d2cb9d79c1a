//! Who in the catalog uses a family: alerts and recording rules, also by way of a recorded name.

use std::collections::HashMap;

#[cfg(feature = "render")]
use vsr_metrics_catalog::model::Indicator;
use vsr_metrics_catalog::model::{Alert, Catalog, Family, Instrument};

/// From each name that stands in an expression to those who wrote it.
pub(crate) struct Uses<'a> {
    alerts: Index<'a>,
    #[cfg(feature = "render")]
    others: Others<'a>,
}

type Index<'a> = HashMap<&'a str, Vec<&'a str>>;

/// What the reference lists besides alerts.
#[cfg(feature = "render")]
struct Others<'a> {
    rules: Index<'a>,
    slos: Index<'a>,
    dashboards: Index<'a>,
}

impl<'a> Uses<'a> {
    /// Reads all expressions once.
    pub(crate) fn new(catalog: &'a Catalog) -> Self {
        let rules: HashMap<&str, &str> =
            catalog.rules.iter().map(|rule| (rule.record.as_str(), rule.expr.as_str())).collect();
        let mut alerts = Index::new();
        for alert in &catalog.alerts {
            for name in reached(alert, &rules) {
                alerts.entry(name).or_default().push(&alert.name);
            }
        }
        Self {
            alerts,
            #[cfg(feature = "render")]
            others: Others::new(catalog),
        }
    }

    /// The alerts whose expression looks at the family, in the order of the catalog.
    pub(crate) fn alerts(&self, family: &Family) -> Vec<&'a str> {
        users(&self.alerts, family)
    }
}

#[cfg(feature = "render")]
impl<'a> Uses<'a> {
    /// The recording rules made from the family.
    pub(crate) fn rules(&self, family: &Family) -> Vec<&'a str> {
        users(&self.others.rules, family)
    }

    /// The objectives that the family measures.
    pub(crate) fn slos(&self, family: &Family) -> Vec<&'a str> {
        users(&self.others.slos, family)
    }

    /// Titles of the dashboards that show the family.
    pub(crate) fn dashboards(&self, family: &Family) -> Vec<&'a str> {
        users(&self.others.dashboards, family)
    }
}

#[cfg(feature = "render")]
impl<'a> Others<'a> {
    fn new(catalog: &'a Catalog) -> Self {
        let mut others = Self { rules: Index::new(), slos: Index::new(), dashboards: Index::new() };
        for rule in &catalog.rules {
            enter(&mut others.rules, &rule.expr, &rule.record);
        }
        for slo in &catalog.slos {
            match &slo.indicator {
                Indicator::Latency { metric, .. } => enter(&mut others.slos, metric, &slo.name),
                Indicator::Ratio { good, total } => {
                    enter(&mut others.slos, good, &slo.name);
                    enter(&mut others.slos, total, &slo.name);
                }
            }
        }
        for dashboard in &catalog.dashboards {
            for panel in dashboard.rows.iter().flat_map(|row| &row.panels) {
                for text in panel.metrics.iter().chain(panel.queries.iter().map(|query| &query.expr)) {
                    enter(&mut others.dashboards, text, &dashboard.title);
                }
            }
        }
        others
    }
}

#[cfg(feature = "render")]
fn enter<'a>(index: &mut Index<'a>, expr: &'a str, user: &'a str) {
    for name in names(expr) {
        index.entry(name).or_default().push(user);
    }
}

/// Everyone who names one of the family's series, once each.
fn users<'a>(index: &Index<'a>, family: &Family) -> Vec<&'a str> {
    let mut found = Vec::new();
    for name in series_names(family) {
        for user in index.get(name.as_str()).into_iter().flatten() {
            if !found.contains(user) {
                found.push(*user);
            }
        }
    }
    found
}

/// The names under which a family's series are queried.
pub(crate) fn series_names(family: &Family) -> Vec<String> {
    let name = &family.name;
    match family.instrument {
        Instrument::Histogram { .. } => {
            vec![name.clone(), format!("{name}_bucket"), format!("{name}_sum"), format!("{name}_count")]
        }
        Instrument::Counter | Instrument::Gauge(_) => vec![name.clone()],
    }
}

/// Names in the alert's expression, and in those of the recording rules that it names.
fn reached<'a>(alert: &'a Alert, rules: &HashMap<&str, &'a str>) -> Vec<&'a str> {
    let mut found: Vec<&str> = Vec::new();
    let mut expressions = vec![alert.expr.as_str()];
    while let Some(expr) = expressions.pop() {
        for name in names(expr) {
            if !found.contains(&name) {
                found.push(name);
                expressions.extend(rules.get(name));
            }
        }
    }
    found
}

/// All words of an expression that could be a series' name.
pub(crate) fn names(expr: &str) -> impl Iterator<Item = &str> {
    expr.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_' || letter == ':'))
        .filter(|word| word.starts_with(|first: char| !first.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_whole_words() {
        let found: Vec<&str> = names("rate(app_a_total[5m]) > 2 * x:app_b:sum{c=\"d\"}").collect();
        assert_eq!(found, ["rate", "app_a_total", "x:app_b:sum", "c", "d"]);
    }
}
