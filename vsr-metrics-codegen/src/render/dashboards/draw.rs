//! A chart as Grafana reads it.

use serde_json::{Value, json};
use vsr_metrics_catalog::model::{Catalog, Choice, Color, Dashboard, Mark, PanelKind, Severity};

use super::board::datasource;
use super::chart::Chart;
use super::query::Target;
use super::units;
use crate::render::markdown::anchor;

/// Where panels lead to.
pub(super) struct Links {
    /// Of the runbook, without the anchor.
    runbook: String,
    /// From a series to the board about its instance.
    detail: Option<Value>,
    constants: Vec<String>,
}

impl Links {
    pub(super) fn new(catalog: &Catalog, board: &Dashboard) -> Self {
        let constants: Vec<String> =
            catalog.constant_labels.iter().map(|id| catalog.label(*id).name.clone()).collect();
        let about_one = catalog.dashboards.iter().find(|board| board.choice == Choice::One);
        let detail = about_one.filter(|one| one.uid != board.uid && !constants.is_empty()).map(|one| {
            let fixed: Vec<String> =
                constants.iter().map(|name| format!("&var-{name}=${{__field.labels.{name}}}")).collect();
            let url = format!(
                "/d/{}?${{__url_time_range}}&var-datasource=${{datasource}}&var-job=${{__field.labels.job}}{}",
                one.uid,
                fixed.concat()
            );
            json!({ "targetBlank": false, "title": one.title, "url": url })
        });
        Self { runbook: catalog.links.runbook.clone(), detail, constants }
    }

    /// The sections of the runbook that are about what a panel shows.
    fn of(&self, chart: &Chart<'_>) -> Vec<Value> {
        let link = |alert: &&str| {
            let url = format!("{}#{}", self.runbook, anchor(alert));
            json!({
                "asDropdown": false, "icon": "doc", "includeVars": false, "keepTime": false, "tags": [],
                "targetBlank": true, "title": format!("Runbook: {alert}"), "tooltip": "", "type": "link", "url": url,
            })
        };
        chart.alerts.iter().map(link).collect()
    }

    /// The link of each series, where its legend names an instance.
    fn of_series(&self, chart: &Chart<'_>) -> Vec<Value> {
        let names_instance = |target: &Target| {
            self.constants.iter().all(|name| target.legend.contains(&format!("{{{{{name}}}}}")))
        };
        let is_told = chart.targets.iter().all(names_instance);
        self.detail.iter().filter(|_| is_told).cloned().collect()
    }
}

/// A panel, without its place.
pub(super) fn panel(chart: &Chart<'_>, links: &Links) -> Value {
    let (kind, options, custom) = match chart.kind {
        PanelKind::Graph | PanelKind::Stacked | PanelKind::Quantiles => {
            ("timeseries", lines_options(chart), lines(chart))
        }
        PanelKind::Heatmap => ("heatmap", heatmap_options(chart.unit), heatmap()),
        PanelKind::States => {
            ("state-timeline", states_options(), json!({ "fillOpacity": 70, "lineWidth": 0 }))
        }
        PanelKind::Stat => ("stat", stat_options(chart), json!({})),
        PanelKind::Bars => ("bargauge", bars_options(), json!({})),
    };
    let defaults = json!({
        "color": { "mode": color_mode(chart) },
        "custom": custom,
        "links": links.of_series(chart),
        "mappings": mappings(chart),
        "thresholds": { "mode": "absolute", "steps": steps(chart) },
        "unit": chart.unit,
    });
    json!({
        "datasource": datasource(),
        "description": chart.description,
        "fieldConfig": { "defaults": defaults, "overrides": [] },
        "links": links.of(chart),
        "options": options,
        "targets": targets(chart),
        "title": chart.title,
        "type": kind,
    })
}

fn targets(chart: &Chart<'_>) -> Value {
    let format = if chart.kind == PanelKind::Heatmap { "heatmap" } else { "time_series" };
    let is_instant = chart.kind == PanelKind::Bars;
    let target = |(index, target): (usize, &Target)| {
        json!({
            "datasource": datasource(), "editorMode": "code", "expr": target.expr, "format": format,
            "instant": is_instant, "legendFormat": target.legend, "range": !is_instant, "refId": letter(index),
        })
    };
    chart.targets.iter().enumerate().map(target).collect()
}

/// `A`, `B`, … as Grafana names queries.
fn letter(index: usize) -> String {
    let letter = u8::try_from(index).ok().filter(|index| *index < 26).map(|index| char::from(b'A' + index));
    letter.map_or_else(|| format!("Q{index}"), String::from)
}

fn lines(chart: &Chart<'_>) -> Value {
    let is_stacked = chart.kind == PanelKind::Stacked;
    let mut lines = json!({
        "drawStyle": "line",
        "fillOpacity": if is_stacked { 40 } else { 10 },
        "lineInterpolation": "linear",
        "lineWidth": 1,
        "showPoints": "never",
        "spanNulls": false,
        "stacking": { "group": "A", "mode": if is_stacked { "normal" } else { "none" } },
        "thresholdsStyle": { "mode": if draws_thresholds(chart) { "dashed" } else { "off" } },
    });
    // A level that wavers by a hundredth shall not look like a saw. What only counts on is read by its steps.
    if is_stacked || chart.kind == PanelKind::Quantiles || chart.unit != units::NUMBER {
        lines["axisSoftMin"] = json!(0);
    }
    lines
}

fn draws_thresholds(chart: &Chart<'_>) -> bool {
    !chart.lines.is_empty() || chart.marks.len() > 1
}

fn lines_options(chart: &Chart<'_>) -> Value {
    let calcs = if chart.targets.len() > 3 { json!([]) } else { json!(["lastNotNull", "max"]) };
    json!({
        "legend": { "calcs": calcs, "displayMode": "table", "placement": "bottom", "showLegend": true },
        "tooltip": { "mode": "multi", "sort": "desc" },
    })
}

fn heatmap() -> Value {
    json!({
        "hideFrom": { "legend": false, "tooltip": false, "viz": false },
        "scaleDistribution": { "type": "linear" },
    })
}

fn heatmap_options(unit: &str) -> Value {
    json!({
        "calculate": false,
        "cellGap": 1,
        "cellValues": { "unit": "cps" },
        "color": { "exponent": 0.5, "fill": "blue", "mode": "scheme", "reverse": false, "scale": "exponential",
                   "scheme": "Blues", "steps": 64 },
        "exemplars": { "color": "rgba(255,0,255,0.7)" },
        "filterValues": { "le": 1e-9 },
        "legend": { "show": true },
        "rowsFrame": { "layout": "auto" },
        "showValue": "never",
        "tooltip": { "mode": "single", "showColorScale": true, "yHistogram": false },
        "yAxis": { "axisPlacement": "left", "reverse": false, "unit": unit },
    })
}

fn states_options() -> Value {
    json!({
        "alignValue": "left",
        "legend": { "calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": true },
        "mergeValues": true,
        "rowHeight": 0.9,
        "showValue": "auto",
        "tooltip": { "mode": "single", "sort": "none" },
    })
}

fn stat_options(chart: &Chart<'_>) -> Value {
    let is_judged = draws_thresholds(chart);
    json!({
        "colorMode": if is_judged { "background" } else { "value" },
        "graphMode": if is_judged { "none" } else { "area" },
        "justifyMode": "auto",
        "orientation": "auto",
        "percentChangeColorMode": "standard",
        "reduceOptions": reduce(),
        "showPercentChange": false,
        "textMode": "auto",
        "wideLayout": true,
    })
}

fn bars_options() -> Value {
    json!({
        "displayMode": "basic",
        "legend": { "calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": false },
        "maxVizHeight": 300,
        "minVizHeight": 16,
        "minVizWidth": 8,
        "namePlacement": "left",
        "orientation": "horizontal",
        "reduceOptions": reduce(),
        "showUnfilled": true,
        "sizing": "auto",
        "valueMode": "color",
    })
}

/// The last value that was seen.
fn reduce() -> Value {
    json!({ "calcs": ["lastNotNull"], "fields": "", "values": false })
}

fn color_mode(chart: &Chart<'_>) -> &'static str {
    match chart.kind {
        PanelKind::Stat | PanelKind::States => "thresholds",
        _ => "palette-classic",
    }
}

/// Colors by value: the catalog's own, or what the alerts call bad.
fn steps(chart: &Chart<'_>) -> Vec<Value> {
    let step = |value: Option<f64>, color: &str| json!({ "color": color, "value": value });
    if !chart.marks.is_empty() {
        return chart.marks.iter().map(|Mark { from, color }| step(*from, color.name())).collect();
    }
    // A line has the color of the step that begins at it; a number has the color of the step it lies in.
    let is_line = chart.kind != PanelKind::Stat;
    let mut steps = vec![step(None, Color::Green.name())];
    for line in &chart.lines {
        let bad = match line.severity {
            Severity::Critical => Color::Red,
            Severity::Warning => Color::Orange,
            Severity::Info => Color::Blue,
        };
        if line.below && !is_line {
            if let Some(last) = steps.last_mut() {
                last["color"] = bad.name().into();
            }
            steps.push(step(Some(line.value), Color::Green.name()));
        } else {
            steps.push(step(Some(line.value), bad.name()));
        }
    }
    steps
}

/// Colors of states, the first of which is the one to be in.
const STATES: [Color; 6] =
    [Color::Green, Color::Yellow, Color::Orange, Color::Blue, Color::Purple, Color::Red];

/// What is shown in the place of a number.
fn mappings(chart: &Chart<'_>) -> Value {
    if chart.states.is_empty() {
        // A quotient or a quantile of nothing: neither good nor bad.
        let idle = json!({ "color": "#8e8e8e", "index": 0, "text": "no traffic" });
        let of_nothing = json!({ "options": { "match": "nan", "result": idle }, "type": "special" });
        return if chart.kind == PanelKind::Stat { json!([of_nothing]) } else { json!([]) };
    }
    let mut options = serde_json::Map::new();
    for (index, (state, color)) in chart.states.iter().zip(STATES.iter().cycle()).enumerate() {
        let text = state.name.replace('_', " ");
        options
            .insert(state.value.to_string(), json!({ "color": color.name(), "index": index, "text": text }));
    }
    json!([{ "options": options, "type": "value" }])
}
