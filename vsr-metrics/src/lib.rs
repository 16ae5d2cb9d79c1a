//! Typed metrics from a YAML catalog: recording that costs next to nothing, and every exporter from one
//! snapshot.
#![forbid(unsafe_code)]

extern crate self as vsr_metrics;

#[cfg(feature = "vsr")]
mod catalog;
pub mod descriptor;
#[cfg(feature = "text")]
pub mod encode;
#[cfg(feature = "text")]
pub mod export;
pub mod health;
pub mod label;
pub mod snapshot;
pub mod storage;
pub mod timer;

#[cfg(feature = "vsr")]
pub use catalog::*;
pub use label::OutOfRange;
pub use snapshot::{Snapshot, SnapshotDelta, Source};
pub use timer::Timer;

/// Compiles a catalog into typed metrics.
pub use vsr_metrics_macros::catalog;

/// Passes its input on where the feature `text` is on. What `catalog!` expands to holds no `cfg` of its own: it
/// would be judged in the user's crate.
#[cfg(feature = "text")]
#[doc(hidden)]
#[macro_export]
macro_rules! __with_text {
    ($($item:tt)*) => { $($item)* };
}

/// Drops its input where the feature `text` is off.
#[cfg(not(feature = "text"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __with_text {
    ($($item:tt)*) => {};
}
