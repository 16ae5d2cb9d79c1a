//! The resolved catalog as JSON, for tools in other languages. Keys are sorted and only ever added.

use serde_json::{Map, Value, json};
use vsr_metrics_catalog::model::{
    Aggregate, Alert, AlertRule, Catalog, Dashboard, Family, GaugeValue, Grid, Indicator, Instrument, Label,
    LabelId, LabelValues, Panel, Query, Row, Slo, Stability,
};

use super::{GeneratedFile, file, origin};
use crate::expand::methods::signatures;

pub(super) fn render(catalog: &Catalog) -> Vec<GeneratedFile> {
    let value = json!({
        "$comment": origin(catalog),
        "name": catalog.name,
        "prefix": catalog.prefix,
        "version": catalog.version,
        "scrape_interval_seconds": catalog.scrape_interval.as_secs_f64(),
        "series_budget": catalog.series_budget,
        "constant_labels": keys(catalog, &catalog.constant_labels),
        "labels": map(&catalog.labels, |label| (&label.key, self::label(label))),
        "metrics": map(&catalog.families, |family| (&family.name, self::family(catalog, family))),
        "rules": map(&catalog.rules, |rule| (&rule.record, json!({ "expr": rule.expr, "help": rule.help }))),
        "slos": map(&catalog.slos, |slo| (&slo.name, self::slo(slo))),
        "alerts": map(&catalog.alerts, |alert| (&alert.name, self::alert(alert))),
        "dashboards": map(&catalog.dashboards, |board| (&board.uid, dashboard(board))),
    });
    file("catalog.json", format!("{value:#}\n"))
}

fn map<'a, T>(items: &'a [T], entry: impl Fn(&'a T) -> (&'a String, Value)) -> Value {
    let entries = items.iter().map(|item| {
        let (key, value) = entry(item);
        (key.clone(), value)
    });
    Value::Object(entries.collect::<Map<String, Value>>())
}

fn keys(catalog: &Catalog, labels: &[LabelId]) -> Vec<String> {
    labels.iter().map(|id| catalog.label(*id).key.clone()).collect()
}

fn label(label: &Label) -> Value {
    let values = match &label.values {
        LabelValues::Enum(values) => {
            values.iter().map(|value| json!({ "name": value.name, "help": value.help })).collect::<Value>()
        }
        LabelValues::Range { min, max } => json!({ "min": min, "max": max }),
    };
    json!({ "name": label.name, "help": label.help, "values": values })
}

fn family(catalog: &Catalog, family: &Family) -> Value {
    let mut value = json!({
        "help": family.help,
        "use": family.usage,
        "unit": family.unit.map(vsr_metrics_catalog::model::Unit::name),
        "group": family.group,
        "labels": keys(catalog, &family.labels),
        "owner": family.owner,
        "stability": if family.stability == Stability::Stable { "stable" } else { "experimental" },
        "series": catalog.series(family),
        "sample_lines": catalog.sample_lines(family),
        "methods": signatures(catalog, family),
        "aggregate": family.aggregate.map(|rule| match rule {
            Aggregate::Sum => "sum",
            Aggregate::Max => "max",
            Aggregate::Min => "min",
        }),
    });
    match &family.instrument {
        Instrument::Counter => value["type"] = "counter".into(),
        Instrument::Gauge(kind) => {
            value["type"] = "gauge".into();
            match kind {
                GaugeValue::U64 => value["value"] = "u64".into(),
                GaugeValue::I64 => value["value"] = "i64".into(),
                GaugeValue::F64 => value["value"] = "f64".into(),
                GaugeValue::States(states) => {
                    value["states"] = states
                        .iter()
                        .map(|state| json!({ "name": state.name, "value": state.value, "help": state.help }))
                        .collect();
                }
            }
        }
        Instrument::Histogram { bounds, grid } => {
            value["type"] = "histogram".into();
            value["buckets"] = bounds.iter().map(|bound| bound.value).collect();
            value["grid"] = grid.map_or(Value::Null, |Grid::Exponential| "exponential".into());
        }
    }
    value
}

fn slo(slo: &Slo) -> Value {
    let indicator = match &slo.indicator {
        Indicator::Latency { metric, bound } => json!({ "metric": metric, "bound": bound }),
        Indicator::Ratio { good, total } => json!({ "good": good, "total": total }),
    };
    json!({
        "help": slo.help,
        "objective": slo.objective,
        "window_seconds": slo.window.as_secs_f64(),
        "indicator": indicator,
    })
}

fn alert(alert: &Alert) -> Value {
    json!({
        "severity": alert.severity.name(),
        "priority": alert.priority,
        "group": alert.group,
        "expr": alert.expr,
        "for_seconds": alert.hold.as_secs_f64(),
        "summary": alert.summary,
        "description": alert.description,
        "threshold": alert.threshold.map(|threshold| json!({
            "value": threshold.value, "unit": threshold.unit.name(),
        })),
        "note": alert.note,
        "dashboard": alert.dashboard,
        "rules": alert.rules().iter().map(rule).collect::<Value>(),
    })
}

/// One of the rules that share the alert's name: the windows of a burn rate, the metrics that may be missing.
fn rule(rule: &AlertRule) -> Value {
    let labels = rule.labels.iter().map(|(key, value)| (key.clone(), Value::from(value.as_str())));
    json!({
        "severity": rule.severity.name(),
        "expr": rule.expr,
        "for_seconds": rule.hold.as_secs_f64(),
        "labels": labels.collect::<Map<String, Value>>(),
        "description": rule.description,
    })
}

fn dashboard(dashboard: &Dashboard) -> Value {
    let row =
        |row: &Row| json!({ "title": row.title, "panels": row.panels.iter().map(panel).collect::<Value>() });
    json!({
        "title": dashboard.title,
        "help": dashboard.help,
        "range_seconds": dashboard.range.as_secs_f64(),
        "rows": dashboard.rows.iter().map(row).collect::<Value>(),
    })
}

fn panel(panel: &Panel) -> Value {
    let query = |query: &Query| json!({ "expr": query.expr, "legend": query.legend });
    json!({
        "title": panel.title,
        "metrics": panel.metrics,
        "queries": panel.queries.iter().map(query).collect::<Value>(),
        "help": panel.help,
    })
}
