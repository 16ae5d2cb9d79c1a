//! The primitives under the storage: the standard library's, or the model checker's.

#[cfg(vsr_metrics_loom)]
pub(super) use loom::sync::atomic::{AtomicBool, AtomicU64, Ordering};
#[cfg(not(vsr_metrics_loom))]
pub(super) use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
