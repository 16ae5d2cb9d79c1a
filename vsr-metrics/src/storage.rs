//! Where recordings land: one shard of all cells per thread, and one writer per shard.
//!
//! A recording reads its thread's slot number, finds that slot's shard, and does a plain load, add and store on
//! a cell that no other thread writes. There is no locked instruction and no shared cache line. Through a
//! catalog's static it is shorter still: the thread keeps its shard at hand ([`Home`]). A thread takes a free slot on its first recording and gives it back when it ends; the shard and its values stay, and the
//! next thread goes on from them. When all slots are taken, or a thread is being torn down, recordings go to
//! one shared shard with atomic adds.

mod buckets;
mod cell;
mod gauge;
mod grid;
mod home;
mod sharded;
mod slot;
mod sync;
mod taken;

#[cfg(all(test, vsr_metrics_loom))]
mod models;

pub use buckets::{Buckets, Gridded};
pub use gauge::Gauges;
pub(crate) use grid::{FINE, PARTS};
pub use grid::{GRID, Grid};
pub use home::{Anywhere, Home, Kept, Own};
pub use sharded::{PADDING, Sharded};

/// Whether recordings do nothing: a private switch, to measure what they cost (`cargo xtask overhead`).
const SILENT: bool = cfg!(vsr_metrics_silent);

/// A duration as the cells keep it; 584 years and more are one value.
#[inline]
pub fn nanoseconds(duration: std::time::Duration) -> u64 {
    duration.as_secs().saturating_mul(1_000_000_000).saturating_add(u64::from(duration.subsec_nanos()))
}
