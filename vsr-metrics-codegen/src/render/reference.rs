//! The reference: every family with what it means, what it costs and who uses it.

use std::fmt::Write as _;

use vsr_metrics_catalog::model::{
    Aggregate, Catalog, Family, GaugeValue, Instrument, LabelValues, Stability, Unit,
};

use super::markdown::{anchor, code, head, prose, row};
use super::{GeneratedFile, file, origin};
use crate::expand::methods::signatures;
use crate::promql;
use crate::uses::Graph;

pub(super) fn render(catalog: &Catalog) -> Vec<GeneratedFile> {
    let uses = Graph::new(catalog);
    let groups = groups(catalog);
    let mut text = format!("<!-- {} -->\n\n# Metrics of `{}`\n\n", origin(catalog), catalog.name);
    text += &introduction(catalog);
    for (name, families) in &groups {
        let _ = write!(text, "\n- [{name}](#{})\n", anchor(name));
        for family in families {
            let _ = writeln!(text, "  - [`{0}`](#{0}): {1}", family.name, prose(&family.help));
        }
    }
    for (name, families) in &groups {
        let _ = write!(text, "\n## {name}\n");
        for family in families {
            text += &section(catalog, &uses, family);
        }
    }
    file("metrics.md", text)
}

/// Families by group, both in the order of the catalog.
fn groups(catalog: &Catalog) -> Vec<(&str, Vec<&Family>)> {
    let mut groups: Vec<(&str, Vec<&Family>)> = Vec::new();
    for family in &catalog.families {
        match groups.iter_mut().find(|(name, _)| *name == family.group) {
            Some((_, families)) => families.push(family),
            None => groups.push((&family.group, vec![family])),
        }
    }
    groups
}

fn introduction(catalog: &Catalog) -> String {
    let lines: u64 = catalog.families.iter().map(|family| catalog.sample_lines(family)).sum();
    let mut text = format!(
        "Version {}. {} metric families, at most {lines} sample lines per instance of a budget of {}.\n",
        catalog.version,
        catalog.families.len(),
        catalog.series_budget
    );
    for id in &catalog.constant_labels {
        let label = catalog.label(*id);
        let _ = write!(text, "\nEvery series carries the label `{}`: {}\n", label.name, prose(&label.help));
    }
    text
}

fn section(catalog: &Catalog, uses: &Graph, family: &Family) -> String {
    let mut text = format!("\n### `{}`\n\n{}\n\n", family.name, prose(&family.help));
    text += &head(&["", ""]);
    for (title, fact) in facts(catalog, uses, family) {
        text += &row(&[title.to_owned(), fact]);
    }
    text += &labels(catalog, family);
    text += &states(family);
    if let Some(usage) = &family.usage {
        let _ = write!(text, "\n{}\n", prose(usage.trim()));
    }
    let _ = write!(text, "\nTo start from:\n\n```promql\n{}\n```\n", promql::example(catalog, family));
    text
}

/// What a grid is good for.
const GRID: &str = "exponential: bounds at powers of 2^(1/16); quantiles within 2.2 %; sent over OTLP";

/// The table of a family; what does not apply is left out.
fn facts(catalog: &Catalog, uses: &Graph, family: &Family) -> Vec<(&'static str, String)> {
    let mut facts = vec![("Type", kind(family).to_owned())];
    facts.extend(family.unit.map(|unit| ("Unit", unit_words(unit))));
    if let Instrument::Histogram { bounds, .. } = &family.instrument {
        let bounds: Vec<String> = bounds.iter().map(|bound| bound.value.to_string()).collect();
        facts.push(("Buckets", bounds.join(", ")));
    }
    if family.has_grid() {
        facts.push(("Grid", GRID.to_owned()));
    }
    let (series, lines) = (catalog.series(family), catalog.sample_lines(family));
    let size =
        if series == lines { series.to_string() } else { format!("{series}, as {lines} sample lines") };
    facts.push(("Series", size));
    let aggregate = match family.aggregate {
        Some(Aggregate::Sum) => Some("their sum"),
        Some(Aggregate::Max) => Some("the largest"),
        Some(Aggregate::Min) => Some("the smallest"),
        None => None,
    };
    facts.extend(aggregate.map(|rule| ("Over instances", rule.to_owned())));
    facts.extend(family.owner.clone().map(|owner| ("Owner", prose(&owner))));
    if family.stability == Stability::Experimental {
        facts.push(("Stability", "experimental: may change with a minor version".to_owned()));
    }
    let used_by = [
        ("Alerts", uses.alerts(family)),
        ("If it is missing", uses.missing(family)),
        ("Recording rules", uses.rules(family)),
        ("Objectives", uses.slos(family)),
        ("Runbook", uses.runbook(family)),
    ];
    facts.extend(used_by.into_iter().filter(|(_, users)| !users.is_empty()).map(|(title, users)| {
        let names: Vec<String> = users.into_iter().map(code).collect();
        (title, names.join(", "))
    }));
    let panels: Vec<String> = uses
        .panels(family)
        .into_iter()
        .map(|(board, panels)| {
            format!("{}: {}", code(board), panels.into_iter().map(prose).collect::<Vec<_>>().join("; "))
        })
        .collect();
    if !panels.is_empty() {
        facts.push(("Panels", panels.join("<br>")));
    }
    let methods: Vec<String> = signatures(catalog, family).iter().map(|method| code(method)).collect();
    facts.push(("Rust", methods.join("<br>")));
    facts
}

fn kind(family: &Family) -> &'static str {
    match &family.instrument {
        Instrument::Counter => "counter",
        Instrument::Histogram { .. } => "histogram",
        Instrument::Gauge(GaugeValue::U64) => "gauge, an unsigned integer",
        Instrument::Gauge(GaugeValue::I64) => "gauge, a signed integer",
        Instrument::Gauge(GaugeValue::F64) => "gauge, a floating point number",
        Instrument::Gauge(GaugeValue::States(_)) => "gauge with states",
    }
}

pub(super) fn unit_words(unit: Unit) -> String {
    unit.name().replace('_', " ")
}

fn labels(catalog: &Catalog, family: &Family) -> String {
    let mut text = String::new();
    for id in &family.labels {
        let label = catalog.label(*id);
        let _ = write!(text, "\nLabel `{}`: {}", label.name, prose(&label.help));
        match &label.values {
            LabelValues::Range { min, max } => {
                let _ = writeln!(text, " A number from {min} to {max}.");
            }
            LabelValues::Enum(values) => {
                text += "\n\n";
                text += &head(&["Value", "Recorded when"]);
                for value in values {
                    text += &row(&[code(&value.name), prose(&value.help)]);
                }
            }
        }
    }
    text
}

fn states(family: &Family) -> String {
    let Instrument::Gauge(GaugeValue::States(states)) = &family.instrument else {
        return String::new();
    };
    let mut text = String::from("\n");
    text += &head(&["Value", "State", "Meaning"]);
    for state in states {
        let help = state.help.as_deref().map(prose).unwrap_or_default();
        text += &row(&[state.value.to_string(), code(&state.name), help]);
    }
    text
}
