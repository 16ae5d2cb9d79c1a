//! Labels at run time: what their types refuse, and the labels fixed once for a whole instance.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};

/// A number outside the range that the catalog gives a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfRange {
    label: &'static str,
    value: u32,
    min: u32,
    max: u32,
}

impl OutOfRange {
    /// `value` is not within `min..=max`, the range of `label`.
    pub const fn new(label: &'static str, value: u32, min: u32, max: u32) -> Self {
        Self { label, value, min, max }
    }

    /// The number that was refused.
    pub const fn value(&self) -> u32 {
        self.value
    }
}

impl fmt::Display for OutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { label, value, min, max } = self;
        write!(f, "`{label}` must be within {min}..={max}, not `{value}`")
    }
}

impl std::error::Error for OutOfRange {}

/// A label fixed once for a whole instance; absent from every output until then.
#[derive(Debug)]
pub struct ConstantLabel(AtomicU32);

/// No label has this many values: ranges end at `u32::MAX - 1` values.
const UNSET: u32 = u32::MAX;

impl ConstantLabel {
    /// A label still to be fixed.
    pub const fn unset() -> Self {
        Self(AtomicU32::new(UNSET))
    }

    /// A label fixed from the start, by the index of its value.
    pub const fn fixed(index: u32) -> Self {
        Self(AtomicU32::new(index))
    }

    /// Fixes the label and tells whether this call did it: the first one wins.
    pub fn fix(&self, index: u32) -> bool {
        self.0.compare_exchange(UNSET, index, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Index of the value among the label's values, once it is fixed.
    pub fn index(&self) -> Option<u32> {
        Some(self.0.load(Ordering::Relaxed)).filter(|index| *index != UNSET)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_fix_wins() {
        let label = ConstantLabel::unset();
        assert_eq!(label.index(), None);
        assert!(label.fix(3));
        assert!(!label.fix(4));
        assert_eq!(label.index(), Some(3));
    }

    #[test]
    fn a_refused_number_says_what_was_expected() {
        let error = OutOfRange::new("peer", 300, 0, 15);
        assert_eq!(error.to_string(), "`peer` must be within 0..=15, not `300`");
    }
}
