//! Dashboards: boards, rows and panels. What a panel leaves open follows from its metrics.

use std::time::Duration;

use serde::Deserialize;

use super::Unit;
use crate::source::Span;

/// A dashboard.
#[derive(Clone, Debug)]
pub struct Dashboard {
    /// Stable identifier, at most 40 characters.
    pub uid: String,
    /// Title, `FOLDER / NAME`.
    pub title: String,
    /// One sentence.
    pub help: String,
    /// Time that it shows when it is opened.
    pub range: Duration,
    /// How many instances it shows at once.
    pub choice: Choice,
    /// Rows of panels.
    pub rows: Vec<Row>,
    /// Where it is defined.
    pub span: Span,
}

/// How many values of a constant label a dashboard shows at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Choice {
    /// Any number, all of them at first.
    #[default]
    Many,
    /// One: the dashboard is about a single instance.
    One,
}

/// A row of panels.
#[derive(Clone, Debug)]
pub struct Row {
    /// Title.
    pub title: String,
    /// Panels from left to right.
    pub panels: Vec<Panel>,
}

/// A panel; where it has no query of its own, the queries follow from the metrics' types.
#[derive(Clone, Debug, Default)]
pub struct Panel {
    /// Title; none where it follows from the metric.
    pub title: Option<String>,
    /// Exported names of the metrics shown.
    pub metrics: Vec<String>,
    /// PromQL instead of the derived queries.
    pub queries: Vec<Query>,
    /// How it is drawn, where that does not follow from the metric.
    pub kind: Option<PanelKind>,
    /// Unit of the queries, where it is not the metric's.
    pub unit: Option<Unit>,
    /// One sentence.
    pub help: Option<String>,
    /// The time before each point that quantiles are about, where that is not a few scrapes.
    pub window: Option<Duration>,
    /// Columns of 24, where it does not take an equal share of its line.
    pub width: Option<u32>,
    /// Height in Grafana's units of 30 pixels, where it is not the usual one.
    pub height: Option<u32>,
    /// Colors by value, in increasing order; the first begins at minus infinity.
    pub marks: Vec<Mark>,
    /// Where it is defined.
    pub span: Span,
}

/// One query of a panel.
#[derive(Clone, Debug)]
pub struct Query {
    /// PromQL, in which Grafana's variables may stand.
    pub expr: String,
    /// Name of each series, with labels as `{{label}}`.
    pub legend: Option<String>,
    /// Where it is defined.
    pub span: Span,
}

/// How a panel is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PanelKind {
    /// Lines over time.
    Graph,
    /// Areas on top of each other over time.
    Stacked,
    /// The quantiles of a histogram as lines.
    Quantiles,
    /// The buckets of a histogram as colors over time.
    Heatmap,
    /// Named states as colored bars over time.
    States,
    /// One large number.
    Stat,
    /// A bar for each series.
    Bars,
}

/// A color from some value on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mark {
    /// Smallest value; none for the color below all others.
    pub from: Option<f64>,
    /// The color.
    pub color: Color,
}

/// A color of Grafana's palette.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Color {
    /// All is well.
    Green,
    /// Worth a look.
    Yellow,
    /// On its way to be bad.
    Orange,
    /// Somebody has to act.
    Red,
    /// Neither good nor bad.
    Blue,
    /// Neither good nor bad, and another thing than blue.
    Purple,
}

/// Grafana's variables, and what stands for each where there is no Grafana.
const VARIABLES: [(&str, &str); 4] =
    [("$__rate_interval", "1m"), ("$__interval", "15s"), ("$__range", "1h"), ("$__range_s", "3600")];

impl Query {
    /// The expression as PromQL alone: a typical value in the place of each of Grafana's variables.
    pub fn plain(&self) -> String {
        let mut names = VARIABLES;
        // The longer name first, where one begins with the other.
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        names.iter().fold(self.expr.clone(), |expr, (name, value)| expr.replace(name, value))
    }
}

impl Color {
    /// The name that the catalog and Grafana use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Green => "green",
            Self::Yellow => "yellow",
            Self::Orange => "orange",
            Self::Red => "red",
            Self::Blue => "blue",
            Self::Purple => "purple",
        }
    }
}
