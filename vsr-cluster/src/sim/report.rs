//! Which families of the catalog a scenario populated, and with what.

use std::collections::BTreeMap;

use vsr_metrics::Snapshot;
use vsr_metrics::snapshot::Value;

use super::families::{Compared, row};

/// A family after a scenario.
#[derive(Clone, Debug)]
pub struct Populated {
    /// Its name.
    pub family: &'static str,
    /// Series that something was recorded in.
    pub series: usize,
    /// Series that exist.
    pub of: usize,
    /// Numbers that were compared with a count of their own.
    pub compared: usize,
    /// What populates it, or why nothing does here.
    pub by: &'static str,
    /// Whether nothing can populate it here: its part of the system is not in a simulation.
    pub is_elsewhere: bool,
}

/// All families of a snapshot, in the catalog's order, with how many of their numbers were compared.
pub fn populated(snapshot: &Snapshot, compared: &BTreeMap<&'static str, usize>) -> Vec<Populated> {
    let one = |family: vsr_metrics::snapshot::Family<'_>| {
        let name = family.descriptor().name;
        let is_recorded = |value: Value<'_>| match value {
            Value::Counter(amount) => amount.stored > 0,
            Value::Gauge(_) => true,
            Value::Histogram(histogram) => histogram.count() > 0,
        };
        let row = row(name);
        Populated {
            family: name,
            series: family.series().filter(|series| is_recorded(series.value())).count(),
            of: family.series().count(),
            by: row.map_or("nobody knows", |row| row.by),
            compared: compared.get(name).copied().unwrap_or(0),
            is_elsewhere: row.is_some_and(|row| row.compared == Compared::Elsewhere),
        }
    };
    snapshot.families().map(one).collect()
}
