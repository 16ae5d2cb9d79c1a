//! What operators read: exceptions, rules, objectives, dashboards, links.

use std::time::Duration;

use crate::source::Span;

/// A suppressed finding.
#[derive(Clone, Debug)]
pub struct Exception {
    /// Name of the lint.
    pub lint: String,
    /// Metrics it is suppressed for; `*` stands for any characters.
    pub metrics: Vec<String>,
    /// Why.
    pub reason: String,
    /// Where it is defined.
    pub span: Span,
}

/// A recording rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Recorded name: `level:metric:operations`.
    pub record: String,
    /// PromQL.
    pub expr: String,
    /// One sentence on what it is for.
    pub help: Option<String>,
    /// The objective that it follows from; none for a rule of the author's.
    pub objective: Option<String>,
    /// Where it is defined.
    pub span: Span,
}

/// A service level objective.
#[derive(Clone, Debug)]
pub struct Slo {
    /// Name in the catalog.
    pub name: String,
    /// One sentence.
    pub help: String,
    /// Share of good events, in percent.
    pub objective: f64,
    /// Time over which the objective holds.
    pub window: Duration,
    /// What makes an event good.
    pub indicator: Indicator,
    /// Where it is defined.
    pub span: Span,
}

/// Where alerts point to.
#[derive(Clone, Debug)]
pub struct Links {
    /// Address of the runbook; the anchor of an alert is appended.
    pub runbook: String,
    /// Address below which dashboards are found by their uid; none if there are no dashboards to point to.
    pub dashboards: Option<String>,
}

impl Default for Links {
    fn default() -> Self {
        Self { runbook: "runbook.md".to_owned(), dashboards: None }
    }
}

impl Slo {
    /// The name under which the share of bad events is recorded.
    pub fn record(&self, prefix: &str, window: &str) -> String {
        format!("cluster:{prefix}slo_{}:error_ratio_{window}", self.name)
    }

    /// The share of events that may be bad, from 0 to 1.
    pub fn budget(&self) -> f64 {
        // 100 - 99.9 is not quite a tenth in binary.
        ((100.0 - self.objective) * 1e10).round() / 1e12
    }
}

/// How good events are counted.
#[derive(Clone, Debug)]
pub enum Indicator {
    /// Observations of a histogram at or below one of its bounds.
    Latency {
        /// Exported name of the histogram.
        metric: String,
        /// A bound of it.
        bound: f64,
    },
    /// A ratio of two counters' selectors.
    Ratio {
        /// PromQL selector of good events.
        good: String,
        /// PromQL selector of all events.
        total: String,
    },
}
