//! A board as Grafana reads it: variables, links, and the panels in their places.

use std::fmt::Write as _;

use serde_json::{Value, json};
use vsr_metrics_catalog::model::{Catalog, Choice, Dashboard, Instrument, LabelValues};
use vsr_metrics_catalog::names::title;

use super::Context;
use super::chart::{Chart, charts};
use super::draw::{self, Links};
use super::layout::places;
use super::query::duration;

/// The version of Grafana's dashboard model that is written here.
const SCHEMA_VERSION: u32 = 41;

/// The data source that was chosen on the board.
pub(super) fn datasource() -> Value {
    json!({ "type": "prometheus", "uid": "${datasource}" })
}

pub(super) fn board(context: &Context<'_>, board: &Dashboard) -> Value {
    let tag = board.title.split(" / ").next().unwrap_or_default().to_lowercase();
    json!({
        "annotations": { "list": [] },
        "editable": false,
        "graphTooltip": 1,
        "links": [{
            "asDropdown": true, "icon": "external link", "includeVars": true, "keepTime": true,
            "tags": [tag], "targetBlank": false, "title": "Boards", "tooltip": "", "type": "dashboards", "url": "",
        }],
        "panels": panels(context, board),
        "refresh": "30s",
        "schemaVersion": SCHEMA_VERSION,
        "tags": [tag],
        "templating": { "list": variables(context.catalog, board) },
        "time": { "from": format!("now-{}", duration(board.range)), "to": "now" },
        "timepicker": {},
        "timezone": "utc",
        "title": board.title,
        "uid": board.uid,
    })
}

/// Rows with their charts below, numbered from 1.
fn panels(context: &Context<'_>, board: &Dashboard) -> Vec<Value> {
    let links = Links::new(context.catalog, board);
    let mut panels = Vec::new();
    let mut y = 0;
    for row in &board.rows {
        panels.push(json!({
            "collapsed": false, "gridPos": { "h": 1, "w": 24, "x": 0, "y": y }, "id": panels.len() + 1,
            "panels": [], "title": row.title, "type": "row",
        }));
        let charts: Vec<Chart<'_>> = row.panels.iter().flat_map(|panel| charts(context, panel)).collect();
        let (places, next) = places(&charts, y + 1);
        for (chart, place) in charts.iter().zip(places) {
            let mut panel = draw::panel(chart, &links);
            panel["id"] = (panels.len() + 1).into();
            panel["gridPos"] = json!({ "h": place.height, "w": place.width, "x": place.x, "y": place.y });
            panels.push(panel);
        }
        y = next;
    }
    panels
}

/// Data source, job, instance, and the labels that are fixed for an instance.
fn variables(catalog: &Catalog, board: &Dashboard) -> Vec<Value> {
    let mut variables = vec![json!({
        "current": { "selected": true, "text": "default", "value": "default" },
        "hide": 0, "includeAll": false, "label": "Data source", "multi": false,
        "name": "datasource", "options": [], "query": "prometheus", "refresh": 1, "regex": "",
        "skipUrlSync": false, "type": "datasource",
    })];
    let series = always_there(catalog);
    variables.push(query("job", "Job", &series, "", Choice::Many));
    variables.push(query("instance", "Instance", &series, "job=~\"$job\"", Choice::Many));
    let mut chosen = "job=~\"$job\",instance=~\"$instance\"".to_owned();
    for id in &catalog.constant_labels {
        let name = &catalog.label(*id).name;
        let label = title(name.strip_suffix("_id").unwrap_or(name));
        variables.push(query(name, &label, &series, &chosen, board.choice));
        let _ = write!(chosen, ",{name}=~\"${name}\"");
    }
    variables
}

/// A variable with the values of a label, read again whenever the time range changes.
fn query(name: &str, label: &str, series: &str, matchers: &str, choice: Choice) -> Value {
    let selector = if matchers.is_empty() { series.to_owned() } else { format!("{series}{{{matchers}}}") };
    let query = format!("label_values({selector}, {name})");
    let is_many = choice == Choice::Many;
    let mut variable = json!({
        "current": { "text": "", "value": "" }, "datasource": datasource(), "hide": 0, "includeAll": is_many,
        "label": label, "multi": is_many, "name": name, "options": [],
        "query": { "query": query, "refId": name }, "refresh": 2, "regex": "", "skipUrlSync": false, "sort": 3,
        "type": "query",
    });
    if is_many {
        variable["allValue"] = ".+".into();
        variable["current"] = json!({ "selected": true, "text": ["All"], "value": ["$__all"] });
    }
    variable
}

/// A series that every instance exports from its first scrape on: a counter, whose labels are all closed sets.
fn always_there(catalog: &Catalog) -> String {
    let is_closed = |family: &&vsr_metrics_catalog::model::Family| {
        matches!(family.instrument, Instrument::Counter)
            && family.labels.iter().all(|id| matches!(catalog.label(*id).values, LabelValues::Enum(_)))
    };
    let first = catalog.families.first();
    catalog.families.iter().find(is_closed).or(first).map(|family| family.name.clone()).unwrap_or_default()
}
