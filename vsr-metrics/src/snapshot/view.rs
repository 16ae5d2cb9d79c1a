//! Reading a snapshot: families, their series, and each series' labels and value.

use std::fmt;

use super::{Amount, Exponential, Histogram, Instance, Number, Part, Value};
use crate::descriptor::{CatalogDescriptor, Descriptor, GaugeKind, Instrument, LabelDescriptor, LabelValues};

/// A family and its series over all instances.
#[derive(Clone, Copy, Debug)]
pub struct Family<'a> {
    part: &'a Part,
    descriptor: &'static Descriptor,
}

/// One series: an instance's value for one combination of label values.
#[derive(Clone, Copy, Debug)]
pub struct Series<'a> {
    part: &'a Part,
    instance: &'a Instance,
    descriptor: &'static Descriptor,
    index: usize,
    value: Value<'a>,
}

/// The text of a label value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabelText {
    /// A value with a name.
    Name(&'static str),
    /// An integer.
    Integer(u32),
}

impl<'a> Family<'a> {
    pub(super) fn all(part: &'a Part) -> impl Iterator<Item = Self> {
        part.catalog.families.iter().map(move |descriptor| Self { part, descriptor })
    }

    /// What the catalog says of the family.
    pub fn descriptor(&self) -> &'static Descriptor {
        self.descriptor
    }

    /// The catalog that it stands in.
    pub(crate) fn catalog(&self) -> &'static CatalogDescriptor {
        self.part.catalog
    }

    /// All series that are exported: those with closed names from the start, gauges once they are set, series
    /// of bounded integers once they are recorded.
    pub fn series(&self) -> impl Iterator<Item = Series<'a>> + use<'a> {
        let Self { part, descriptor } = *self;
        part.instances.iter().flat_map(move |instance| {
            (0..descriptor.series()).filter_map(move |index| {
                let value = value(instance, descriptor, index)?;
                Some(Series { part, instance, descriptor, index, value })
            })
        })
    }

    /// The series with these label values, in any order; constant labels may be among them.
    pub fn find(&self, labels: &[(&str, &str)]) -> Option<Series<'a>> {
        self.series().find(|series| {
            labels.iter().all(|(name, value)| {
                series.labels().any(|(known, text)| known == *name && text.to_string() == *value)
            })
        })
    }
}

impl<'a> Series<'a> {
    /// The value.
    pub fn value(&self) -> Value<'a> {
        self.value
    }

    /// Constant labels that are fixed, then the family's own, each with its value.
    pub fn labels(&self) -> impl Iterator<Item = (&'static str, LabelText)> + use<'a> {
        let constants = self.part.catalog.constant_labels.iter().zip(&self.instance.constants);
        let fixed = constants.filter_map(|(label, index)| Some((label.name, label_text(label, *index)?)));
        fixed.chain(own_labels(self.descriptor, self.index))
    }
}

impl fmt::Display for LabelText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Integer(value) => write!(f, "{value}"),
        }
    }
}

/// The label values of a family's series: the first label changes slowest.
pub(crate) fn own_labels(
    descriptor: &'static Descriptor,
    series: usize,
) -> impl Iterator<Item = (&'static str, LabelText)> {
    let mut rest = descriptor.series();
    let mut index = series;
    descriptor.labels.iter().filter_map(move |label| {
        rest /= label.values.size();
        let value = u32::try_from(index / rest).ok();
        index %= rest;
        Some((label.name, label_text(label, value)?))
    })
}

/// The text of a label's value by its index.
pub(crate) fn label_text(label: &'static LabelDescriptor, index: Option<u32>) -> Option<LabelText> {
    let index = index?;
    match &label.values {
        LabelValues::Enum(names) => names.get(usize::try_from(index).ok()?).copied().map(LabelText::Name),
        LabelValues::Range { min, .. } => Some(LabelText::Integer(min + index)),
        LabelValues::Dynamic(text) => text(index).map(LabelText::Name),
    }
}

/// The value of one series, unless it is not exported yet.
pub(crate) fn value<'a>(
    instance: &'a Instance,
    descriptor: &'static Descriptor,
    series: usize,
) -> Option<Value<'a>> {
    let first = descriptor.first + series * descriptor.cells_per_series();
    let scale = descriptor.scale;
    match &descriptor.instrument {
        Instrument::Counter => {
            let stored = instance.cells[first];
            (stored != 0 || descriptor.exported_from_start())
                .then_some(Value::Counter(Amount { stored, scale }))
        }
        Instrument::Gauge(kind) => instance.gauges[first].map(|bits| Value::Gauge(number(kind, bits))),
        Instrument::Histogram { bounds, bound_names, grid } => {
            let cells = &instance.cells[first..first + descriptor.cells_per_series()];
            let (cells, fine) = cells.split_at(bounds.len() + 2);
            let exponential = grid.map(|grid| Exponential { grid, cells: fine });
            let histogram = Histogram { bounds, bound_names, scale, cells, exponential };
            (histogram.count() != 0 || descriptor.exported_from_start())
                .then_some(Value::Histogram(histogram))
        }
    }
}

/// Reads the bits of a gauge.
pub(crate) fn number(kind: &GaugeKind, bits: u64) -> Number {
    match kind {
        GaugeKind::U64 | GaugeKind::States(_) => Number::U64(bits),
        GaugeKind::I64 => Number::I64(bits.cast_signed()),
        GaugeKind::F64 => Number::F64(f64::from_bits(bits)),
    }
}
