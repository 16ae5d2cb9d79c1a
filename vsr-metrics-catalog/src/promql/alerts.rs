//! Alerts that can fire while there is still something to fire for, at a threshold in the unit of what it is compared with.

use std::time::Duration;

use super::facts::{Facts, Measure};
use super::tree::{Binary, Expr, Node};
use super::{Graph, Report};
use crate::diagnostic::Diagnostic;
use crate::lint::{Findings, Subject};
use crate::model::{Alert, Condition, ThresholdUnit, Unit};
use crate::names::shown;

/// An absence shorter than this many scrapes may be one lost scrape.
const SCRAPES: u32 = 2;

/// The alert's condition against its `for`, and its threshold.
pub(super) fn condition(graph: &Graph<'_>, alert: &Alert, expr: &Expr, report: &mut Report<'_, '_>) {
    let shortest = graph.subject.catalog.scrape_interval * SCRAPES;
    expr.walk(&mut |expr| {
        if let Node::Call { function, .. } = &expr.node
            && function == "absent"
            && alert.hold < shortest
        {
            let message = format!("`absent` for {} fires when one scrape is lost", shown(alert.hold));
            report.push(
                "absent-too-soon",
                &expr.at,
                message,
                format!("set `for` to {} at least", shown(shortest)),
            );
        }
    });
    outlasted(alert, expr, report);
    if alert.threshold.is_some() {
        expr.walk(&mut |expr| {
            if let Node::Binary(binary) = &expr.node {
                threshold(graph, alert, binary, report);
            }
        });
    }
}

/// Rules for missing metrics, which follow from other alerts, are made with `absent` as well.
pub(super) fn missing(subject: &Subject<'_>, findings: &mut Findings) {
    let shortest = subject.catalog.scrape_interval * SCRAPES;
    let missing = |alert: &&Alert| matches!(alert.condition, Condition::Missing { .. });
    for alert in subject.catalog.alerts.iter().filter(missing) {
        if alert.hold < shortest && !subject.lost.may_define(&alert.name) {
            let message = format!("`missing` for {} fires when one scrape is lost", shown(alert.hold));
            let finding = Diagnostic::error("absent-too-soon", alert.span, message);
            findings.about(&alert.name, finding.help(format!("set `for` to {} at least", shown(shortest))));
        }
    }
}

/// An event stays in a window for as long as the window is; a condition that holds for longer needs another event.
fn outlasted(alert: &Alert, expr: &Expr, report: &mut Report<'_, '_>) {
    match &expr.node {
        Node::Binary(binary) if binary.is_comparison => {
            let is_zero = matches!(binary.right.node, Node::Number(number) if number == 0.0);
            let is_above = matches!(binary.operator.as_str(), ">" | ">=" | "!=");
            if let Some((window, at)) = event_window(&binary.left, is_zero).filter(|_| is_above)
                && alert.hold >= window
            {
                let message = format!(
                    "an event leaves the window of {} before the condition has held for {}",
                    shown(window),
                    shown(alert.hold)
                );
                report.push("for-outlasts-window", &at, message, "shorten `for`, or lengthen the window");
            }
        }
        Node::Binary(binary) if matches!(binary.operator.as_str(), "and" | "or") => {
            outlasted(alert, &binary.left, report);
            outlasted(alert, &binary.right, report);
        }
        Node::Binary(binary) if binary.operator == "unless" => outlasted(alert, &binary.left, report),
        _ => {}
    }
}

/// The window of an expression that counts events. A rate does only where any at all is too much: elsewhere it says
/// how fast they come, for as long as they do.
fn event_window(expr: &Expr, is_zero: bool) -> Option<(Duration, std::ops::Range<usize>)> {
    match &expr.node {
        Node::Aggregate { inner, .. } => event_window(inner, is_zero),
        Node::Call { function, arguments } => {
            let counts = matches!(function.as_str(), "increase" | "changes" | "resets");
            let means_any = is_zero && matches!(function.as_str(), "rate" | "irate");
            if !(counts || means_any) {
                return None;
            }
            match &arguments.first()?.node {
                Node::Selector(selector) => selector.window.clone(),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The unit of the threshold is the one of what it is compared with.
fn threshold(graph: &Graph<'_>, alert: &Alert, binary: &Binary, report: &mut Report<'_, '_>) {
    let Some(threshold) = alert.threshold.filter(|_| binary.is_comparison) else { return };
    for (number, other) in [(&binary.right, &binary.left), (&binary.left, &binary.right)] {
        let is_threshold =
            matches!(number.node, Node::Number(value) if value.total_cmp(&threshold.value).is_eq());
        let measure = Facts::of(other, &graph.names).measure;
        if is_threshold && !fits(measure, threshold.unit) {
            let unit = threshold.unit.name();
            let message =
                format!("the threshold has the unit `{unit}`, and is compared with {}", named(measure));
            report.push("threshold-unit", &number.at, message, "write the threshold in that unit");
        }
    }
}

fn fits(measure: Measure, unit: ThresholdUnit) -> bool {
    match (measure, unit) {
        (Measure::Unknown, _)
        | (Measure::Count | Measure::State, ThresholdUnit::Count | ThresholdUnit::Of(Unit::Operations))
        | (Measure::Of(Unit::Operations), ThresholdUnit::Count)
        | (Measure::PerSecond, ThresholdUnit::PerSecond | ThresholdUnit::Of(Unit::OperationsPerSecond))
        | (Measure::Of(Unit::OperationsPerSecond), ThresholdUnit::PerSecond)
        | (Measure::Ratio, ThresholdUnit::Ratio) => true,
        (Measure::Of(unit), ThresholdUnit::Of(other)) => unit == other,
        _ => false,
    }
}

fn named(measure: Measure) -> String {
    match measure {
        Measure::Of(unit) => unit.name().replace('_', " "),
        Measure::Count => "a count".to_owned(),
        Measure::PerSecond => "events a second".to_owned(),
        Measure::Ratio => "a ratio from 0 to 1".to_owned(),
        Measure::State => "the number of a state".to_owned(),
        Measure::Unknown => "a unit that is not known".to_owned(),
    }
}
