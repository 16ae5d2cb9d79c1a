//! What a panel of the catalog becomes: one chart, or for a histogram two.

use std::fmt::Write as _;

use vsr_metrics_catalog::model::{Aggregate, Family, GaugeValue, Instrument, Mark, Panel, PanelKind, State};
use vsr_metrics_catalog::names::title;

use super::query::{self, Target};
use super::{Context, alerts, units};
use crate::uses::names;

/// One picture on the board.
pub(super) struct Chart<'a> {
    pub(super) title: String,
    pub(super) description: String,
    pub(super) kind: PanelKind,
    pub(super) unit: &'static str,
    pub(super) targets: Vec<Target>,
    /// Colors by value, from the catalog.
    pub(super) marks: Vec<Mark>,
    /// Thresholds of alerts about the same numbers.
    pub(super) lines: Vec<alerts::Line<'a>>,
    /// Alerts that look at the families shown.
    pub(super) alerts: Vec<&'a str>,
    /// Named values.
    pub(super) states: &'a [State],
    pub(super) width: Option<u32>,
    pub(super) height: Option<u32>,
}

/// The charts of a panel.
pub(super) fn charts<'a>(context: &Context<'a>, panel: &'a Panel) -> Vec<Chart<'a>> {
    let catalog = context.catalog;
    let families: Vec<&Family> = panel.metrics.iter().filter_map(|name| catalog.family(name)).collect();
    let mut charts = if panel.queries.is_empty() {
        derived(context, panel, &families)
    } else {
        vec![written(panel, &families)]
    };
    let shown: Vec<&Family> = families_of(context, panel);
    for chart in &mut charts {
        for family in &shown {
            for alert in context.uses.alerts(family) {
                if !chart.alerts.contains(&alert) {
                    chart.alerts.push(alert);
                }
            }
        }
        if chart.marks.is_empty() {
            chart.lines = context.alerts.lines(chart);
        }
        chart.description += &notes(chart, &shown);
        let is_series = |name: &str| context.series.family(catalog, name).is_some();
        for target in &mut chart.targets {
            target.expr = context.selection.apply(is_series, &target.expr);
        }
    }
    charts
}

/// All families that the panel names or queries, in the order of mention.
fn families_of<'a>(context: &Context<'a>, panel: &Panel) -> Vec<&'a Family> {
    let texts = panel.metrics.iter().chain(panel.queries.iter().map(|query| &query.expr));
    let mut shown: Vec<&Family> = Vec::new();
    for family in
        texts.flat_map(|text| names(text)).filter_map(|name| context.series.family(context.catalog, name))
    {
        if !shown.iter().any(|known| known.name == family.name) {
            shown.push(family);
        }
    }
    shown
}

/// A panel with queries of its own.
fn written<'a>(panel: &'a Panel, families: &[&'a Family]) -> Chart<'a> {
    let kind = panel.kind.unwrap_or(PanelKind::Graph);
    let targets = panel.queries.iter().map(|query| Target {
        expr: query.expr.clone(),
        legend: query.legend.clone().unwrap_or_else(|| "{{job}}".to_owned()),
    });
    let states = families.iter().find_map(|family| states(family)).unwrap_or_default();
    Chart { states, targets: targets.collect(), ..empty(panel, kind, units::level(panel.unit)) }
}

/// A panel whose queries follow from its metrics.
fn derived<'a>(context: &Context<'a>, panel: &'a Panel, families: &[&'a Family]) -> Vec<Chart<'a>> {
    let [family] = families else {
        return vec![together(context, panel, families)];
    };
    if let (Instrument::Histogram { .. }, None) = (&family.instrument, panel.kind) {
        let kinds = [PanelKind::Quantiles, PanelKind::Heatmap];
        return kinds.map(|kind| one(context, panel, family, kind)).into();
    }
    let kind = panel.kind.unwrap_or(match &family.instrument {
        Instrument::Gauge(GaugeValue::States(_)) => PanelKind::States,
        Instrument::Counter if !family.labels.is_empty() => PanelKind::Stacked,
        _ => PanelKind::Graph,
    });
    vec![one(context, panel, family, kind)]
}

/// One family, drawn in one way.
fn one<'a>(context: &Context<'a>, panel: &'a Panel, family: &'a Family, kind: PanelKind) -> Chart<'a> {
    let catalog = context.catalog;
    let name = panel.title.clone().unwrap_or_else(|| title(&family.stem));
    let help = panel.help.clone().unwrap_or_else(|| {
        [Some(family.help.as_str()), family.usage.as_deref()]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" ")
    });
    let unit = if panel.unit.is_none() { unit(family) } else { units::level(panel.unit) };
    let chart = Chart { states: states(family).unwrap_or_default(), ..empty(panel, kind, unit) };
    match (&family.instrument, kind) {
        (Instrument::Histogram { .. }, PanelKind::Heatmap) => Chart {
            title: format!("{name}, distribution"),
            description: format!("{help} The darker, the more observations."),
            targets: vec![query::heatmap(family)],
            ..chart
        },
        (Instrument::Histogram { .. }, _) => Chart {
            title: name,
            description: format!(
                "{help} Half of all{}, 95 and 99 in a hundred took at most this long.",
                within(panel)
            ),
            targets: query::quantiles(catalog, family, panel.window),
            ..chart
        },
        (_, PanelKind::Stat) => {
            Chart { title: name, description: help, targets: vec![overall(family)], ..chart }
        }
        (_, PanelKind::Bars) => {
            let targets = vec![over_range(catalog, family)];
            Chart { title: name, description: help, targets, unit: bars_unit(family), ..chart }
        }
        _ => Chart { title: name, description: help, targets: vec![target(context, family)], ..chart },
    }
}

/// Several families in one chart, each under its own name.
fn together<'a>(context: &Context<'a>, panel: &'a Panel, families: &[&'a Family]) -> Chart<'a> {
    let named = |family: &&'a Family| {
        let target = target(context, family);
        let legend = format!("{} {}", title(&family.stem).to_lowercase(), target.legend);
        Target { legend, ..target }
    };
    let kind = panel.kind.unwrap_or(PanelKind::Graph);
    let own = families.first().map_or(units::NUMBER, |family| unit(family));
    let unit = if panel.unit.is_none() { own } else { units::level(panel.unit) };
    let helps: Vec<&str> = families.iter().map(|family| family.help.as_str()).collect();
    let titles: Vec<String> = families.iter().map(|family| title(&family.stem)).collect();
    Chart {
        title: panel.title.clone().unwrap_or_else(|| titles.join(", ")),
        description: panel.help.clone().unwrap_or_else(|| helps.join(" ")),
        targets: families.iter().map(named).collect(),
        ..empty(panel, kind, unit)
    }
}

/// What the panel alone says.
fn empty<'a>(panel: &'a Panel, kind: PanelKind, unit: &'static str) -> Chart<'a> {
    Chart {
        title: panel.title.clone().unwrap_or_default(),
        description: panel.help.clone().unwrap_or_default(),
        kind,
        unit,
        targets: Vec::new(),
        marks: panel.marks.clone(),
        lines: Vec::new(),
        alerts: Vec::new(),
        states: &[],
        width: panel.width,
        height: panel.height,
    }
}

/// The line or area of a family; of a histogram, how many observations there are.
fn target(context: &Context<'_>, family: &Family) -> Target {
    match &family.instrument {
        Instrument::Counter => query::counter(context.catalog, family),
        Instrument::Gauge(_) => query::gauge(context.catalog, family),
        Instrument::Histogram { .. } => Target {
            expr: format!("sum by (job) ({})", query::rate(&format!("{}_count", family.name))),
            legend: "{{job}}".to_owned(),
        },
    }
}

/// One number for everything that was chosen.
fn overall(family: &Family) -> Target {
    let expr = match (&family.instrument, family.aggregate) {
        (Instrument::Counter, _) => format!("sum by (job) ({})", query::rate(&family.name)),
        (_, Some(Aggregate::Sum)) => format!("sum by (job) ({})", family.name),
        (_, Some(Aggregate::Min)) => format!("min by (job) ({})", family.name),
        (_, Some(Aggregate::Max) | None) => format!("max by (job) ({})", family.name),
    };
    Target { expr, legend: "{{job}}".to_owned() }
}

/// What came together within the time shown.
fn over_range(catalog: &vsr_metrics_catalog::model::Catalog, family: &Family) -> Target {
    let target = query::counter(catalog, family);
    let expr =
        target.expr.replace(&query::rate(&family.name), &format!("increase({}[$__range])", family.name));
    Target { expr, ..target }
}

const fn unit(family: &Family) -> &'static str {
    match family.instrument {
        Instrument::Counter => units::rate(family),
        _ => units::level(family.unit),
    }
}

const fn bars_unit(family: &Family) -> &'static str {
    units::level(family.unit)
}

fn states(family: &Family) -> Option<&[State]> {
    match &family.instrument {
        Instrument::Gauge(GaugeValue::States(states)) => Some(states),
        _ => None,
    }
}

/// Which of all the quantiles are about, where that is not the last few.
fn within(panel: &Panel) -> String {
    panel.window.map_or_else(String::new, |window| format!(" within {}", query::duration(window)))
}

/// Which metrics are behind the picture, and what its lines mean.
fn notes(chart: &Chart<'_>, families: &[&Family]) -> String {
    let mut notes = String::new();
    for line in &chart.lines {
        let _ = write!(notes, " The line at {} is the threshold of `{}`.", line.value, line.alert);
    }
    if !families.is_empty() {
        let names: Vec<String> = families.iter().map(|family| format!("`{}`", family.name)).collect();
        let _ = write!(notes, "\n\nFrom {}.", names.join(", "));
    }
    notes
}
