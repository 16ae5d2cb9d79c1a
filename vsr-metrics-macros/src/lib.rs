//! The `catalog!` macro of vsr-metrics.
