//! What the catalog says that a judge should see.

use std::collections::BTreeSet;

use vsr_metrics_catalog::Catalog;
use vsr_metrics_catalog::model::{Family, Instrument, LabelValues};

use crate::catalog;

/// Lints of the catalog that promtool knows as well: an exception to one is a complaint of promtool.
const PROMTOOL_LINTS: [&str; 2] = ["base-unit", "count-suffix"];

/// One query for a number of series.
#[derive(Debug, PartialEq, Eq)]
pub struct SeriesCount {
    /// Exported name of the samples.
    pub name: String,
    /// How many series there are per instance.
    pub count: u64,
    /// Whether there may be fewer: a bounded integer appears once it is recorded.
    pub or_fewer: bool,
}

/// The catalog of this repository.
///
/// # Errors
/// If it cannot be read or has errors.
pub fn vsr() -> Result<Catalog, String> {
    let (name, _) = catalog::COMMITTED[0];
    let outcome = catalog::read(name.as_ref()).map_err(|refused| refused.to_string())?;
    if outcome.diagnostics.has_errors() {
        return Err(format!("`{name}` has errors: run `cargo xtask check`"));
    }
    Ok(outcome.catalog)
}

/// The names that promtool has to complain about.
///
/// # Errors
/// If the catalog cannot be read or has errors.
pub fn excepted() -> Result<BTreeSet<String>, String> {
    Ok(excepted_in(&vsr()?))
}

/// The series of every counter and histogram.
pub fn series(catalog: &Catalog) -> Vec<SeriesCount> {
    let mut counts = Vec::new();
    for family in &catalog.families {
        let series = catalog.series(family);
        let or_fewer = has_range(catalog, family);
        let mut expect = |suffix: &str, count| {
            counts.push(SeriesCount { name: format!("{}{suffix}", family.name), count, or_fewer });
        };
        match &family.instrument {
            Instrument::Counter => expect("", series),
            Instrument::Gauge(_) => {}
            Instrument::Histogram { bounds, .. } => {
                expect("_count", series);
                expect("_sum", series);
                // One bucket more than there are bounds: `+Inf`.
                expect("_bucket", series * (bounds.len() as u64 + 1));
            }
        }
    }
    counts
}

/// Families that an exception to one of promtool's lints names.
fn excepted_in(catalog: &Catalog) -> BTreeSet<String> {
    let exceptions =
        catalog.exceptions.iter().filter(|exception| PROMTOOL_LINTS.contains(&exception.lint.as_str()));
    let globs: Vec<&str> = exceptions.flat_map(|exception| &exception.metrics).map(String::as_str).collect();
    let families = catalog.families.iter().map(|family| &family.name);
    families.filter(|name| globs.iter().any(|glob| matches(glob, name))).cloned().collect()
}

/// Whether a label of the family is a bounded integer.
fn has_range(catalog: &Catalog, family: &Family) -> bool {
    family.labels.iter().any(|id| matches!(catalog.label(*id).values, LabelValues::Range { .. }))
}

/// Whether a name fits a glob, in which `*` stands for any characters.
fn matches(glob: &str, name: &str) -> bool {
    match glob.split_once('*') {
        None => glob == name,
        Some((before, after)) => name.strip_prefix(before).is_some_and(|rest| {
            (0..=rest.len()).any(|at| rest.get(at..).is_some_and(|tail| matches(after, tail)))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn glob_matches_whole_names() {
        assert!(matches("vsr_*_ms", "vsr_prepare_latency_ms"));
        assert!(matches("vsr_x", "vsr_x"));
        assert!(!matches("vsr_x", "vsr_xy"));
        assert!(!matches("vsr_*_ms", "vsr_prepare_latency_seconds"));
    }
}
