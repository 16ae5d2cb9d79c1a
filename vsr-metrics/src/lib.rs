//! Typed metrics from a YAML catalog.
#![forbid(unsafe_code)]

pub mod descriptor;
pub mod storage;
