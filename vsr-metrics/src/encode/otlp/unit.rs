//! The unit of a family in OTLP, such that a receiver that writes Prometheus names gives back the catalog's.
//!
//! Translators spell the unit out and append it to names that don't have it yet: `vsr_prepare_latency_ms` with the
//! unit `ms` would end in `_ms_milliseconds`. They drop whatever stands in braces.

use crate::descriptor::Descriptor;

/// Units that translators spell as names here end: those are given as what they are.
const SPELLED: [(&str, &str); 2] = [("_seconds", "s"), ("_bytes", "By")];

/// The unit: exact where no translation can change the name, else in braces, for people to read.
pub(super) fn unit(family: &Descriptor) -> String {
    if family.unit.is_empty() {
        return String::new();
    }
    let name = family.name.strip_suffix("_total").unwrap_or(family.name);
    let exact =
        SPELLED.iter().find(|(suffix, _)| *suffix == format!("_{}", family.unit) && name.ends_with(suffix));
    exact.map_or_else(|| format!("{{{}}}", family.unit), |(_, code)| (*code).to_owned())
}
