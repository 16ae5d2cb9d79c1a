//! Alerts and recording rules, for Prometheus and for whatever reads its rule files.

mod burn;
mod missing;
mod tests;
mod thresholds;

use std::fmt::Write as _;
use std::time::Duration;

use vsr_metrics_catalog::model::{Alert, AlertRule, Catalog, Rule};

use super::markdown::anchor;
use super::yaml::{block, scalar};
use super::{GeneratedFile, file, origin};
use crate::promql::both_spellings;

pub(super) use tests::render as render_tests;
pub(super) use thresholds::render as render_thresholds;

/// Rules of one group are evaluated one after the other; more of them would be late.
const LARGEST_GROUP: usize = 20;

pub(super) fn render(catalog: &Catalog) -> Vec<GeneratedFile> {
    if catalog.alerts.is_empty() {
        return Vec::new();
    }
    let mut text = format!("# {}\ngroups:\n", origin(catalog));
    for (name, rules) in alert_groups(catalog) {
        let _ = write!(text, "  - name: {}\n    rules:\n", scalar(&name));
        for (alert, rule) in rules {
            text += &alert_rule(catalog, alert, &rule);
        }
    }
    file(&format!("alerts/{}.alerts.yml", catalog.name), text)
}

/// Quantiles and rates in one file, the objectives' shares of bad events in another: alerts need only the latter.
pub(super) fn render_recording(catalog: &Catalog) -> Vec<GeneratedFile> {
    let files = [("recording", recording_groups(catalog)), ("objectives", objective_groups(catalog))];
    files
        .into_iter()
        .filter(|(_, groups)| !groups.is_empty())
        .flat_map(|(kind, groups)| {
            let path = format!("alerts/{}.{kind}.yml", catalog.name);
            file(&path, recording_rules(catalog, groups))
        })
        .collect()
}

fn recording_rules(catalog: &Catalog, groups: Vec<(String, Vec<&Rule>)>) -> String {
    let mut text = format!("# {}\ngroups:\n", origin(catalog));
    for (name, rules) in groups {
        let _ = write!(text, "  - name: {}\n    rules:\n", scalar(&name));
        for rule in rules {
            let _ = writeln!(text, "      - record: {}", rule.record);
            text += &block(8, "expr", &both_spellings(&rule.expr));
        }
    }
    text
}

/// Alerting rules by group, in the order of the catalog.
fn alert_groups(catalog: &Catalog) -> Vec<(String, Vec<(&Alert, AlertRule)>)> {
    let rules = catalog
        .alerts
        .iter()
        .flat_map(|alert| alert.rules().into_iter().map(move |rule| (alert.group.clone(), (alert, rule))));
    groups(catalog, rules)
}

/// Recording rules by what the last part of their name says: what is wanted together is evaluated together.
fn recording_groups(catalog: &Catalog) -> Vec<(String, Vec<&Rule>)> {
    let group = |rule: &Rule| {
        let level = rule.record.split(':').next().unwrap_or_default();
        let operation = rule.record.rsplit(':').next().unwrap_or_default();
        if operation.starts_with("rate") {
            format!("{level}-{operation}")
        } else {
            format!("{level}-quantiles-{}", operation.rsplit('_').next().unwrap_or_default())
        }
    };
    let rules = catalog.rules.iter().filter(|rule| rule.objective.is_none());
    groups(catalog, rules.map(|rule| (group(rule), rule)))
}

/// What objectives record.
fn objective_groups(catalog: &Catalog) -> Vec<(String, Vec<&Rule>)> {
    let rules = catalog
        .rules
        .iter()
        .filter_map(|rule| Some((format!("objective-{}", rule.objective.as_ref()?.replace('_', "-")), rule)));
    groups(catalog, rules)
}

/// Gathers what belongs to one group, in the order of the first of each, in pieces that are not too large.
fn groups<T>(catalog: &Catalog, items: impl Iterator<Item = (String, T)>) -> Vec<(String, Vec<T>)> {
    let mut groups: Vec<(String, Vec<Vec<T>>)> = Vec::new();
    for (name, item) in items {
        let index = groups.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
            groups.push((name, Vec::new()));
            groups.len() - 1
        });
        let pieces = &mut groups[index].1;
        match pieces.last_mut() {
            Some(piece) if piece.len() < LARGEST_GROUP => piece.push(item),
            _ => pieces.push(vec![item]),
        }
    }
    let named = |(name, pieces): (String, Vec<Vec<T>>)| {
        // A group may be named after its catalog already.
        let full = if name == catalog.name { name } else { format!("{}-{name}", catalog.name) };
        pieces.into_iter().zip(1..).map(move |(piece, number)| {
            if number == 1 { (full.clone(), piece) } else { (format!("{full}-{number}"), piece) }
        })
    };
    groups.into_iter().flat_map(named).collect()
}

fn alert_rule(catalog: &Catalog, alert: &Alert, rule: &AlertRule) -> String {
    let mut text = format!("      - alert: {}\n", alert.name);
    text += &block(8, "expr", &both_spellings(&rule.expr));
    let _ = writeln!(text, "        for: {}", duration(rule.hold));
    let _ = writeln!(text, "        labels:");
    let _ = writeln!(text, "          severity: {}", rule.severity.name());
    let _ = writeln!(text, "          priority: {}", scalar(&alert.priority));
    for (name, value) in &rule.labels {
        let _ = writeln!(text, "          {name}: {}", scalar(value));
    }
    let _ = writeln!(text, "        annotations:");
    let _ = writeln!(text, "          summary: {}", scalar(&alert.summary));
    let _ = writeln!(text, "          description: {}", scalar(rule.description.trim()));
    let _ = writeln!(text, "          runbook_url: {}", scalar(&runbook_url(catalog, alert)));
    if let Some(url) = dashboard_url(catalog, alert) {
        let _ = writeln!(text, "          dashboard_url: {}", scalar(&url));
    }
    text
}

/// The section of the runbook.
pub(super) fn runbook_url(catalog: &Catalog, alert: &Alert) -> String {
    format!("{}#{}", catalog.links.runbook, anchor(&alert.name))
}

/// The dashboard with its variables set to those labels that the alert has.
fn dashboard_url(catalog: &Catalog, alert: &Alert) -> Option<String> {
    let (base, uid) = (catalog.links.dashboards.as_ref()?, alert.dashboard.as_ref()?);
    let constant = catalog.constant_labels.iter().map(|id| catalog.label(*id).name.as_str());
    let variables = ["job", "instance"].into_iter().chain(constant);
    let variables: Vec<String> = variables
        .map(|label| format!("{{{{ with $labels.{label} }}}}&var-{label}={{{{ . }}}}{{{{ end }}}}"))
        .collect();
    Some(format!("{base}/{uid}?from=now-1h&to=now{}", variables.concat()))
}

/// A duration as Prometheus writes it.
pub(super) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        _ if duration.subsec_millis() > 0 => format!("{}ms", duration.as_millis()),
        0 => "0s".to_owned(),
        _ if seconds.is_multiple_of(86_400) => format!("{}d", seconds / 86_400),
        _ if seconds.is_multiple_of(3_600) => format!("{}h", seconds / 3_600),
        _ if seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
        _ => format!("{seconds}s"),
    }
}
