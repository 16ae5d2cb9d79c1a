//! Recording: counters, gauges and histograms, ours and the peers'.

mod counter;
mod histogram;
mod timer;

pub use counter::{FETCH_ADD, LIMIT, OURS, labelled, plain, set};
pub use histogram::observations;
pub use timer::timers;

/// Inputs of one pass. Long, so that no branch predictor learns them.
pub const INPUTS: usize = 65_536;
