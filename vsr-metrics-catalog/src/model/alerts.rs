//! Alerts: their rules, thresholds, runbook sections and tests.

use std::time::Duration;

use serde::Deserialize;

use super::Unit;
use crate::source::Span;

/// An alert: one name, one section of the runbook, and one rule or several.
#[derive(Clone, Debug)]
pub struct Alert {
    /// `PascalCase` name.
    pub name: String,
    /// How urgent.
    pub severity: Severity,
    /// Priority of the design document: `P0`, `P1`, `P2`.
    pub priority: String,
    /// PromQL with the threshold filled in; every sample it returns is an alert. Of several rules, the first one's.
    pub expr: String,
    /// How long the expression must hold.
    pub hold: Duration,
    /// Labels of the rule besides severity and priority.
    pub labels: Vec<(String, String)>,
    /// Group in the rules file.
    pub group: String,
    /// A fixed sentence.
    pub summary: String,
    /// A template with labels and value.
    pub description: String,
    /// Rules of the same name besides the first: other windows of a burn rate, other metrics that are missing.
    pub others: Vec<AlertRule>,
    /// Where its rules come from.
    pub condition: Condition,
    /// What its value is compared with.
    pub threshold: Option<Threshold>,
    /// Where and why its condition differs from the design document.
    pub note: Option<String>,
    /// The dashboard that shows it, by uid.
    pub dashboard: Option<String>,
    /// What the person on call does.
    pub runbook: Runbook,
    /// Cases that prove it fires and keeps quiet.
    pub tests: Vec<AlertTest>,
    /// Whether a deployment's overlay changed when it fires, so that its tests judge another rule.
    pub changed: bool,
    /// Where the alert is defined.
    pub span: Span,
    /// Where its expression stands.
    pub expr_span: Span,
}

/// One rule of an alert.
#[derive(Clone, Debug)]
pub struct AlertRule {
    /// How urgent.
    pub severity: Severity,
    /// PromQL.
    pub expr: String,
    /// How long the expression must hold.
    pub hold: Duration,
    /// Labels of the rule besides severity and priority.
    pub labels: Vec<(String, String)>,
    /// A template with labels and value.
    pub description: String,
}

/// Where an alert's rules come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// An expression of the author's.
    Expression,
    /// The error budget of an objective burns: one rule for each pair of windows.
    Burn {
        /// Name of the objective.
        slo: String,
    },
    /// A metric that alerts look at is missing: one rule for each.
    Missing {
        /// The metric beside which the others are expected: without it, nothing is scraped at all.
        beside: String,
        /// The metrics, in the order of the rules.
        metrics: Vec<String>,
    },
}

/// What an alert compares with; a deployment may change it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Threshold {
    /// The number that stands in the expression.
    pub value: f64,
    /// Its unit.
    pub unit: ThresholdUnit,
}

/// A unit of thresholds: one of a metric, or of what expressions make of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThresholdUnit {
    /// The unit of a metric.
    Of(Unit),
    /// A number of things.
    Count,
    /// Things a second.
    PerSecond,
    /// A share, from 0 to 1.
    Ratio,
    /// Hours.
    Hours,
}

/// A pair of windows over which an error budget is watched.
#[derive(Clone, Copy, Debug)]
pub struct Burn {
    /// How many times faster than allowed the budget is spent.
    pub factor: f64,
    /// The window that must have lost so much.
    pub long: &'static str,
    /// The window that must still be losing it.
    pub short: &'static str,
    /// Whether somebody is paged, as the alert says, or a ticket is filed.
    pub pages: bool,
}

/// The pairs of windows, quickest first: 2 % of a month's budget in an hour, 5 % in six, 10 % in a day or in three.
pub const BURNS: [Burn; 4] = [
    Burn { factor: 14.4, long: "1h", short: "5m", pages: true },
    Burn { factor: 6.0, long: "6h", short: "30m", pages: true },
    Burn { factor: 3.0, long: "1d", short: "2h", pages: false },
    Burn { factor: 1.0, long: "3d", short: "6h", pages: false },
];

/// Who is woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Pages.
    Critical,
    /// Files a ticket.
    Warning,
    /// Informs.
    Info,
}

/// The section of the runbook that belongs to an alert.
#[derive(Clone, Debug, Default)]
pub struct Runbook {
    /// What the alert says, for someone who does not know the protocol.
    pub meaning: String,
    /// What users notice.
    pub impact: String,
    /// Steps to find the cause.
    pub diagnosis: Vec<Step>,
    /// Steps that help.
    pub mitigation: Vec<Step>,
    /// What would make it worse.
    pub avoid: Vec<String>,
    /// When it is over.
    pub resolved_when: String,
}

/// One step of a runbook: a sentence, and perhaps a query to run.
#[derive(Clone, Debug)]
pub struct Step {
    /// What to do or look at.
    pub text: String,
    /// PromQL to paste.
    pub query: Option<String>,
}

/// One case of an alert's tests, in the notation of `promtool test rules`.
#[derive(Clone, Debug)]
pub struct AlertTest {
    /// Name of the case.
    pub name: String,
    /// Distance of the samples, and of the evaluations.
    pub interval: Duration,
    /// Series selector and values in promtool's notation.
    pub series: Vec<(String, String)>,
    /// Times at which the alert must not fire.
    pub quiet_at: Vec<Duration>,
    /// Times at which it must fire.
    pub fires_at: Vec<Duration>,
    /// Times at which it must have stopped firing.
    pub clears_at: Vec<Duration>,
}

impl Alert {
    /// All rules, the first one too.
    pub fn rules(&self) -> Vec<AlertRule> {
        let first = AlertRule {
            severity: self.severity,
            expr: self.expr.clone(),
            hold: self.hold,
            labels: self.labels.clone(),
            description: self.description.clone(),
        };
        std::iter::once(first).chain(self.others.iter().cloned()).collect()
    }
}

impl Severity {
    /// The word of the label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

impl ThresholdUnit {
    /// Units that no metric has.
    const OWN: [(&'static str, Self); 4] = [
        ("count", Self::Count),
        ("per_second", Self::PerSecond),
        ("ratio", Self::Ratio),
        ("hours", Self::Hours),
    ];

    /// The unit of a word.
    pub fn from_name(name: &str) -> Option<Self> {
        let of = Unit::ALL.iter().find(|(word, _)| *word == name).map(|(_, unit)| Self::Of(*unit));
        of.or_else(|| Self::OWN.iter().find(|(word, _)| *word == name).map(|(_, unit)| *unit))
    }

    /// Every word that the catalog takes.
    pub fn names() -> Vec<&'static str> {
        Unit::ALL.iter().map(|(name, _)| *name).chain(Self::OWN.iter().map(|(name, _)| *name)).collect()
    }

    /// The word that the catalog uses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Of(unit) => unit.name(),
            own => Self::OWN.iter().find(|(_, unit)| *unit == own).map_or("", |(name, _)| name),
        }
    }
}

impl Threshold {
    /// The threshold as a person says it: `100 ms`, `5 GB`, `1 %`.
    pub fn words(self) -> String {
        let value = self.value;
        match self.unit {
            ThresholdUnit::Count => value.to_string(),
            ThresholdUnit::PerSecond => format!("{value} a second"),
            // A share of 0.07 is not quite seven hundredths in binary.
            ThresholdUnit::Ratio => format!("{} %", (value * 1e9).round() / 1e7),
            ThresholdUnit::Hours => format!("{value} hours"),
            ThresholdUnit::Of(unit) => match unit {
                Unit::Milliseconds => format!("{value} ms"),
                Unit::Seconds => format!("{value} s"),
                Unit::Bytes => bytes(value),
                Unit::BytesPerSecond => format!("{}/s", bytes(value)),
                Unit::Operations => format!("{value} operations"),
                Unit::OperationsPerSecond => format!("{value} operations a second"),
                Unit::Percent => format!("{value} %"),
            },
        }
    }
}

/// Bytes in the largest decimal unit that leaves a whole number.
fn bytes(value: f64) -> String {
    let units = [(1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")];
    let largest = units.into_iter().find(|(size, _)| value >= *size && (value / size).fract() == 0.0);
    largest.map_or_else(|| format!("{value} B"), |(size, name)| format!("{} {name}", value / size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_said_in_words() {
        let words = |value, unit| Threshold { value, unit }.words();
        assert_eq!(words(100.0, ThresholdUnit::Of(Unit::Milliseconds)), "100 ms");
        assert_eq!(words(5e9, ThresholdUnit::Of(Unit::Bytes)), "5 GB");
        assert_eq!(words(1_500.0, ThresholdUnit::Of(Unit::Bytes)), "1500 B");
        assert_eq!(words(0.07, ThresholdUnit::Ratio), "7 %");
    }

    #[test]
    fn every_unit_has_a_name_that_leads_back() {
        for name in ThresholdUnit::names() {
            assert_eq!(ThresholdUnit::from_name(name).map(ThresholdUnit::name), Some(name));
        }
    }
}
