//! A catalog of 100,000 series: ten counters by a label of ten thousand values.

use std::sync::OnceLock;

use vsr_metrics::descriptor::{CatalogDescriptor, Descriptor, Instrument, LabelDescriptor, LabelValues};

/// Series of each family.
const EACH: usize = 10_000;

/// Counters, and thus series.
pub const SERIES: usize = NAMES.len() * EACH;

const NAMES: [&str; 10] = [
    "large_zero_total",
    "large_one_total",
    "large_two_total",
    "large_three_total",
    "large_four_total",
    "large_five_total",
    "large_six_total",
    "large_seven_total",
    "large_eight_total",
    "large_nine_total",
];

static TENANT: LabelDescriptor =
    LabelDescriptor { name: "tenant", values: LabelValues::Range { min: 0, max: EACH as u32 - 1 } };

static REPLICA: LabelDescriptor =
    LabelDescriptor { name: "replica_id", values: LabelValues::Range { min: 0, max: 9 } };

static LABELS: [&LabelDescriptor; 1] = [&TENANT];

static CONSTANT_LABELS: [&LabelDescriptor; 1] = [&REPLICA];

/// What `catalog!` would say of it.
pub fn catalog() -> &'static CatalogDescriptor {
    static CATALOG: OnceLock<CatalogDescriptor> = OnceLock::new();
    CATALOG.get_or_init(|| {
        let families: Vec<Descriptor> = NAMES.iter().enumerate().map(family).collect();
        CatalogDescriptor {
            name: "large",
            prefix: "large_",
            version: "1.0.0",
            constant_labels: &CONSTANT_LABELS,
            families: families.leak(),
        }
    })
}

fn family((index, name): (usize, &&'static str)) -> Descriptor {
    Descriptor {
        name,
        help: "Operations of a tenant.",
        unit: "",
        group: "large",
        owner: "",
        stable: true,
        labels: &LABELS,
        instrument: Instrument::Counter,
        aggregate: None,
        scale: 1,
        first: index * EACH,
    }
}
