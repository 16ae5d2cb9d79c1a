//! One number for a whole cluster: the instances of each catalog merged into one without constant labels.

use super::{Instance, Part, Snapshot, view};
use crate::descriptor::{Aggregate, CatalogDescriptor, Descriptor, GaugeKind, Instrument};
use crate::snapshot::Number;

impl Snapshot {
    /// Counters and histograms summed over instances, gauges by the rule that the catalog gives them. Gauges
    /// without a rule are left out: no single number would tell the truth. So is a sum of opposite infinities.
    #[must_use]
    pub fn aggregate(&self) -> Self {
        let parts =
            self.parts().map(|part| Part { catalog: part.catalog, instances: vec![whole(part)] }).collect();
        Self { parts, spare: Vec::new() }
    }

    /// Instances of one catalog that share all constant labels, merged into one each.
    pub(crate) fn merge_twins(&self) -> Self {
        let parts =
            self.parts().map(|part| Part { catalog: part.catalog, instances: distinct(part) }).collect();
        Self { parts, spare: Vec::new() }
    }
}

fn whole(part: &Part) -> Instance {
    let constants = vec![None; part.catalog.constant_labels.len()];
    merge(part.catalog, constants, &part.instances.iter().collect::<Vec<_>>())
}

fn distinct(part: &Part) -> Vec<Instance> {
    let mut distinct: Vec<Instance> = Vec::new();
    for instance in &part.instances {
        if distinct.iter().any(|known| known.constants == instance.constants) {
            continue;
        }
        let alike = |known: &&Instance| known.constants == instance.constants;
        let twins: Vec<_> = part.instances.iter().filter(alike).collect();
        distinct.push(match twins[..] {
            [alone] => alone.clone(),
            _ => merge(part.catalog, instance.constants.clone(), &twins),
        });
    }
    distinct
}

fn merge(
    catalog: &'static CatalogDescriptor,
    constants: Vec<Option<u32>>,
    instances: &[&Instance],
) -> Instance {
    let mut merged = Instance {
        constants,
        cells: vec![0; instances.iter().map(|instance| instance.cells.len()).max().unwrap_or(0)],
        gauges: vec![None; instances.iter().map(|instance| instance.gauges.len()).max().unwrap_or(0)],
    };
    for instance in instances {
        for (total, cell) in merged.cells.iter_mut().zip(&instance.cells) {
            *total = total.saturating_add(*cell);
        }
    }
    for family in catalog.families {
        if let (Instrument::Gauge(kind), Some(rule)) = (&family.instrument, family.aggregate) {
            merge_gauges(&mut merged, instances, family, kind, rule);
        }
    }
    merged
}

fn merge_gauges(
    merged: &mut Instance,
    instances: &[&Instance],
    family: &Descriptor,
    kind: &GaugeKind,
    rule: Aggregate,
) {
    for gauge in family.first..family.first + family.series() {
        let mut set = instances.iter().filter_map(|instance| instance.gauges[gauge]);
        let first = set.next();
        merged.gauges[gauge] = first.and_then(|first| set.try_fold(first, |a, b| combine(kind, rule, a, b)));
    }
}

/// `None` where the two make no number.
fn combine(kind: &GaugeKind, rule: Aggregate, a: u64, b: u64) -> Option<u64> {
    let combined = match (view::number(kind, a), view::number(kind, b)) {
        (Number::I64(a), Number::I64(b)) => match rule {
            Aggregate::Sum => a.saturating_add(b),
            Aggregate::Max => a.max(b),
            Aggregate::Min => a.min(b),
        }
        .cast_unsigned(),
        (Number::F64(a), Number::F64(b)) => {
            let combined = match rule {
                Aggregate::Sum => a + b,
                Aggregate::Max => a.max(b),
                Aggregate::Min => a.min(b),
            };
            if combined.is_nan() {
                return None;
            }
            combined.to_bits()
        }
        _ => match rule {
            Aggregate::Sum => a.saturating_add(b),
            Aggregate::Max => a.max(b),
            Aggregate::Min => a.min(b),
        },
    };
    Some(combined)
}
