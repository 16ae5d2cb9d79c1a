//! What operators read: exceptions, rules, objectives, alerts with their runbooks and tests, dashboards.

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

/// An alert.
#[derive(Clone, Debug)]
pub struct Alert {
    /// `PascalCase` name.
    pub name: String,
    /// How urgent.
    pub severity: Severity,
    /// Priority of the design document: `P0`, `P1`, `P2`.
    pub priority: String,
    /// PromQL; every sample it returns is an alert.
    pub expr: String,
    /// How long the expression must hold.
    pub hold: Duration,
    /// Group in the rules file.
    pub group: String,
    /// A fixed sentence.
    pub summary: String,
    /// A template with labels and value.
    pub description: String,
    /// What the person on call does.
    pub runbook: Runbook,
    /// Cases that prove it fires and keeps quiet.
    pub tests: Vec<AlertTest>,
    /// Where the alert is defined.
    pub span: Span,
    /// Where its expression stands.
    pub expr_span: Span,
}

/// Who is woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// Distance of the samples.
    pub interval: Duration,
    /// Series selector and values in promtool's notation.
    pub series: Vec<(String, String)>,
    /// Times at which the alert must not fire.
    pub quiet_at: Vec<Duration>,
    /// Times at which it must fire.
    pub fires_at: Vec<Duration>,
}
