//! Judges: real programs that read what we write, fetched into the build directory and started on loopback.

use crate::test::Step;

/// The steps.
pub const STEPS: &[Step] = &[];
