//! Expands a metrics catalog into Rust, and renders the files that operators read.
