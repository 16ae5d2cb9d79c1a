//! Who in the catalog uses a family: alerts and recording rules, also by way of a recorded name.

use std::collections::HashMap;

#[cfg(feature = "render")]
mod graph;

#[cfg(feature = "render")]
pub(crate) use graph::Graph;
use vsr_metrics_catalog::model::{Alert, Catalog, Condition, Family, Instrument};

/// The alerts of each family, found by words, for the documents of the generated code: the macro parses no queries.
pub(crate) struct Uses<'a> {
    alerts: HashMap<&'a str, Vec<&'a str>>,
}

impl<'a> Uses<'a> {
    /// Reads all conditions once.
    pub(crate) fn new(catalog: &'a Catalog) -> Self {
        let rules: HashMap<&str, &str> =
            catalog.rules.iter().map(|rule| (rule.record.as_str(), rule.expr.as_str())).collect();
        let mut alerts: HashMap<&str, Vec<&str>> = HashMap::new();
        for alert in &catalog.alerts {
            for name in reached(alert, &rules) {
                alerts.entry(name).or_default().push(&alert.name);
            }
        }
        Self { alerts }
    }

    /// The alerts whose expression looks at the family, in the order of the catalog.
    pub(crate) fn alerts(&self, family: &Family) -> Vec<&'a str> {
        let names = series_names(family);
        once(names.iter().filter_map(|name| self.alerts.get(name.as_str())).flatten().copied())
    }
}

/// Each user once, in the order in which they come.
fn once<'a>(users: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut found: Vec<&str> = Vec::new();
    for user in users {
        if !found.contains(&user) {
            found.push(user);
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

/// Names in the alert's expression, and in those of the recording rules that it names. What waits for missing metrics
/// looks at the one beside which they are expected.
fn reached<'a>(alert: &'a Alert, rules: &HashMap<&str, &'a str>) -> Vec<&'a str> {
    if let Condition::Missing { beside, .. } = &alert.condition {
        return vec![beside];
    }
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
