//! The YAML's own shape: what an author wrote, before anything is bound to anything.

mod alerts;
mod dashboards;
mod forms;
#[cfg(feature = "promql")]
mod overlay;
mod playbook;

use serde::Deserialize;

use crate::model::{Aggregate, Grid, Stability};
use crate::source::Span;

pub(crate) use alerts::{
    AlertSpec, AlertTestSpec, OneOrMany, RuleSpec, RunbookSpec, SloSpec, StepSpec, ThresholdSpec, WordSpec,
};
pub(crate) use dashboards::{DashboardSpec, FullPanelSpec, PanelSpec, ThresholdsSpec};

pub(crate) use forms::{Ordered, ShortOrFull};
#[cfg(feature = "promql")]
pub(crate) use overlay::{AlertChangeSpec, OverlaySpec};
pub(crate) use playbook::{PlaybookSpec, SymptomSpec};

/// One entry as written, with its name and place.
#[derive(Clone, Debug)]
pub(crate) struct Entry<T> {
    pub(crate) name: String,
    /// Path in the document, for the places of what lies within.
    pub(crate) path: String,
    /// Where the name stands.
    pub(crate) span: Span,
    pub(crate) spec: T,
}

/// A whole file; entries that could not be read are missing, and a finding tells of each.
#[derive(Clone, Debug, Default)]
pub(crate) struct CatalogSpec {
    pub(crate) header: Option<Entry<HeaderSpec>>,
    pub(crate) labels: Vec<Entry<LabelSpec>>,
    pub(crate) buckets: Vec<Entry<Vec<f64>>>,
    pub(crate) metrics: Vec<Entry<MetricSpec>>,
    pub(crate) exceptions: Vec<Entry<ExceptionSpec>>,
    pub(crate) rules: Vec<Entry<RuleSpec>>,
    pub(crate) slos: Vec<Entry<SloSpec>>,
    pub(crate) alerts: Vec<Entry<AlertSpec>>,
    pub(crate) dashboards: Vec<Entry<DashboardSpec>>,
    pub(crate) playbook: Option<Entry<PlaybookSpec>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HeaderSpec {
    pub(crate) name: String,
    pub(crate) prefix: String,
    pub(crate) version: String,
    #[serde(default = "default_scrape_interval")]
    pub(crate) scrape_interval: String,
    #[serde(default = "default_series_budget")]
    pub(crate) series_budget: u64,
    pub(crate) max_peers: Option<u32>,
    #[serde(default)]
    pub(crate) constant_labels: Vec<String>,
    pub(crate) owner: Option<String>,
    #[serde(default)]
    pub(crate) links: LinksSpec,
}

/// Where alerts point to.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinksSpec {
    pub(crate) runbook: Option<String>,
    pub(crate) dashboards: Option<String>,
}

fn default_scrape_interval() -> String {
    "15s".to_owned()
}

const fn default_series_budget() -> u64 {
    1000
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LabelSpec {
    pub(crate) name: Option<String>,
    pub(crate) help: String,
    pub(crate) values: Option<Ordered<String>>,
    pub(crate) range: Option<(u32, RangeEnd)>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "expected a whole number, or `max_peers`")]
pub(crate) enum RangeEnd {
    Number(u32),
    Word(String),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MetricSpec {
    #[serde(rename = "type")]
    pub(crate) kind: Kind,
    pub(crate) help: String,
    pub(crate) group: String,
    pub(crate) unit: Option<String>,
    #[serde(default)]
    pub(crate) labels: Vec<String>,
    pub(crate) buckets: Option<BucketsSpec>,
    pub(crate) grid: Option<Grid>,
    pub(crate) value: Option<ValueKind>,
    pub(crate) states: Option<Ordered<StateSpec>>,
    #[serde(rename = "use")]
    pub(crate) usage: Option<String>,
    pub(crate) aggregate: Option<Aggregate>,
    pub(crate) owner: Option<String>,
    #[serde(default)]
    pub(crate) stability: Stability,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ValueKind {
    U64,
    I64,
    F64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "expected the name of a bucket preset or a list of numbers")]
pub(crate) enum BucketsSpec {
    Preset(String),
    Bounds(Vec<f64>),
}

pub(crate) type StateSpec = ShortOrFull<u32, FullStateSpec>;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FullStateSpec {
    pub(crate) value: u32,
    pub(crate) help: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExceptionSpec {
    pub(crate) lint: String,
    pub(crate) metrics: Vec<String>,
    pub(crate) reason: String,
}
