//! Units as Grafana calls them.

use vsr_metrics_catalog::model::{Family, Unit};

/// A plain number, shortened: `1.2 K`.
pub(super) const NUMBER: &str = "short";

/// The unit of a value.
pub(super) const fn level(unit: Option<Unit>) -> &'static str {
    match unit {
        Some(Unit::Milliseconds) => "ms",
        Some(Unit::Seconds) => "s",
        Some(Unit::Bytes) => "bytes",
        Some(Unit::BytesPerSecond) => "binBps",
        Some(Unit::OperationsPerSecond) => "ops",
        Some(Unit::Percent) => "percent",
        Some(Unit::Operations) | None => NUMBER,
    }
}

/// The unit of a counter's rate.
pub(super) const fn rate(family: &Family) -> &'static str {
    match family.unit {
        Some(Unit::Bytes) => "binBps",
        Some(Unit::Operations) => "ops",
        // Seconds in a second are a share of the time.
        Some(Unit::Seconds) => "percentunit",
        _ => "cps",
    }
}
