//! Expands a metrics catalog into Rust, and renders the files that operators read.
//!
//! Both are pure: the same [`Catalog`](vsr_metrics_catalog::Catalog) gives the same tokens and the same files.
#![forbid(unsafe_code)]

pub mod expand;
mod names;
mod promql;
#[cfg(feature = "render")]
pub mod render;
mod uses;
