//! What OpenMetrics 1.0 says its own way.

use super::prometheus::escape;
use crate::descriptor::{Descriptor, Instrument};

/// The last line.
pub(super) const END: &[u8] = b"# EOF\n";

/// The header of a family. A counter's family is named without the `_total` of its samples; one whose name
/// has no `_total` is of an unknown type here, so that its samples keep their name.
pub(super) fn header(family: &Descriptor, out: &mut Vec<u8>) {
    let (name, kind) = match (&family.instrument, family.name.strip_suffix("_total")) {
        (Instrument::Counter, Some(name)) => (name, "counter"),
        (Instrument::Counter, None) => (family.name, "unknown"),
        (Instrument::Gauge(_), _) => (family.name, "gauge"),
        (Instrument::Histogram { .. }, _) => (family.name, "histogram"),
    };
    for piece in ["# TYPE ", name, " ", kind, "\n"] {
        out.extend_from_slice(piece.as_bytes());
    }
    if ends_in_unit(name, family.unit) {
        for piece in ["# UNIT ", name, " ", family.unit, "\n"] {
            out.extend_from_slice(piece.as_bytes());
        }
    }
    for piece in ["# HELP ", name, " "] {
        out.extend_from_slice(piece.as_bytes());
    }
    escape(family.help, out);
    out.push(b'\n');
}

/// The format allows a unit only if the family's name ends in it.
fn ends_in_unit(name: &str, unit: &str) -> bool {
    !unit.is_empty() && name.strip_suffix(unit).is_some_and(|stem| stem.len() > 1 && stem.ends_with('_'))
}

/// A bound, written as plain decimal in the catalog, in the canonical form: Go's `%g` with a point added
/// where the number would look like an integer.
pub(super) fn canonical(bound: &str) -> String {
    let (whole, fraction) = bound.split_once('.').unwrap_or((bound, ""));
    let all: String = whole.chars().chain(fraction.chars()).collect();
    if all.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) {
        return bound.to_owned();
    }
    let zeros = all.len() - all.trim_start_matches('0').len();
    let digits = all[zeros..].trim_end_matches('0');
    if digits.is_empty() {
        return "0.0".to_owned();
    }
    // The power of ten of the first digit, which decides between the two notations.
    let exponent = signed(whole.len()) - signed(zeros) - 1;
    if (-4..6).contains(&exponent) { plain(digits, exponent) } else { scientific(digits, exponent) }
}

fn plain(digits: &str, exponent: i32) -> String {
    let before_point = usize::try_from(exponent + 1).unwrap_or(0);
    if before_point == 0 {
        return format!("0.{}{digits}", "0".repeat(exponent.unsigned_abs() as usize - 1));
    }
    if digits.len() <= before_point {
        return format!("{digits}{}.0", "0".repeat(before_point - digits.len()));
    }
    let (whole, fraction) = digits.split_at(before_point);
    format!("{whole}.{fraction}")
}

fn scientific(digits: &str, exponent: i32) -> String {
    let (first, rest) = digits.split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{first}{point}{rest}e{sign}{:02}", exponent.unsigned_abs())
}

/// A number of digits; a bound has a few dozen at most.
fn signed(digits: usize) -> i32 {
    i32::try_from(digits).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_take_the_canonical_form() {
        for (bound, expected) in [
            ("0", "0.0"),
            ("0.0", "0.0"),
            ("1", "1.0"),
            ("10", "10.0"),
            ("100000", "100000.0"),
            ("1000000", "1e+06"),
            ("1048576", "1.048576e+06"),
            ("10000000000", "1e+10"),
            ("0.1", "0.1"),
            ("0.5", "0.5"),
            ("2.5", "2.5"),
            ("25.50", "25.5"),
            ("0.001", "0.001"),
            ("0.0001", "0.0001"),
            ("0.00001", "1e-05"),
            ("0.000025", "2.5e-05"),
        ] {
            assert_eq!(canonical(bound), expected);
        }
    }

    #[test]
    fn units_stand_only_where_the_name_ends_in_them() {
        assert!(ends_in_unit("vsr_prepare_latency_ms", "ms"));
        assert!(!ends_in_unit("vsr_prepare_latency_ms", "milliseconds"));
        assert!(!ends_in_unit("vsr_alarms", "ms"));
        assert!(!ends_in_unit("vsr_view", ""));
        assert!(!ends_in_unit("_ms", "ms"));
    }
}
