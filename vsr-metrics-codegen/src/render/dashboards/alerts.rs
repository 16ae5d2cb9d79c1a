//! Thresholds of alerts as lines: only where the chart shows the very number that the alert compares.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use promql_parser::label::Matchers;
use promql_parser::parser::{self, Call, Expr, LabelModifier};
use vsr_metrics_catalog::model::{Catalog, Severity};

use super::Series;
use super::chart::Chart;

/// A threshold to draw.
#[derive(Clone, Debug)]
pub(super) struct Line<'a> {
    pub(super) alert: &'a str,
    pub(super) value: f64,
    pub(super) severity: Severity,
    /// Whether the alert is about numbers below it.
    pub(super) below: bool,
}

/// The comparisons of all alerts.
pub(super) struct Alerts<'a> {
    catalog: &'a Catalog,
    series: &'a Series,
    compared: Vec<(Reading, Line<'a>)>,
}

/// What an expression reads: a series, how it is computed, and by which labels its results differ.
#[derive(Clone, Debug, PartialEq)]
struct Reading {
    series: String,
    matchers: String,
    /// Functions and aggregations, from the inside out.
    steps: Vec<String>,
    /// The window of time, except of a rate, which is the same number over any.
    window: Option<Duration>,
    labels: BTreeSet<String>,
}

impl<'a> Alerts<'a> {
    pub(super) fn new(catalog: &'a Catalog, series: &'a Series) -> Self {
        let mut alerts = Self { catalog, series, compared: Vec::new() };
        for alert in &catalog.alerts {
            let Ok(expr) = parser::parse(&alert.expr) else { continue };
            let mut found = Vec::new();
            comparisons(&expr, &mut found);
            for (compared, value, below) in found {
                let line = Line { alert: &alert.name, value, severity: alert.severity, below };
                if let Some(reading) = alerts.read(compared) {
                    alerts.compared.push((reading, line));
                }
            }
        }
        alerts
    }

    /// The thresholds that belong into a chart, lowest first.
    pub(super) fn lines(&self, chart: &Chart<'_>) -> Vec<Line<'a>> {
        let plain = |expr: &str| {
            let query = vsr_metrics_catalog::model::Query {
                expr: expr.to_owned(),
                legend: None,
                span: vsr_metrics_catalog::Span::default(),
            };
            parser::parse(&query.plain()).ok().and_then(|expr| self.read(&expr))
        };
        let shown: Vec<Reading> = chart.targets.iter().filter_map(|target| plain(&target.expr)).collect();
        let is_shown =
            |reading: &Reading, line: &Line<'_>| shown.iter().any(|shown| fits(shown, reading, line));
        let found = self.compared.iter().filter(|(reading, line)| is_shown(reading, line));
        let mut lines: Vec<Line<'a>> = found.map(|(_, line)| line.clone()).collect();
        lines.sort_by(|a, b| a.value.total_cmp(&b.value));
        lines.dedup_by(|a, b| a.value.total_cmp(&b.value).is_eq());
        lines
    }

    /// Reads a chain of functions and aggregations over one series; anything else is none.
    fn read(&self, expr: &Expr) -> Option<Reading> {
        match expr {
            Expr::Paren(inner) => self.read(&inner.expr),
            Expr::VectorSelector(selector) => {
                self.selector(selector.name.as_deref()?, &selector.matchers, selector.offset.is_none())
            }
            Expr::MatrixSelector(matrix) => {
                let selector = &matrix.vs;
                let reading =
                    self.selector(selector.name.as_deref()?, &selector.matchers, selector.offset.is_none())?;
                Some(Reading { window: Some(matrix.range), ..reading })
            }
            Expr::Call(call) => self.call(call),
            Expr::Aggregate(aggregate) => {
                let mut reading = self.read(&aggregate.expr)?;
                reading.labels = match &aggregate.modifier {
                    None => BTreeSet::new(),
                    Some(LabelModifier::Include(by)) => by.labels.iter().cloned().collect(),
                    Some(LabelModifier::Exclude(without)) => {
                        reading.labels.into_iter().filter(|label| !without.labels.contains(label)).collect()
                    }
                };
                reading.steps.push(aggregate.op.to_string());
                Some(reading)
            }
            _ => None,
        }
    }

    /// A function of one reading and numbers.
    fn call(&self, call: &Call) -> Option<Reading> {
        let mut step = call.func.name.to_owned();
        let mut inner = None;
        for argument in &call.args.args {
            match &**argument {
                Expr::NumberLiteral(number) => {
                    let _ = write!(step, " {}", number.val);
                }
                other if inner.is_none() => inner = self.read(other),
                _ => return None,
            }
        }
        let mut reading = inner?;
        reading.steps.push(step);
        match call.func.name {
            "histogram_quantile" => drop(reading.labels.remove("le")),
            "rate" => reading.window = None,
            _ => {}
        }
        Some(reading)
    }

    fn selector(&self, name: &str, matchers: &Matchers, is_now: bool) -> Option<Reading> {
        let family = self.series.family(self.catalog, name)?;
        let own = family.labels.iter().chain(&self.catalog.constant_labels);
        let mut labels: BTreeSet<String> = own.map(|id| self.catalog.label(*id).name.clone()).collect();
        labels.extend(["job", "instance"].map(str::to_owned));
        if name.ends_with("_bucket") {
            labels.insert("le".to_owned());
        }
        let matchers: BTreeSet<String> = matchers.matchers.iter().map(ToString::to_string).collect();
        let matchers = matchers.into_iter().collect::<Vec<_>>().join(",");
        is_now.then(|| Reading { series: name.to_owned(), matchers, steps: Vec::new(), window: None, labels })
    }
}

/// Whether a number on the chart is one that the alert compares: the same reading, or the extreme of several.
fn fits(shown: &Reading, compared: &Reading, line: &Line<'_>) -> bool {
    let extreme = if line.below { "min" } else { "max" };
    let is_extreme = shown.steps.split_last().is_some_and(|(last, steps)| {
        last == extreme && steps == compared.steps && shown.labels.is_subset(&compared.labels)
    });
    shown.series == compared.series
        && shown.matchers == compared.matchers
        && shown.window == compared.window
        && (is_extreme || shown.steps == compared.steps && shown.labels == compared.labels)
}

/// Comparisons with a number: what is compared, with what, and whether the alert is about what lies below.
fn comparisons<'e>(expr: &'e Expr, found: &mut Vec<(&'e Expr, f64, bool)>) {
    let Expr::Binary(binary) = expr else {
        if let Expr::Paren(inner) = expr {
            comparisons(&inner.expr, found);
        }
        return;
    };
    let below = match binary.op.to_string().as_str() {
        ">" | ">=" => false,
        "<" | "<=" => true,
        "and" | "or" => {
            comparisons(&binary.lhs, found);
            comparisons(&binary.rhs, found);
            return;
        }
        _ => return,
    };
    if let Expr::NumberLiteral(number) = &*binary.rhs {
        found.push((&binary.lhs, number.val, below));
    }
}
