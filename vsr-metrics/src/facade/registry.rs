//! The recorder: families and series that are made when they are first recorded, within bounds.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use metrics::{Key, KeyName, Metadata, Recorder, SetRecorderError, SharedString, Unit};

use super::family::{Cell, Description, Family, Kind, Labels, MOST_LABELS};
use super::names;
use crate::descriptor::{CatalogDescriptor, Instrument};
use crate::health::{METRICS, Metrics, Overflow};
use crate::{Snapshot, Source};

/// Takes what is recorded by the macros of the crate `metrics`. Clones are the same registry: one is installed, another
/// is scraped.
#[derive(Clone)]
pub struct Registry(Arc<RwLock<State>>);

/// How much of what others choose is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Families, 200 by default.
    pub families: usize,
    /// Series of one family, 100 by default.
    pub series_of_a_family: usize,
    /// Series of all families, 1,000 by default.
    pub series: usize,
}

struct State {
    limits: Limits,
    families: Vec<Family>,
    /// Families by their names as they are exported.
    names: HashMap<String, usize>,
    /// Names of samples and families that are taken.
    taken: HashSet<String>,
    /// Cells by what they were asked for.
    cells: HashMap<(Kind, Key), Cell>,
    /// Of families that are not there yet.
    descriptions: HashMap<String, Description>,
    series: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { families: 200, series_of_a_family: 100, series: 1_000 }
    }
}

impl Limits {
    /// As many families.
    #[must_use]
    pub fn families(mut self, most: usize) -> Self {
        self.families = most;
        self
    }

    /// As many series in each family.
    #[must_use]
    pub fn series_of_a_family(mut self, most: usize) -> Self {
        self.series_of_a_family = most;
        self
    }

    /// As many series in all.
    #[must_use]
    pub fn series(mut self, most: usize) -> Self {
        self.series = most;
        self
    }
}

impl Registry {
    /// A registry with the default limits, beside the exporters' own catalog.
    pub fn new() -> Self {
        Self::beside(&[], Limits::default())
    }

    /// A registry for use beside some catalogs: what has the name of one of their families or samples is refused.
    pub fn beside(catalogs: &[&CatalogDescriptor], limits: Limits) -> Self {
        let families = catalogs.iter().chain([&Metrics::CATALOG]).flat_map(|catalog| catalog.families);
        let taken = families.flat_map(|family| {
            let kind = match family.instrument {
                Instrument::Counter => Kind::Counter,
                Instrument::Gauge(_) => Kind::Gauge,
                Instrument::Histogram { .. } => Kind::Histogram,
            };
            exposed(kind, family.name)
        });
        Self(Arc::new(RwLock::new(State {
            limits,
            taken: taken.collect(),
            families: Vec::new(),
            names: HashMap::new(),
            cells: HashMap::new(),
            descriptions: HashMap::new(),
            series: 0,
        })))
    }

    /// Makes this the recorder of the process, for the macros of the crate `metrics`.
    ///
    /// # Errors
    /// If there is one already.
    pub fn install(&self) -> Result<(), SetRecorderError<Self>> {
        metrics::set_global_recorder(self.clone())
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The cell of a key. One that is past a bound is not remembered: remembering is what the bound is for.
    fn cell(&self, kind: Kind, key: &Key) -> Option<Cell> {
        let asked = (kind, key.to_retained());
        let known = self.read().cells.get(&asked).cloned();
        known.or_else(|| match self.write().register(kind, key) {
            Ok(cell) => Some(cell),
            Err((reason, cell)) => {
                METRICS.increment_facade_overflow(reason);
                cell
            }
        })
    }
}

impl State {
    /// A series of its own, or why there is none and where its numbers go.
    fn register(&mut self, kind: Kind, key: &Key) -> Result<Cell, (Overflow, Option<Cell>)> {
        let family = self.family(kind, key.name()).map_err(|reason| (reason, None))?;
        let Self { limits, families, series, cells, .. } = self;
        let family = &mut families[family];
        let labels = match read_labels(family, key) {
            Ok(labels) => labels,
            Err(reason) => return Err((reason, family.overflow())),
        };
        let cell = match family.find(&labels) {
            Some(cell) => cell,
            None if family.len() < limits.series_of_a_family && *series < limits.series => {
                *series += 1;
                family.add(labels)
            }
            None => return Err((Overflow::Series, family.overflow())),
        };
        // Several keys can lead to one series, so their number is bounded by itself.
        if cells.len() < 4 * limits.series {
            cells.insert((kind, key.to_retained()), cell.clone());
        }
        Ok(cell)
    }

    /// The family of a name, which may be a new one.
    fn family(&mut self, kind: Kind, name: &str) -> Result<usize, Overflow> {
        let name = exported(kind, name);
        if let Some(family) = self.names.get(&name) {
            return if self.families[*family].kind() == kind { Ok(*family) } else { Err(Overflow::Clash) };
        }
        if self.families.len() >= self.limits.families {
            return Err(Overflow::Families);
        }
        if exposed(kind, &name).any(|name| self.taken.contains(&name)) {
            return Err(Overflow::Clash);
        }
        self.taken.extend(exposed(kind, &name));
        let description = self.descriptions.remove(&name).unwrap_or_default();
        self.families.push(Family::new(name.clone(), kind, description));
        self.names.insert(name, self.families.len() - 1);
        Ok(self.families.len() - 1)
    }

    fn describe(&mut self, kind: Kind, name: &str, description: Description) {
        let name = exported(kind, name);
        match self.names.get(&name) {
            Some(family) => self.families[*family].describe(description),
            None if self.descriptions.len() < 4 * self.limits.families => {
                self.descriptions.entry(name).or_insert(description);
            }
            None => METRICS.increment_facade_overflow(Overflow::Families),
        }
    }
}

/// The labels of a key. Of two that become one name, the first holds; one without a value is none, as in Prometheus.
fn read_labels(family: &mut Family, key: &Key) -> Result<Labels, Overflow> {
    let mut labels = [None; MOST_LABELS];
    for label in key.labels().filter(|label| !label.value().is_empty()) {
        let place = family.label(&names::label(label.key())).ok_or(Overflow::Labels)?;
        let value = names::place(label.value()).ok_or(Overflow::Series)?;
        labels[place].get_or_insert(value);
    }
    Ok(labels)
}

/// The name of a family as it is exported.
fn exported(kind: Kind, name: &str) -> String {
    let mut name = names::metric(name);
    if kind == Kind::Counter && !name.ends_with("_total") {
        name.push_str("_total");
    }
    name
}

/// The names that a family takes, in any format.
fn exposed(kind: Kind, name: &str) -> impl Iterator<Item = String> + use<> {
    let stem = if kind == Kind::Counter { name.strip_suffix("_total").unwrap_or(name) } else { name };
    let suffixes: &[&str] = match kind {
        Kind::Counter => &["", "_total", "_created"],
        Kind::Gauge => &[""],
        Kind::Histogram => &["", "_bucket", "_sum", "_count", "_created"],
    };
    let stem = stem.to_owned();
    suffixes.iter().map(move |suffix| format!("{stem}{suffix}"))
}

impl Recorder for Registry {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        let description = Description { unit, help: description.into_owned() };
        self.write().describe(Kind::Counter, key.as_str(), description);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        let description = Description { unit, help: description.into_owned() };
        self.write().describe(Kind::Gauge, key.as_str(), description);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        let description = Description { unit, help: description.into_owned() };
        self.write().describe(Kind::Histogram, key.as_str(), description);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> metrics::Counter {
        match self.cell(Kind::Counter, key) {
            Some(Cell::Counter(cell)) => metrics::Counter::from_arc(cell),
            _ => metrics::Counter::noop(),
        }
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> metrics::Gauge {
        match self.cell(Kind::Gauge, key) {
            Some(Cell::Gauge(cell)) => metrics::Gauge::from_arc(cell),
            _ => metrics::Gauge::noop(),
        }
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> metrics::Histogram {
        match self.cell(Kind::Histogram, key) {
            Some(Cell::Histogram(cell)) => metrics::Histogram::from_arc(cell),
            _ => metrics::Histogram::noop(),
        }
    }
}

impl Source for Registry {
    /// Waits for those who register a new series, not for those who record.
    fn collect(&self, snapshot: &mut Snapshot) {
        for family in &self.read().families {
            family.collect(snapshot);
        }
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.read();
        f.debug_struct("Registry")
            .field("families", &state.families.len())
            .field("series", &state.series)
            .finish()
    }
}
