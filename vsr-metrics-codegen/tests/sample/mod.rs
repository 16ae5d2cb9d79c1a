//! A small catalog with one family of each kind, built by hand: what is tested here needs no YAML.

use std::time::Duration;

use vsr_metrics_catalog::Span;
use vsr_metrics_catalog::model::{
    Aggregate, Alert, Bound, BucketPreset, Catalog, Condition, Family, GaugeValue, Grid, Instrument, Label,
    LabelId, LabelValue, LabelValues, Runbook, Severity, Stability, State, Unit,
};

/// Two closed labels, two ranges of which one is constant, and every instrument.
pub fn catalog() -> Catalog {
    Catalog {
        name: "app".into(),
        prefix: "app_".into(),
        version: "1.0.0".into(),
        scrape_interval: Duration::from_secs(15),
        series_budget: 1000,
        constant_labels: vec![LabelId(0)],
        labels: labels(),
        buckets: vec![BucketPreset {
            name: "quick".into(),
            bounds: bounds(),
            used: true,
            span: Span::default(),
        }],
        families: families(),
        alerts: vec![alert()],
        ..Catalog::default()
    }
}

fn labels() -> Vec<Label> {
    vec![
        label("node", "Which machine it is.", LabelValues::Range { min: 1, max: 9 }),
        label("status", "How it ended.", closed(&[("success", "It was done."), ("failure", "It was not.")])),
        label("peer", "Who was asked.", LabelValues::Range { min: 0, max: 2 }),
        label("type", "Never recorded.", closed(&[("one", "One.")])),
    ]
}

fn families() -> Vec<Family> {
    let states = vec![
        State { name: "idle".into(), value: 0, help: Some("Waits for work.".into()) },
        State { name: "at_work".into(), value: 7, help: None },
    ];
    let quick = || Instrument::Histogram { bounds: bounds(), grid: None };
    let fine = || Instrument::Histogram { bounds: bounds(), grid: Some(Grid::Exponential) };
    let sizes =
        Instrument::Histogram { bounds: [1.0, 1024.0].map(|value| Bound { value }).into(), grid: None };
    vec![
        family("app_jobs_total", "jobs", Instrument::Counter, None, &[1]),
        family("app_bytes_sent_total", "bytes_sent", Instrument::Counter, Some(Unit::Bytes), &[1, 2]),
        family("app_busy_seconds_total", "busy", Instrument::Counter, Some(Unit::Seconds), &[]),
        family("app_wait_ms", "wait", quick(), Some(Unit::Milliseconds), &[]),
        family("app_work_ms", "work", quick(), Some(Unit::Milliseconds), &[1]),
        family("app_ask_ms", "ask", quick(), Some(Unit::Milliseconds), &[2, 1]),
        family("app_answer_ms", "answer", fine(), Some(Unit::Milliseconds), &[]),
        family("app_reach_ms", "reach", fine(), Some(Unit::Milliseconds), &[1]),
        family("app_job_size_bytes", "job_size", sizes, Some(Unit::Bytes), &[]),
        family("app_queue_length", "queue_length", Instrument::Gauge(GaugeValue::U64), None, &[]),
        family("app_offset_ms", "offset", Instrument::Gauge(GaugeValue::I64), Some(Unit::Milliseconds), &[]),
        family("app_load", "load", Instrument::Gauge(GaugeValue::F64), None, &[2]),
        family("app_mode", "mode", Instrument::Gauge(GaugeValue::States(states)), None, &[]),
    ]
}

/// Three bounds in milliseconds.
pub fn bounds() -> Vec<Bound> {
    [0.5, 1.0, 250.0].map(|value| Bound { value }).into()
}

fn closed(values: &[(&str, &str)]) -> LabelValues {
    let value = |(name, help): &(&str, &str)| LabelValue { name: (*name).into(), help: (*help).into() };
    LabelValues::Enum(values.iter().map(value).collect())
}

fn label(key: &str, help: &str, values: LabelValues) -> Label {
    Label { key: key.into(), name: key.into(), help: help.into(), values, span: Span::default() }
}

/// A stable family of the group `work`.
pub fn family(
    name: &str,
    stem: &str,
    instrument: Instrument,
    unit: Option<Unit>,
    labels: &[usize],
) -> Family {
    Family {
        name: name.into(),
        stem: stem.into(),
        help: format!("What `{stem}` counts."),
        usage: (stem == "wait").then(|| "If this rises, look at app_queue_length.".into()),
        unit,
        group: "work".into(),
        labels: labels.iter().copied().map(LabelId).collect(),
        aggregate: matches!(instrument, Instrument::Gauge(GaugeValue::U64)).then_some(Aggregate::Sum),
        instrument,
        owner: None,
        stability: Stability::Stable,
        span: Span::default(),
    }
}

fn alert() -> Alert {
    Alert {
        name: "AppSlow".into(),
        severity: Severity::Warning,
        priority: "P2".into(),
        expr: "histogram_quantile(0.99, rate(app_wait_ms_bucket[5m])) > 100".into(),
        hold: Duration::from_secs(60),
        labels: Vec::new(),
        others: Vec::new(),
        condition: Condition::Expression,
        threshold: None,
        note: None,
        dashboard: None,
        changed: false,
        group: "app".into(),
        summary: "Work waits.".into(),
        description: "Work waits for {{ $value }} ms.".into(),
        runbook: Runbook::default(),
        tests: Vec::new(),
        expr_span: Span::default(),
        span: Span::default(),
    }
}
