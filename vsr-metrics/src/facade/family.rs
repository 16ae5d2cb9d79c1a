//! One family that came through the crate `metrics`: its descriptor, which is made anew when a label or its description
//! is added, and its series.

use std::sync::Arc;

use metrics::Unit;

use super::cells::{Counter, Gauge, Histogram};
use super::names;
use crate::Snapshot;
use crate::descriptor::{CatalogDescriptor, Descriptor, GaugeKind, Instrument, LabelDescriptor, LabelValues};

/// Labels that a series of a family can have, the one for what is past a bound included.
pub(super) const MOST_LABELS: usize = 9;
/// The label of what is past a bound.
const OVERFLOW: &str = "overflow";

/// What kind of number it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// What was said about a family.
#[derive(Clone, Debug, Default)]
pub(super) struct Description {
    pub(super) unit: Option<Unit>,
    pub(super) help: String,
}

/// Label values by their places, in the order of the family's labels. As long for every series, so that a label that
/// is added later makes no series another.
pub(super) type Labels = [Option<u32>; MOST_LABELS];

/// The number of a series.
#[derive(Clone)]
pub(super) enum Cell {
    Counter(Arc<Counter>),
    Gauge(Arc<Gauge>),
    Histogram(Arc<Histogram>),
}

pub(super) struct Family {
    name: &'static str,
    kind: Kind,
    buckets: Buckets,
    description: Description,
    labels: Vec<&'static LabelDescriptor>,
    catalog: &'static CatalogDescriptor,
    series: Vec<(Labels, Cell)>,
}

/// The buckets of a histogram.
#[derive(Clone, Copy)]
struct Buckets {
    bounds: &'static [u64],
    names: &'static [&'static str],
    scale: u64,
}

impl Family {
    pub(super) fn new(name: String, kind: Kind, description: Description) -> Self {
        let name = String::leak(name);
        let (buckets, labels) = (Buckets::of(name, description.unit), Vec::new());
        let catalog = describe(name, kind, buckets, &description, &labels);
        Self { name, kind, buckets, description, labels, catalog, series: Vec::new() }
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    pub(super) fn len(&self) -> usize {
        self.series.len()
    }

    /// The first description holds.
    pub(super) fn describe(&mut self, description: Description) {
        if self.description.help.is_empty() {
            self.description = description;
            self.renew();
        }
    }

    /// The place of a label, which may be a new one; `None` if there are as many as there may be.
    pub(super) fn label(&mut self, name: &str) -> Option<usize> {
        if let Some(place) = self.labels.iter().position(|label| label.name == name) {
            return Some(place);
        }
        // One place stays for what is past a bound.
        if self.labels.len() >= MOST_LABELS - usize::from(name != OVERFLOW) {
            return None;
        }
        let values = LabelValues::Dynamic(names::text);
        self.labels
            .push(Box::leak(Box::new(LabelDescriptor { name: String::leak(name.to_owned()), values })));
        self.renew();
        Some(self.labels.len() - 1)
    }

    /// The series with these labels.
    pub(super) fn find(&self, labels: &Labels) -> Option<Cell> {
        self.series.iter().find(|(known, _)| known == labels).map(|(_, cell)| cell.clone())
    }

    /// Adds a series.
    pub(super) fn add(&mut self, labels: Labels) -> Cell {
        let cell = match self.kind {
            Kind::Counter => Cell::Counter(Arc::default()),
            Kind::Gauge => Cell::Gauge(Arc::default()),
            Kind::Histogram => {
                Cell::Histogram(Arc::new(Histogram::new(self.buckets.bounds, self.buckets.scale)))
            }
        };
        self.series.push((labels, cell.clone()));
        cell
    }

    /// The series of what is past a bound. Of gauges no sum would make sense.
    pub(super) fn overflow(&mut self) -> Option<Cell> {
        if self.kind == Kind::Gauge {
            return None;
        }
        let mut labels = [None; MOST_LABELS];
        labels[self.label(OVERFLOW)?] = Some(names::place("true")?);
        Some(self.find(&labels).unwrap_or_else(|| self.add(labels)))
    }

    /// Each series becomes an instance of a catalog with one family: what tells series apart here are labels that are
    /// constant for each, and nothing else of the snapshot knows values that are not declared.
    pub(super) fn collect(&self, snapshot: &mut Snapshot) {
        for (labels, cell) in &self.series {
            match cell {
                Cell::Counter(cell) => snapshot.record_series(self.catalog, labels, [cell.value()], []),
                Cell::Gauge(cell) => snapshot.record_series(self.catalog, labels, [], [cell.bits()]),
                Cell::Histogram(cell) => snapshot.record_series(self.catalog, labels, cell.values(), []),
            }
        }
    }

    fn renew(&mut self) {
        self.catalog = describe(self.name, self.kind, self.buckets, &self.description, &self.labels);
    }
}

/// What encoders read of a family. It is never freed: there are as many for a family as it may have labels, and one
/// for its description.
fn describe(
    name: &'static str,
    kind: Kind,
    buckets: Buckets,
    description: &Description,
    labels: &[&'static LabelDescriptor],
) -> &'static CatalogDescriptor {
    let (unit, help) = tell(name, description);
    let (instrument, scale) = match kind {
        Kind::Counter => (Instrument::Counter, 1),
        Kind::Gauge => (Instrument::Gauge(GaugeKind::F64), 1),
        Kind::Histogram => (
            Instrument::Histogram { bounds: buckets.bounds, bound_names: buckets.names, grid: None },
            buckets.scale,
        ),
    };
    let family = Descriptor {
        name,
        help: String::leak(help),
        unit,
        group: "facade",
        owner: "",
        stable: false,
        labels: &[],
        instrument,
        aggregate: None,
        scale,
        first: 0,
    };
    Box::leak(Box::new(CatalogDescriptor {
        name,
        prefix: "",
        version: "",
        constant_labels: Vec::leak(labels.to_vec()),
        families: Box::leak(Box::new([family])),
    }))
}

/// The unit, if the name ends with it, and the help, which names the unit if the name does not.
fn tell(name: &'static str, description: &Description) -> (&'static str, String) {
    let help = match description.help.as_str() {
        "" => "Not described by whoever records it.".to_owned(),
        help => help.to_owned(),
    };
    let Some(unit) = description.unit.filter(|unit| *unit != Unit::Count) else { return ("", help) };
    let word = unit.as_str();
    let stem = name.strip_suffix("_total").unwrap_or(name);
    for suffix in [word, unit.as_canonical_label()] {
        if !suffix.is_empty() && stem.strip_suffix(suffix).is_some_and(|rest| rest.ends_with('_')) {
            return (&stem[stem.len() - suffix.len()..], help);
        }
    }
    ("", format!("{help} (In {}.)", word.replace('_', " ")))
}

impl Buckets {
    /// By unit, or by the end of the name. What nobody says anything about is taken for seconds, as most histograms are.
    fn of(name: &str, unit: Option<Unit>) -> Self {
        let is =
            |known: Unit, suffix: &str| unit == Some(known) || (unit.is_none() && name.ends_with(suffix));
        if is(Unit::Bytes, "_bytes") {
            return Self {
                bounds: &[
                    256,
                    1 << 10,
                    1 << 12,
                    1 << 14,
                    1 << 16,
                    1 << 18,
                    1 << 20,
                    1 << 22,
                    1 << 24,
                    1 << 26,
                ],
                names: &[
                    "256", "1024", "4096", "16384", "65536", "262144", "1048576", "4194304", "16777216",
                    "67108864",
                ],
                scale: 1,
            };
        }
        if is(Unit::Milliseconds, "_ms") || is(Unit::Milliseconds, "_milliseconds") {
            return Self { bounds: &NANOSECONDS, names: &MILLISECOND_NAMES, scale: 1_000_000 };
        }
        Self { bounds: &NANOSECONDS, names: &SECOND_NAMES, scale: 1_000_000_000 }
    }
}

const NANOSECONDS: [u64; 16] = [
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    10_000_000_000,
];
const SECOND_NAMES: [&str; 16] = [
    "0.0001", "0.00025", "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5",
    "1", "2.5", "5", "10",
];
const MILLISECOND_NAMES: [&str; 16] = [
    "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "25", "50", "100", "250", "500", "1000", "2500", "5000",
    "10000",
];
