//! Recording: counters, gauges and histograms, ours and the peers'.

mod counter;
mod histogram;

pub use counter::{FETCH_ADD, LIMIT, labelled, plain, set};
pub use histogram::observations;

/// Inputs of one pass. Long, so that no branch predictor learns them.
pub const INPUTS: usize = 65_536;
