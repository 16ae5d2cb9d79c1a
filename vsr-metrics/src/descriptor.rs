//! Static facts about metric families: what the catalog says, at run time, for encoders and tools.

use crate::storage::{GRID, Grid};

/// A whole catalog.
#[derive(Debug)]
pub struct CatalogDescriptor {
    /// Short name, such as `vsr`.
    pub name: &'static str,
    /// Prefix of every exported name.
    pub prefix: &'static str,
    /// Version of the catalog.
    pub version: &'static str,
    /// Labels fixed once for a whole instance.
    pub constant_labels: &'static [&'static LabelDescriptor],
    /// All families, in the order of the catalog.
    pub families: &'static [Descriptor],
}

/// A metric family.
#[derive(Debug)]
pub struct Descriptor {
    /// Exported name.
    pub name: &'static str,
    /// Help text.
    pub help: &'static str,
    /// Unit of the exported number, as the suffix that spells it (`ms`), or empty.
    pub unit: &'static str,
    /// Group that documents the family.
    pub group: &'static str,
    /// Who answers questions about it, or empty.
    pub owner: &'static str,
    /// Whether name and labels are firm.
    pub stable: bool,
    /// Labels of each recording.
    pub labels: &'static [&'static LabelDescriptor],
    /// What kind of number it is.
    pub instrument: Instrument,
    /// How gauges of several instances become one number.
    pub aggregate: Option<Aggregate>,
    /// Stored integers in one exported unit: 1,000,000 for milliseconds kept as nanoseconds, else 1.
    pub scale: u64,
    /// First cell: in the shards for counters and histograms, among the gauges for gauges.
    pub first: usize,
}

/// What kind of number a family is.
#[derive(Debug)]
pub enum Instrument {
    /// A total that only grows; one cell a series.
    Counter,
    /// A value that goes up and down.
    Gauge(GaugeKind),
    /// A distribution; a cell for each bound, one for `+Inf`, one for the sum, and those of the grid, in that order.
    Histogram {
        /// Upper bounds as stored integers (nanoseconds for time), strictly increasing.
        bounds: &'static [u64],
        /// The same bounds as exported: `0.1`, `1`, `100`.
        bound_names: &'static [&'static str],
        /// Finer buckets beside them.
        grid: Option<&'static Grid>,
    },
}

/// How the bits of a gauge are read.
#[derive(Debug)]
pub enum GaugeKind {
    /// Unsigned integer.
    U64,
    /// Signed integer.
    I64,
    /// Floating point.
    F64,
    /// Unsigned integer with a name for each value.
    States(&'static [(&'static str, u32)]),
}

/// How gauges of several instances become one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregate {
    /// Add them.
    Sum,
    /// Take the largest.
    Max,
    /// Take the smallest.
    Min,
}

/// A label and its closed set of values.
#[derive(Debug)]
pub struct LabelDescriptor {
    /// Exported name.
    pub name: &'static str,
    /// Its values.
    pub values: LabelValues,
}

/// The values of a label.
#[derive(Debug)]
pub enum LabelValues {
    /// Named values, in the order of their indices.
    Enum(&'static [&'static str]),
    /// Integers from `min` to `max`, both included.
    Range {
        /// Smallest value.
        min: u32,
        /// Largest value.
        max: u32,
    },
    /// Values that are chosen while the program runs, by their indices. Only labels of a whole instance can have such.
    Dynamic(fn(u32) -> Option<&'static str>),
}

impl CatalogDescriptor {
    /// The most sample lines that one instance exposes.
    pub const fn sample_lines(&self) -> usize {
        let mut sum = 0;
        let mut index = 0;
        while index < self.families.len() {
            sum += self.families[index].sample_lines();
            index += 1;
        }
        sum
    }
}

impl LabelValues {
    /// How many values there are, as far as that is known beforehand.
    pub const fn size(&self) -> usize {
        match self {
            Self::Enum(names) => names.len(),
            Self::Range { min, max } => (*max - *min) as usize + 1,
            Self::Dynamic(_) => 0,
        }
    }
}

impl Descriptor {
    /// The number of series: the product of the labels' sizes.
    pub const fn series(&self) -> usize {
        let mut product = 1;
        let mut index = 0;
        while index < self.labels.len() {
            product *= self.labels[index].values.size();
            index += 1;
        }
        product
    }

    /// The number of cells of one series.
    pub const fn cells_per_series(&self) -> usize {
        match &self.instrument {
            Instrument::Counter | Instrument::Gauge(_) => 1,
            Instrument::Histogram { bounds, grid, .. } => {
                bounds.len() + 2 + if grid.is_some() { GRID } else { 0 }
            }
        }
    }

    /// The most sample lines that the family exposes: a histogram has one for each bound, `+Inf`, the sum and the
    /// count.
    pub const fn sample_lines(&self) -> usize {
        match &self.instrument {
            Instrument::Counter | Instrument::Gauge(_) => self.series(),
            Instrument::Histogram { bounds, .. } => self.series() * (bounds.len() + 3),
        }
    }

    /// Whether every series is exported from the start. With a bounded integer among the labels, a series
    /// appears when it is first recorded: most peers of a large range do not exist.
    pub fn exported_from_start(&self) -> bool {
        self.labels.iter().all(|label| matches!(label.values, LabelValues::Enum(_)))
    }
}
