//! JSON Schema of the catalog language, for editors: completion and checking while typing.
//!
//! It says what a schema can: keys, types, patterns, closed sets. Whatever needs two places of the file at once is
//! for the compiler of the catalog.
#![allow(clippy::needless_pass_by_value)] // pieces of a document are made where they are handed on

use serde_json::{Map, Value, json};
use vsr_metrics_catalog::model::{Catalog, ThresholdUnit, Unit};

mod dashboards;
mod playbook;

use super::{GeneratedFile, file, origin};

/// Lower case words with underscores.
const SNAKE: &str = "^[a-z][a-z0-9]*(_[a-z0-9]+)*$";
const PASCAL: &str = "^[A-Z][A-Za-z0-9]*$";
const METRIC: &str = "^[a-z][a-z0-9_]*[a-z0-9]$";
/// The name of a family: exposition reserves some endings.
const FAMILY: &str = "^(?!.*_(bucket|sum|created|info)$)[a-z][a-z0-9_]*[a-z0-9]$";
/// Labels that scraping and exposition add are taken.
const LABEL: &str =
    "^(?!(le|quantile|job|instance|cluster|namespace|pod|container|node)$)[a-z][a-z0-9]*(_[a-z0-9]+)*$";
const DURATION: &str = "^([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$";
const POSITIVE_DURATION: &str = "^(?=.*[1-9])([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$";

pub(super) fn render(catalog: &Catalog) -> Vec<GeneratedFile> {
    let keys = [
        ("catalog", reference("catalog")),
        ("labels", map(SNAKE, reference("label"), "Labels, each with its closed set of values.")),
        ("buckets", map(SNAKE, reference("bounds"), "Named lists of bucket bounds, in the exported unit.")),
        ("metrics", filled(families())),
        ("exceptions", list(reference("exception"), "Lints that do not hold for some metrics, and why.")),
        (
            "rules",
            map(
                "^[a-z_]+:[a-z0-9_{}]+:[a-z0-9_{}]+$",
                reference("rule"),
                "Recording rules: `level:metric:ops`.",
            ),
        ),
        ("slos", map(SNAKE, reference("slo"), "Service level objectives.")),
        ("alerts", map(PASCAL, reference("alert"), "Alerts, each with its runbook and its tests.")),
        ("dashboards", map("^[a-z0-9-]{1,40}$", reference("dashboard"), "Dashboards, by stable uid.")),
        ("playbook", reference("playbook")),
    ];
    let mut schema = object(&keys, &["catalog", "metrics"], "A catalog of metrics.");
    schema["$comment"] = origin(catalog).into();
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    schema["title"] = "Metrics catalog".into();
    schema["$defs"] = json!({
        "sentence": sentence(),
        "name": { "type": "string", "pattern": SNAKE },
        "duration": {
            "type": "string", "minLength": 1, "pattern": DURATION, "description": "A duration such as 250ms, 10s, 5m, 1h or 30d."
        },
        "positive_duration": {
            "type": "string", "pattern": POSITIVE_DURATION, "description": "A duration that is not zero."
        },
        "durations": {
            "oneOf": [reference("duration"), { "type": "array", "items": reference("duration"), "minItems": 1 }]
        },
        "bounds": {
            "type": "array", "items": { "type": "number", "minimum": 0 }, "minItems": 1, "maxItems": 64,
            "uniqueItems": true,
            "description": "Upper bounds, increasing, without +Inf."
        },
        "catalog": header(),
        "label": label(),
        "metric": metric(),
        "exception": exception(),
        "rule": rule(),
        "slo": slo(),
        "alert": alert(),
        "runbook": runbook(),
        "step": step(),
        "test": alert_test(),
        "dashboard": dashboards::dashboard(),
        "playbook": playbook::playbook(),
        "panel": dashboards::panel(),
    });
    file("metrics.schema.json", format!("{schema:#}\n"))
}

/// A counter's name ends in `_total`, and no other's does.
fn families() -> Value {
    let mut families = map(FAMILY, reference("metric"), "All metric families, by exported name.");
    let of_counter = json!({ "properties": { "type": { "const": "counter" } } });
    families["patternProperties"] = json!({
        "_total$": of_counter,
        "^(?!.*_total$)": { "not": { "required": ["type"], "properties": { "type": { "const": "counter" } } } },
    });
    families["additionalProperties"] = true.into();
    let each = json!({ "additionalProperties": reference("metric") });
    families["allOf"] = json!([each]);
    families
}

fn header() -> Value {
    let links = object(
        &[
            ("runbook", text("Address of the runbook; `#` and the alert's anchor are appended.")),
            ("dashboards", text("Address below which dashboards are found; `/` and the uid are appended.")),
        ],
        &[],
        "Where alerts point to.",
    );
    let keys = [
        ("name", pattern(SNAKE, "Short name; names generated files and groups.")),
        ("prefix", pattern("^[a-z][a-z0-9_]*_$", "Prefix of every exported name, with its underscore.")),
        ("version", pattern("^[0-9]+\\.[0-9]+\\.[0-9]+$", "Version of the catalog: major.minor.patch.")),
        (
            "scrape_interval",
            described("positive_duration", "How often Prometheus is expected to scrape; 15s."),
        ),
        ("series_budget", integer(1, "The most sample lines that one instance may expose; 1000.")),
        ("max_peers", integer(1, "What `max_peers` stands for in ranges of labels.")),
        ("constant_labels", names("Labels fixed once for a whole instance.")),
        ("owner", text("Who answers questions about metrics that name nobody.")),
        ("links", links),
    ];
    object(&keys, &["name", "prefix", "version"], "What the catalog says about itself.")
}

fn label() -> Value {
    let bound = json!({ "oneOf": [{ "type": "integer", "minimum": 0 }, { "const": "max_peers" }] });
    let range = json!({
        "type": "array", "prefixItems": [{ "type": "integer", "minimum": 0 }, bound], "items": false,
        "minItems": 2, "description": "Smallest and largest value, both included; max_peers ends before it."
    });
    let keys = [
        ("name", pattern(LABEL, "Exported name, where it is not the key.")),
        ("help", described("sentence", "What the label tells.")),
        ("values", filled(map(SNAKE, reference("sentence"), "The closed set: each value with a sentence."))),
        ("range", range),
    ];
    let mut label = object(&keys, &["help"], "A label and its closed set of values.");
    label["oneOf"] = json!([{ "required": ["values"] }, { "required": ["range"] }]);
    label
}

fn metric() -> Value {
    let units: Vec<&str> = Unit::ALL.iter().map(|(name, _)| *name).collect();
    let buckets =
        json!({ "oneOf": [{ "type": "string" }, reference("bounds")], "description": "A preset or a list." });
    let state = json!({ "oneOf": [
        { "type": "integer", "minimum": 0, "maximum": u32::MAX },
        object(
            &[("value", integer(0, "Exported number.")), ("help", reference("sentence"))],
            &["value"],
            "A state with a sentence.",
        ),
    ] });
    let keys = [
        ("type", one_of(&["counter", "gauge", "histogram"], "What kind of number it is.")),
        ("help", described("sentence", "One sentence, as exported.")),
        ("unit", one_of(&units, "Unit of the exported number.")),
        ("group", pattern(SNAKE, "Group that documents the family.")),
        ("labels", names("Labels of each recording.")),
        ("buckets", buckets),
        (
            "grid",
            one_of(
                &["exponential"],
                "Finer buckets beside the declared ones, for quantiles and for OTLP: bounds at powers of 2^(1/16).",
            ),
        ),
        ("value", one_of(&["u64", "i64", "f64"], "Number type of a gauge; u64.")),
        ("states", filled(map(SNAKE, state, "Named values of a gauge."))),
        ("use", text("What the number is good for; longer than `help`.")),
        ("aggregate", one_of(&["sum", "max", "min"], "How gauges of several instances become one.")),
        ("owner", text("Who answers questions about it.")),
        (
            "stability",
            one_of(&["stable", "experimental"], "Whether names and labels may still change; stable."),
        ),
    ];
    let mut metric = object(&keys, &["type", "help", "group"], "A metric family.");
    let kind = |name: &str| json!({ "properties": { "type": { "const": name } } });
    let without = |keys: &[&str]| {
        let keys: Vec<Value> = keys.iter().map(|key| json!({ "required": [key] })).collect();
        json!({ "not": { "anyOf": keys } })
    };
    let mut histogram = without(&["value", "states", "aggregate"]);
    histogram["required"] = json!(["buckets"]);
    metric["allOf"] = json!([
        { "if": kind("histogram"), "then": histogram },
        { "if": kind("counter"), "then": without(&["buckets", "grid", "value", "states", "aggregate"]) },
        { "if": kind("gauge"), "then": without(&["buckets", "grid"]) },
        { "not": { "required": ["value", "states"] } },
    ]);
    metric
}

fn exception() -> Value {
    let globs = json!({
        "type": "array", "items": { "type": "string" }, "minItems": 1,
        "description": "Names; * stands for any characters."
    });
    let keys =
        [("lint", text("Name of the lint.")), ("metrics", globs), ("reason", text("Why it does not hold."))];
    object(&keys, &["lint", "metrics", "reason"], "A lint that does not hold for some metrics.")
}

fn rule() -> Value {
    let word = json!({ "type": ["string", "integer"], "description": "A word; in a name, * stands for any characters." });
    let each = map(
        SNAKE,
        filled_list(list(word, "What the word stands for.")),
        "Words in braces: one rule for each.",
    );
    let keys =
        [("expr", text("PromQL.")), ("help", described("sentence", "What it is for.")), ("each", each)];
    object(&keys, &["expr"], "A recording rule.")
}

fn slo() -> Value {
    let objective = json!({
        "type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 100,
        "description": "Share of good events, in percent."
    });
    let keys = [
        ("help", described("sentence", "What the objective promises.")),
        ("objective", objective),
        ("window", described("positive_duration", "Time over which it holds.")),
        ("good", text("`histogram <= bound`, or a selector of good events.")),
        ("total", text("A selector of all events, where `good` is one.")),
    ];
    object(&keys, &["objective", "window", "good"], "A service level objective.")
}

fn alert() -> Value {
    let missing = object(
        &[
            ("beside", pattern(METRIC, "A metric that is there whenever anything is.")),
            ("except", metrics("Metrics that may be absent in a healthy system.")),
        ],
        &["beside"],
        "One rule for each metric that other alerts look at; instead of `expr`.",
    );
    let value = json!({ "type": "number", "description": "The number; `{{ threshold }}` stands for it." });
    let threshold = object(
        &[("value", value), ("unit", one_of(&ThresholdUnit::names(), "Its unit."))],
        &["value", "unit"],
        "What the expression compares with; deployments may change it.",
    );
    let keys = [
        ("severity", one_of(&["critical", "warning", "info"], "Pages, files a ticket, or informs.")),
        ("priority", one_of(&["P0", "P1", "P2"], "Priority of the design document.")),
        ("group", text("Group in the rules file; the catalog's name.")),
        ("expr", text("PromQL; every sample it returns is an alert.")),
        ("burn", text("An objective, whose error budget must not burn; instead of `expr`.")),
        ("missing", missing),
        ("threshold", threshold),
        ("for", described("duration", "How long the expression must hold; 0s.")),
        ("summary", described("sentence", "A fixed sentence.")),
        ("description", text("A template with labels and value.")),
        ("note", text("Where and why the condition differs from the design document.")),
        ("dashboard", text("Uid of the dashboard that shows it.")),
        ("runbook", reference("runbook")),
        ("tests", filled_list(list(reference("test"), "Cases that prove that it fires and keeps quiet."))),
    ];
    let required = ["severity", "priority", "summary", "description", "runbook"];
    let mut alert = object(&keys, &required, "An alert.");
    alert["oneOf"] = json!([
        { "required": ["expr", "tests"] },
        { "required": ["burn"] },
        { "required": ["missing"] },
    ]);
    alert
}

fn runbook() -> Value {
    let steps = |help: &str| filled_list(list(reference("step"), help));
    let keys = [
        ("meaning", text("What the alert says, for someone who does not know the system.")),
        ("impact", text("What users notice.")),
        ("diagnosis", steps("Steps to find the cause.")),
        ("mitigation", steps("Steps that help.")),
        ("avoid", filled_list(list(sentence(), "What would make it worse."))),
        ("resolved_when", text("When it is over.")),
    ];
    object(
        &keys,
        &["meaning", "impact", "diagnosis", "mitigation", "resolved_when"],
        "What the person on call does.",
    )
}

fn step() -> Value {
    let keys = [("text", text("What to do or look at.")), ("query", text("PromQL to paste."))];
    json!({ "oneOf": [{ "type": "string", "minLength": 1 }, object(&keys, &["text"], "A step with a query.")] })
}

fn alert_test() -> Value {
    let series = json!({
        "type": "object", "minProperties": 1, "additionalProperties": { "type": ["string", "number"] },
        "description": "Selectors and their values in the notation of promtool."
    });
    let keys = [
        ("name", text("Name of the case.")),
        ("interval", described("positive_duration", "Distance of the samples; 15s.")),
        ("series", series),
        ("quiet_at", described("durations", "When the alert must not fire.")),
        ("fires_at", described("durations", "When it must fire.")),
        ("quiet_again_at", described("durations", "When it must have stopped.")),
    ];
    object(&keys, &["name", "series"], "A case of an alert's tests.")
}

/// An object that refuses keys it does not know.
fn object(keys: &[(&str, Value)], required: &[&str], help: &str) -> Value {
    let properties: Map<String, Value> =
        keys.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    json!({
        "type": "object",
        "description": help,
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// An object with free keys of one shape.
fn map(keys: &str, value: impl Into<Value>, help: &str) -> Value {
    json!({
        "type": "object",
        "description": help,
        "propertyNames": { "pattern": keys },
        "additionalProperties": value.into(),
    })
}

fn filled(mut map: Value) -> Value {
    map["minProperties"] = 1.into();
    map
}

fn list(items: impl Into<Value>, help: &str) -> Value {
    json!({ "type": "array", "items": items.into(), "description": help })
}

fn filled_list(mut list: Value) -> Value {
    list["minItems"] = 1.into();
    list
}

fn names(help: &str) -> Value {
    let mut names = list(reference("name"), help);
    names["uniqueItems"] = true.into();
    names
}

fn metrics(help: &str) -> Value {
    let mut metrics = list(json!({ "type": "string", "pattern": METRIC }), help);
    metrics["uniqueItems"] = true.into();
    metrics
}

fn sentence() -> Value {
    json!({ "type": "string", "minLength": 1, "description": "One sentence." })
}

fn text(help: &str) -> Value {
    json!({ "type": "string", "minLength": 1, "description": help })
}

fn pattern(pattern: &str, help: &str) -> Value {
    json!({ "type": "string", "pattern": pattern, "description": help })
}

fn integer(minimum: u32, help: &str) -> Value {
    json!({ "type": "integer", "minimum": minimum, "description": help })
}

fn one_of(values: &[&str], help: &str) -> Value {
    json!({ "enum": values, "description": help })
}

fn reference(definition: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{definition}") })
}

fn described(definition: &str, help: &str) -> Value {
    let mut reference = reference(definition);
    reference["description"] = help.into();
    reference
}
