//! What the names in queries stand for: series of this catalog, of the exporters' own, recorded, or from outside.

use std::collections::{BTreeSet, HashMap};

use super::facts::{Facts, Measure};
use crate::lost::Lost;
use crate::model::{Bound, Catalog, Family, GaugeValue, Instrument, Label};

/// Labels that scraping and the environment add to every series.
pub(super) const TARGET_LABELS: [&str; 12] = [
    "job",
    "instance",
    "cluster",
    "namespace",
    "pod",
    "container",
    "node",
    "service",
    "endpoint",
    "environment",
    "region",
    "zone",
];

/// Series that Prometheus itself writes.
const OUTSIDE: [&str; 3] = ["up", "ALERTS", "ALERTS_FOR_STATE"];
const OUTSIDE_PREFIXES: [&str; 3] = ["scrape_", "prometheus_", "alertmanager_"];

/// All names.
pub(super) struct Names<'a> {
    exported: HashMap<String, Exported<'a>>,
    recorded: HashMap<&'a str, Facts>,
    lost: &'a Lost,
}

/// A series that a catalog exports.
#[derive(Clone, Copy)]
pub(super) struct Exported<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) family: &'a Family,
    pub(super) part: Part,
}

/// Which of a family's series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Value,
    Bucket,
    Sum,
    Count,
}

/// What one name stands for.
pub(super) enum Meaning<'n, 'a> {
    Exported(Exported<'a>),
    Recorded(&'n Facts),
    /// It exists, and nothing more is known of it.
    Outside,
    Unknown,
}

impl<'a> Names<'a> {
    /// The names of a catalog, and of others that are exported beside it.
    pub(super) fn new(catalog: &'a Catalog, beside: &'a [Catalog], lost: &'a Lost) -> Self {
        let mut exported = HashMap::new();
        for catalog in std::iter::once(catalog).chain(beside) {
            for family in &catalog.families {
                let mut enter =
                    |name: String, part| exported.insert(name, Exported { catalog, family, part });
                if let Instrument::Histogram { .. } = family.instrument {
                    enter(format!("{}_bucket", family.name), Part::Bucket);
                    enter(format!("{}_sum", family.name), Part::Sum);
                    enter(format!("{}_count", family.name), Part::Count);
                } else {
                    enter(family.name.clone(), Part::Value);
                }
            }
        }
        Self { exported, recorded: HashMap::new(), lost }
    }

    /// Adds what a recording rule records.
    pub(super) fn record(&mut self, name: &'a str, facts: Facts) {
        self.recorded.insert(name, facts);
    }

    pub(super) fn meaning(&self, name: &str) -> Meaning<'_, 'a> {
        let family = crate::lint::family_name(name);
        if self.lost.may_define(name) || self.lost.may_define(family) {
            return Meaning::Outside;
        }
        if let Some(exported) = self.exported.get(name) {
            return Meaning::Exported(*exported);
        }
        if let Some(facts) = self.recorded.get(name) {
            return Meaning::Recorded(facts);
        }
        let is_outside =
            OUTSIDE.contains(&name) || OUTSIDE_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
        if is_outside { Meaning::Outside } else { Meaning::Unknown }
    }

    /// Every known name.
    pub(super) fn all(&self) -> impl Iterator<Item = &str> {
        self.exported.keys().map(String::as_str).chain(self.recorded.keys().copied())
    }
}

impl Exported<'_> {
    /// Whether the series only grows, apart from restarts.
    pub(super) fn is_counter(&self) -> bool {
        self.part != Part::Value || matches!(self.family.instrument, Instrument::Counter)
    }

    /// Labels of the series, those of its target too.
    pub(super) fn label_names(&self) -> BTreeSet<String> {
        let own = self.labels().map(|label| label.name.clone());
        let target = TARGET_LABELS.map(str::to_owned);
        let bucket = (self.part == Part::Bucket).then(|| "le".to_owned());
        own.chain(target).chain(bucket).collect()
    }

    /// The label of an exported name.
    pub(super) fn label(&self, name: &str) -> Option<&Label> {
        self.labels().find(|label| label.name == name)
    }

    fn labels(&self) -> impl Iterator<Item = &Label> {
        let ids = self.family.labels.iter().chain(&self.catalog.constant_labels);
        ids.map(|id| self.catalog.label(*id))
    }

    /// The numbers of a gauge with states.
    pub(super) fn states(&self) -> Option<Vec<u32>> {
        match &self.family.instrument {
            Instrument::Gauge(GaugeValue::States(states)) => {
                Some(states.iter().map(|state| state.value).collect())
            }
            _ => None,
        }
    }

    /// The bounds of a histogram, and what they are measured in.
    pub(super) fn buckets(&self) -> (Vec<f64>, Measure) {
        let bounds = self.bounds().iter().map(|bound| bound.value).collect();
        (bounds, self.family.unit.map_or(Measure::Count, Measure::Of))
    }

    pub(super) fn bounds(&self) -> &[Bound] {
        self.family.bounds()
    }

    /// What the number is measured in.
    pub(super) fn measure(&self) -> Measure {
        match (self.part, &self.family.instrument, self.family.unit) {
            (Part::Bucket | Part::Count, ..) | (_, _, None) => match self.family.instrument {
                Instrument::Gauge(GaugeValue::States(_)) => Measure::State,
                _ => Measure::Count,
            },
            (_, _, Some(unit)) => Measure::Of(unit),
        }
    }
}
