//! How long a line can become, known when compiling.

use super::{PACKET_SIZE, RESERVED};
use crate::descriptor::{CatalogDescriptor, Descriptor, GaugeKind, Instrument, LabelDescriptor, LabelValues};

/// Digits of an integer of 64 bits, its sign, and the point and digits of a fraction of nanoseconds.
const INTEGER: usize = 20 + 1 + 9;
/// A floating point number without exponent: a sign, `0.`, and the digits down to those of the smallest number.
const FLOAT: usize = 1 + 2 + 324;
/// `|@` and a sampling rate: `0.`, nineteen zeros, and the digits of a float.
const RATE: usize = 2 + 2 + 19 + 17;
/// The longest of `|c`, `|g`, `|ms`, `|#` and a line feed, twice over.
const MARKS: usize = 2 * (3 + 2 + 1);
/// The longest of `_bucket`, `_count`, `_sum`.
const SUFFIX: usize = 7;
/// Values that share a line.
pub(super) const VALUES: usize = 8;

/// The most bytes that one piece of the catalog's families takes, without prefix and tags of the encoder: a line, or the
/// two lines of a gauge below zero. The constant labels of an instance count.
pub const fn longest(catalog: &CatalogDescriptor) -> usize {
    let constants = labels(catalog.constant_labels);
    let mut longest = 0;
    let mut index = 0;
    while index < catalog.families.len() {
        let length = piece(&catalog.families[index], constants);
        if length > longest {
            longest = length;
        }
        index += 1;
    }
    longest
}

/// Whether every line of the catalog fits a datagram, with the longest prefix and tags. `catalog!` asserts it when
/// compiling.
pub const fn fits(catalog: &CatalogDescriptor) -> bool {
    longest(catalog) + RESERVED <= PACKET_SIZE
}

const fn piece(family: &Descriptor, constants: usize) -> usize {
    let key = family.name.len() + constants + labels(family.labels);
    match &family.instrument {
        Instrument::Counter => key + INTEGER + MARKS,
        Instrument::Gauge(GaugeKind::F64) => 2 * key + FLOAT + MARKS + 2,
        Instrument::Gauge(_) => 2 * key + INTEGER + MARKS + 2,
        Instrument::Histogram { .. } => key + SUFFIX + bound() + VALUES * (INTEGER + 1) + RATE + MARKS,
    }
}

/// The tag of a bucket.
const fn bound() -> usize {
    "|le:".len() + INTEGER
}

/// A separator, the name, a separator and the longest value of each label. What catalogs allow in them is written as it
/// stands.
const fn labels(labels: &[&LabelDescriptor]) -> usize {
    let mut sum = 0;
    let mut index = 0;
    while index < labels.len() {
        sum += 2 + labels[index].name.len() + value(&labels[index].values);
        index += 1;
    }
    sum
}

const fn value(values: &LabelValues) -> usize {
    let LabelValues::Enum(names) = values else { return 10 };
    let mut longest = 0;
    let mut index = 0;
    while index < names.len() {
        if names[index].len() > longest {
            longest = names[index].len();
        }
        index += 1;
    }
    longest
}
