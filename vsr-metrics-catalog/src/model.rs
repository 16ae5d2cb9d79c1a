//! What a catalog means: every reference bound, every default filled in, nothing left that could be wrong.
//!
//! Built by `resolve` alone; read by the macro and by every renderer. It never mentions the YAML's own shape; only the
//! words of closed sets, such as `sum` or `critical`, are the same there, and are read as they are.

use std::collections::HashMap;
use std::time::Duration;

use serde::Deserialize;

use crate::source::Span;

mod alerts;
mod dashboards;
mod expressions;
mod operators;
mod playbook;

pub use alerts::{
    Alert, AlertRule, AlertTest, BURNS, Burn, Condition, Runbook, Severity, Step, Threshold, ThresholdUnit,
};
pub use dashboards::{Choice, Color, Dashboard, Mark, Panel, PanelKind, Query, Row};
pub use expressions::{Expression, Form, Owner};
pub use operators::{Exception, Indicator, Links, Rule, Slo};
pub use playbook::{Fault, Firing, Matrix, Playbook, Symptom};

/// A resolved catalog: the single meeting point of the YAML and everything made from it.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// Short name of the catalog, such as `vsr`.
    pub name: String,
    /// Prefix of every exported name, with its underscore: `vsr_`.
    pub prefix: String,
    /// Version of the catalog, as `major.minor.patch`.
    pub version: String,
    /// How often Prometheus is expected to scrape.
    pub scrape_interval: Duration,
    /// The most sample lines that one instance may expose.
    pub series_budget: u64,
    /// Where alerts point to.
    pub links: Links,
    /// Labels fixed once for a whole instance, as indices into `labels`, in the order of the catalog.
    pub constant_labels: Vec<LabelId>,
    /// All labels, in the order of the catalog.
    pub labels: Vec<Label>,
    /// All bucket presets, in the order of the catalog.
    pub buckets: Vec<BucketPreset>,
    /// All metric families, in the order of the catalog.
    pub families: Vec<Family>,
    /// Suppressed findings.
    pub exceptions: Vec<Exception>,
    /// Recording rules.
    pub rules: Vec<Rule>,
    /// Service level objectives.
    pub slos: Vec<Slo>,
    /// Alerts.
    pub alerts: Vec<Alert>,
    /// Dashboards.
    pub dashboards: Vec<Dashboard>,
    /// How incidents are led.
    pub playbook: Option<Playbook>,
    /// What alerts did under the faults that were tried; not from the catalog's text, but from whoever tried.
    pub matrix: Matrix,
    /// Every expression of all of these, in the order of the file within each kind.
    pub expressions: Vec<Expression>,
}

/// Index of a label in [`Catalog::labels`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LabelId(pub usize);

/// A label and its closed set of values.
#[derive(Clone, Debug)]
pub struct Label {
    /// Key in the catalog; the Rust type is named after it.
    pub key: String,
    /// Exported name, as it stands on `/metrics`.
    pub name: String,
    /// One sentence on what the label tells.
    pub help: String,
    /// The closed set.
    pub values: LabelValues,
    /// Where the label is defined.
    pub span: Span,
}

/// The values that a label can take.
#[derive(Clone, Debug)]
pub enum LabelValues {
    /// Named values.
    Enum(Vec<LabelValue>),
    /// Integers from `min` to `max`, both included.
    Range {
        /// Smallest value.
        min: u32,
        /// Largest value.
        max: u32,
    },
}

/// One named value of a label.
#[derive(Clone, Debug)]
pub struct LabelValue {
    /// Exported text, in `snake_case`; the Rust variant is the same in `PascalCase`.
    pub name: String,
    /// One sentence on when it is recorded.
    pub help: String,
}

/// A named list of bucket bounds.
#[derive(Clone, Debug)]
pub struct BucketPreset {
    /// Name in the catalog.
    pub name: String,
    /// Upper bounds, strictly increasing, without `+Inf`.
    pub bounds: Vec<Bound>,
    /// Whether a histogram has these buckets.
    pub used: bool,
    /// Where it is defined.
    pub span: Span,
}

/// One upper bound of a histogram, inclusive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    /// The bound in the exported unit.
    pub value: f64,
}

impl Bound {
    /// The bound as it is stored: whole nanoseconds for units of time, else a whole number of the unit; `None`
    /// where it is not whole.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)] // checked here
    pub fn stored(self, unit: Option<Unit>) -> Option<u64> {
        let scale = unit.and_then(Unit::nanoseconds).unwrap_or(1);
        let scaled = self.value * scale as f64;
        // Decimal bounds such as 0.1 are not exact in binary; their product is within a hair of a whole number.
        let whole = scaled.round();
        ((scaled - whole).abs() <= whole.abs() * 1e-12 && (0.0..9e18).contains(&whole))
            .then_some(whole as u64)
    }
}

/// A metric family.
#[derive(Clone, Debug)]
pub struct Family {
    /// Exported name, such as `vsr_prepare_latency_ms`.
    pub name: String,
    /// Name in method names: without prefix, `_total` and the unit's suffix (`prepare_latency`).
    pub stem: String,
    /// Help, one sentence, as exported.
    pub help: String,
    /// What the number is good for; longer than `help`.
    pub usage: Option<String>,
    /// Unit of the exported number.
    pub unit: Option<Unit>,
    /// Group that documents the family, such as `latency`.
    pub group: String,
    /// Labels of each recording, in the order of the catalog.
    pub labels: Vec<LabelId>,
    /// Counter, gauge or histogram, with what belongs to each.
    pub instrument: Instrument,
    /// How values of several instances become one; `None` where that makes no sense.
    pub aggregate: Option<Aggregate>,
    /// Who answers questions about it.
    pub owner: Option<String>,
    /// Whether names and labels may still change.
    pub stability: Stability,
    /// Where the family is defined.
    pub span: Span,
}

/// What kind of number a family is.
#[derive(Clone, Debug)]
pub enum Instrument {
    /// A total that only grows.
    Counter,
    /// A value that goes up and down.
    Gauge(GaugeValue),
    /// A distribution over fixed buckets.
    Histogram {
        /// Upper bounds, without `+Inf`.
        bounds: Vec<Bound>,
        /// Finer buckets beside them.
        grid: Option<Grid>,
    },
}

/// Finer buckets beside a histogram's declared ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Grid {
    /// Bounds at the powers of 2^(1/16), in the exported unit: OTLP's exponential histogram of scale 4.
    Exponential,
}

/// The number type of a gauge.
#[derive(Clone, Debug)]
pub enum GaugeValue {
    /// Unsigned integer.
    U64,
    /// Signed integer.
    I64,
    /// Floating point.
    F64,
    /// Named states.
    States(Vec<State>),
}

/// A named value of a gauge.
#[derive(Clone, Debug)]
pub struct State {
    /// Name in `snake_case`; the Rust variant is the same in `PascalCase`.
    pub name: String,
    /// Exported number.
    pub value: u32,
    /// One sentence on the state.
    pub help: Option<String>,
}

/// How gauges of several instances become one number. Counters and histograms are always summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Aggregate {
    /// Add them.
    Sum,
    /// Take the largest.
    Max,
    /// Take the smallest.
    Min,
}

/// How firm a family's name and labels are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stability {
    /// Changes only with a major version.
    #[default]
    Stable,
    /// May change with a minor version.
    Experimental,
}

/// A unit that the catalog language knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Time, exported in milliseconds, kept in nanoseconds.
    Milliseconds,
    /// Time, exported in seconds, kept in nanoseconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// Bytes per second.
    BytesPerSecond,
    /// Operations.
    Operations,
    /// Operations per second.
    OperationsPerSecond,
    /// Percent, 0 to 100.
    Percent,
}

impl Unit {
    /// All units, with the word that the catalog uses.
    pub const ALL: [(&'static str, Self); 7] = [
        ("milliseconds", Self::Milliseconds),
        ("seconds", Self::Seconds),
        ("bytes", Self::Bytes),
        ("bytes_per_second", Self::BytesPerSecond),
        ("operations", Self::Operations),
        ("operations_per_second", Self::OperationsPerSecond),
        ("percent", Self::Percent),
    ];

    /// The suffix of an exported name that spells the unit.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Milliseconds => "ms",
            Self::Seconds => "seconds",
            Self::Bytes => "bytes",
            Self::BytesPerSecond => "bytes_per_sec",
            Self::Operations => "operations",
            Self::OperationsPerSecond => "ops_per_sec",
            Self::Percent => "percent",
        }
    }

    /// The word that the catalog uses.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, unit)| *unit == self).map_or("", |(name, _)| name)
    }

    /// For units of time, the nanoseconds in one unit.
    pub const fn nanoseconds(self) -> Option<u64> {
        match self {
            Self::Milliseconds => Some(1_000_000),
            Self::Seconds => Some(1_000_000_000),
            _ => None,
        }
    }
}

impl Catalog {
    /// The label that an id stands for.
    ///
    /// # Panics
    /// If the id comes from another catalog.
    pub fn label(&self, id: LabelId) -> &Label {
        &self.labels[id.0]
    }

    /// The family of an exported name.
    pub fn family(&self, name: &str) -> Option<&Family> {
        self.families.iter().find(|family| family.name == name)
    }

    /// The groups in the order in which the catalog names them first, each with its families.
    pub fn groups(&self) -> Vec<(&str, Vec<&Family>)> {
        let mut groups: Vec<(&str, Vec<&Family>)> = Vec::new();
        let mut places = HashMap::new();
        for family in &self.families {
            let place = *places.entry(family.group.as_str()).or_insert_with(|| {
                groups.push((&family.group, Vec::new()));
                groups.len() - 1
            });
            groups[place].1.push(family);
        }
        groups
    }

    /// The number of series of a family: the product of its labels' sizes.
    pub fn series(&self, family: &Family) -> u64 {
        family.labels.iter().map(|id| self.label(*id).values.size()).fold(1, u64::saturating_mul)
    }

    /// The number of sample lines that a family exposes at most per instance.
    pub fn sample_lines(&self, family: &Family) -> u64 {
        let lines = match &family.instrument {
            Instrument::Histogram { bounds, .. } => bounds.len() as u64 + 3,
            Instrument::Counter | Instrument::Gauge(_) => 1,
        };
        self.series(family).saturating_mul(lines)
    }
}

impl Family {
    /// Whether it is a histogram with finer buckets beside the declared ones.
    pub fn has_grid(&self) -> bool {
        matches!(self.instrument, Instrument::Histogram { grid: Some(_), .. })
    }

    /// Whether it counts time.
    pub fn is_time(&self) -> bool {
        self.unit.is_some_and(|unit| unit.nanoseconds().is_some())
    }

    /// Bounds of a histogram; none for the others.
    pub fn bounds(&self) -> &[Bound] {
        match &self.instrument {
            Instrument::Histogram { bounds, .. } => bounds,
            Instrument::Counter | Instrument::Gauge(_) => &[],
        }
    }
}

impl LabelValues {
    /// How many values there are.
    pub fn size(&self) -> u64 {
        match self {
            Self::Enum(values) => values.len() as u64,
            Self::Range { min, max } => u64::from(max.saturating_sub(*min)) + 1,
        }
    }
}
