//! The part of the schema that is about dashboards.

use serde_json::{Value, json};
use vsr_metrics_catalog::model::Unit;

use super::{METRIC, described, filled_list, list, object, one_of, reference, text};

pub(super) fn dashboard() -> Value {
    let row = object(
        &[
            ("title", text("Title.")),
            ("panels", filled_list(list(reference("panel"), "From left to right."))),
        ],
        &["title", "panels"],
        "A row of panels.",
    );
    let keys = [
        ("title", text("Title: FOLDER / NAME.")),
        ("help", described("sentence", "What it is for.")),
        ("range", described("duration", "Time that it shows when it is opened; 1h.")),
        ("choose", one_of(&["many", "one"], "How many instances it shows at once; many.")),
        ("rows", filled_list(list(row, "Rows of panels."))),
    ];
    object(&keys, &["title", "help", "rows"], "A dashboard.")
}

pub(super) fn panel() -> Value {
    let units: Vec<&str> = Unit::ALL.iter().map(|(name, _)| *name).collect();
    let kinds = ["graph", "stacked", "quantiles", "heatmap", "states", "stat", "bars"];
    let query = object(
        &[("expr", text("PromQL.")), ("legend", text("Name of each series; labels as {{label}}."))],
        &["expr"],
        "A query.",
    );
    let size = |least: u32, most: u32, help: &str| json!({ "type": "integer", "minimum": least, "maximum": most, "description": help });
    let keys = [
        ("title", text("Title, where it does not follow from the metric.")),
        (
            "metrics",
            json!({ "type": "array", "items": { "type": "string", "pattern": METRIC }, "uniqueItems": true }),
        ),
        ("expr", text("PromQL instead of the queries that follow from the metrics' types.")),
        ("legend", text("Name of each series of `expr`; labels as {{label}}.")),
        ("queries", filled_list(list(query, "Several queries."))),
        ("kind", one_of(&kinds, "How it is drawn, where that does not follow from the metric.")),
        ("unit", one_of(&units, "Unit of the queries.")),
        ("help", described("sentence", "What the panel shows.")),
        (
            "window",
            described("duration", "The time before each point that quantiles are about; a few scrapes."),
        ),
        ("width", size(1, 24, "Columns of 24; an equal share of the line.")),
        ("height", size(2, 40, "Height in units of 30 pixels.")),
        ("thresholds", thresholds()),
    ];
    let mut panel = object(&keys, &[], "A panel.");
    panel["anyOf"] =
        json!([{ "required": ["metrics"] }, { "required": ["expr"] }, { "required": ["queries"] }]);
    panel["dependentRequired"] = json!({ "expr": ["title"], "queries": ["title"] });
    json!({ "oneOf": [{ "type": "string", "pattern": METRIC }, panel] })
}

fn thresholds() -> Value {
    json!({
        "type": "object",
        "description": "Colors by value: `base`, then increasing numbers.",
        "propertyNames": { "pattern": "^(base|-?[0-9]+(\\.[0-9]+)?)$" },
        "additionalProperties": { "enum": ["green", "yellow", "orange", "red", "blue", "purple"] },
        "required": ["base"],
    })
}
